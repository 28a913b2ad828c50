// Several ranks in one process: a thread each, joined by sockets.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "apps/ranks/sockets.h"
#include "kernels/core/ranks.h"

namespace crc::test {

// f in each of `size` ranks, and what each returned; whoever throws an Error tells the others, as run_together does,
// and leaves nothing. `errors` [size], if given: what each threw.
template <class T>
std::vector<std::optional<T>> in_ranks(int size, const std::function<T(Ranks&)>& f,
                                       std::vector<std::string>* errors = nullptr) {
  const std::vector<std::vector<int>> mesh = apps::socket_mesh(size);
  std::vector<std::optional<T>> results(static_cast<size_t>(size));
  std::vector<std::string> words(results.size());
  std::vector<std::thread> threads;
  for (int r = 0; r < size; ++r)
    threads.emplace_back([&, r] {
      Ranks ranks(apps::socket_transport(r, mesh[size_t(r)]));
      try {
        T result = f(ranks);
        ranks.barrier();
        results[size_t(r)] = std::move(result);
      } catch (const Error& error) {
        words[size_t(r)] = std::to_string(int(error.code())) + " " + error.what();
        try {
          ranks.tell(error.code(), error.what());
        } catch (const Error&) {  // nobody is left to hear it
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  if (errors) *errors = words;
  return results;
}

}  // namespace crc::test
