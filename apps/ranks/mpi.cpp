#include "apps/ranks/mpi.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "apps/base/files.h"
#include "apps/base/signals.h"

namespace crc::apps {
namespace {

constexpr const char* kByHand =
    "compile apps/ranks/mpi_adapter.c with your mpicc, as its head says, and set CRC_MPI_ADAPTER to the result; or "
    "CRC_RANKS=off, for processes that have nothing to do with each other";

// Beside the program, or where `cmake --install` puts it.
std::vector<std::string> candidates(const char* name) {
  if (const char* given = std::getenv("CRC_MPI_ADAPTER"); given && *given) return {given};
  std::error_code ignored;
  const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  return {folder / name, folder.parent_path() / "lib/crc" / name, name};
}

class Mpi : public Transport {
 public:
  Mpi(Launcher launcher, int expected) {
    const char* name = launcher == Launcher::open_mpi ? "libcrc_mpi_openmpi.so" : "libcrc_mpi_mpich.so";
    std::string tried;
    for (const std::string& path : candidates(name)) {
      handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
      if (handle_) break;
      tried += fmt::format("{}{}", tried.empty() ? "" : "; ", ::dlerror());
    }
    if (!handle_)
      fail(ExitCode::device_unavailable,
           fmt::format("this is one of {} processes, and there is no adapter to their MPI "
                       "({}): {}",
                       expected, tried, kByHand));
    find(start_, "crc_mpi_start"), find(stop_, "crc_mpi_stop"), find(swap_, "crc_mpi_swap");
    if (start_(&rank_, &size_) != 0) fail(ExitCode::device_unavailable, "MPI_Init failed; its words are above");
    started_ = true;
    if (size_ != expected)
      fail(ExitCode::device_unavailable,
           fmt::format(
               "{} processes were started, and MPI knows {}: the adapter is of another MPI than the launcher; {}",
               expected, size_, kByHand));
  }
  ~Mpi() override {
    if (started_) stop_();
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in) override {
    std::vector<const char*> from;
    std::vector<char*> to;
    std::vector<int64_t> sent, received;
    for (const auto& part : out) from.push_back(part.data()), sent.push_back(int64_t(part.size()));
    for (const auto& part : in) to.push_back(part.data()), received.push_back(int64_t(part.size()));
    if (swap_(size_, from.data(), sent.data(), to.data(), received.data()) != 0)
      fail(ExitCode::internal, "MPI lost a message; its words are above");
  }

 private:
  template <class F> void find(F*& function, const char* name) {
    function = reinterpret_cast<F*>(::dlsym(handle_, name));
    if (!function)
      fail(ExitCode::device_unavailable,
           fmt::format("the MPI adapter lacks {}, it is of another version: {}", name, kByHand));
  }
  void* handle_ = nullptr;
  int rank_ = 0, size_ = 1;
  bool started_ = false;
  int (*start_)(int*, int*) = nullptr;
  void (*stop_)() = nullptr;
  int (*swap_)(int, const char* const*, const int64_t*, char* const*, const int64_t*) = nullptr;
};

}  // namespace

std::unique_ptr<Transport> mpi_transport(Launcher launcher, int size) { return std::make_unique<Mpi>(launcher, size); }

}  // namespace crc::apps
