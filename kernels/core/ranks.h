// Processes that do one thing together, each with a part of it: which of them this is, and what crosses between them.
// Every operation is collective: all processes call it, in the same order. Whoever fails says so by tell(), which
// stands in the place of its next operation: those of the others then throw its words and its code, so that all end
// alike and nobody waits for ever.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/core/error.h"

namespace crc {

// What a kind of network must do: one swap between all processes (apps/ranks/).
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  // out[r] goes to process r, in[r] is filled by it; their sizes agree, and those of this process's own parts are 0.
  // Error internal: a process ended.
  virtual void swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in) = 0;
  // Whether peek() sees anything: MPI's launchers end all processes with one, and need no watch.
  virtual bool peeks() const { return false; }
  // What `from` has sent begins with this, without waiting and without taking it; how much of it is there. Error
  // internal: the process ended.
  virtual int64_t peek(int, std::span<char>) { return 0; }
  // Whether one ended, as far as is seen at once. From any thread, at any time.
  virtual bool gone() const { return false; }
};

class Ranks {
 public:
  using Bytes = std::vector<char>;

  Ranks() = default;  // one process alone
  explicit Ranks(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}
  int rank() const { return transport_ ? transport_->rank() : 0; }
  int size() const { return transport_ ? transport_->size() : 1; }

  // out[r] goes to process r; what each sent to this one. Error: what another process told.
  std::vector<Bytes> exchange(std::vector<Bytes> out);

  // What each process shows to all, by rank; parts may be of any size.
  std::vector<Bytes> show(std::span<const char> own);

  // Element by element over the processes, the same bits in all of them: in the order of the ranks, which sums of
  // integers do not depend on.
  void sum(std::span<double> values);
  void sum(std::span<int64_t> values);
  void largest(std::span<double> values);
  // The mean in a binary tree over the ranks, ((0 + 1) / 2 + (2 + 3) / 2) / 2: what one process has of the same tree's
  // leaves. size() is a power of two.
  void mean(std::span<float> values);

  // The values of all processes, one after the other.
  template <class T> std::vector<T> gather(std::span<const T> own);
  void barrier();

  // For who waits for something in which the others have part, a GPU, and not in an operation: Error where one of them
  // told that it failed, or ended. Returns at once.
  void check();
  // From now on they may wait so. `deaf`: whoever does, hears nothing, and tell() might wait for ever.
  void wait_on_devices() { on_devices_ = true; }
  bool waits_on_devices() const { return on_devices_; }
  bool gone() const { return transport_ && transport_->gone(); }  // one of them ended; from any thread
  bool deaf() const { return on_devices_ && transport_ && !transport_->peeks(); }

  // This process failed, and takes part in nothing any more. Waits for the others' next operation. Not an operation
  // where another told first.
  void tell(ExitCode code, const std::string& words);
  bool over() const { return over_; }  // one of us told, or ended

  int64_t exchanges() const { return exchanges_; }
  int64_t bytes() const { return bytes_; }  // that this process sent to others

 private:
  struct Header;
  std::vector<Header> swap_headers(std::span<const Header> own);
  void swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in);
  void swap_words(std::span<const Header> theirs, std::string own, bool raise);
  std::vector<Bytes> swap_parts(std::span<const std::span<const char>> out);
  template <class T, class Combine> void combine(std::span<T> values, Combine combine);

  std::unique_ptr<Transport> transport_;  // null: alone
  bool over_ = false, on_devices_ = false;
  int64_t exchanges_ = 0, bytes_ = 0;
};

template <class T> std::vector<T> Ranks::gather(std::span<const T> own) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> all;
  for (const Bytes& part : show({reinterpret_cast<const char*>(own.data()), own.size_bytes()})) {
    const T* values = reinterpret_cast<const T*>(part.data());
    all.insert(all.end(), values, values + part.size() / sizeof(T));
  }
  return all;
}

// Range r of `count` things that are shared out evenly: [begin, end).
struct Share {
  int64_t begin, end;
  Share(int64_t count, int r, int size) : begin(cut(count, r, size)), end(cut(count, r + 1, size)) {}
  static int64_t cut(int64_t count, int r, int size) { return count / size * r + std::min<int64_t>(r, count % size); }
};

}  // namespace crc
