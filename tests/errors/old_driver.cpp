// libcuda.so.1 as a driver for CUDA 12.4 has it, as far as CUDA 13's runtime looks before it refuses.
extern "C" {
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int* version) {
  *version = 12040;
  return 0;
}
}
