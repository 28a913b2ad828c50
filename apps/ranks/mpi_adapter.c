/* What crc needs of MPI, as plain C: one source that whichever mpicc there is compiles, because the ABIs of Open MPI
 * and MPICH differ. The programs open the result at run time (apps/ranks/mpi.cpp), and need none where nobody starts
 * them by mpirun or srun. By hand, on a cluster whose MPI the build did not know:
 *     mpicc -shared -fPIC -O2 -o libcrc_mpi.so mpi_adapter.c        and set CRC_MPI_ADAPTER to its path */
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>

int crc_mpi_start(int* rank, int* size) {
  int level;
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS) return 1;
  return MPI_Comm_rank(MPI_COMM_WORLD, rank) != MPI_SUCCESS || MPI_Comm_size(MPI_COMM_WORLD, size) != MPI_SUCCESS;
}

void crc_mpi_stop(void) { MPI_Finalize(); }

void crc_mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

/* out[r] goes to process r, in[r] comes from it; a message has at most 1 GiB, since MPI counts in int. */
int crc_mpi_swap(int size, const char* const* out, const int64_t* out_bytes, char* const* in, const int64_t* in_bytes) {
  const int64_t most = (int64_t)1 << 30;
  int64_t count = 0, k = 0;
  for (int r = 0; r < size; ++r) count += (out_bytes[r] + most - 1) / most + (in_bytes[r] + most - 1) / most;
  if (count == 0) return 0;
  MPI_Request* requests = malloc((size_t)count * sizeof(MPI_Request));
  if (!requests) return 1;
  for (int r = 0; r < size; ++r) {
    for (int64_t b = 0; b < in_bytes[r]; b += most) {
      const int n = (int)(in_bytes[r] - b < most ? in_bytes[r] - b : most);
      MPI_Irecv(in[r] + b, n, MPI_BYTE, r, 0, MPI_COMM_WORLD, &requests[k++]);
    }
    for (int64_t b = 0; b < out_bytes[r]; b += most) {
      const int n = (int)(out_bytes[r] - b < most ? out_bytes[r] - b : most);
      MPI_Isend(out[r] + b, n, MPI_BYTE, r, 0, MPI_COMM_WORLD, &requests[k++]);
    }
  }
  const int failed = MPI_Waitall((int)count, requests, MPI_STATUSES_IGNORE) != MPI_SUCCESS;
  free(requests);
  return failed;
}
