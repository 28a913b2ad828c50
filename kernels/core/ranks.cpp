#include "kernels/core/ranks.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace crc {

// What comes before everything else: how many bytes follow, and whether they are the words of a failure.
struct Ranks::Header {
  int64_t bytes = 0;
  int64_t code = 0;
};

void Ranks::swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in) {
  try {
    transport_->swap(out, in);
  } catch (...) {
    over_ = true;  // nobody can be told anything any more
    throw;
  }
  for (const auto& part : out) bytes_ += int64_t(part.size());
}

std::vector<Ranks::Header> Ranks::swap_headers(std::span<const Header> own) {
  std::vector<Header> theirs(own.begin(), own.end());
  std::vector<std::span<const char>> out(own.size());
  std::vector<std::span<char>> in(own.size());
  for (size_t r = 0; r < own.size(); ++r)
    if (int(r) != rank()) {
      out[r] = {reinterpret_cast<const char*>(&own[r]), sizeof(Header)};
      in[r] = {reinterpret_cast<char*>(&theirs[r]), sizeof(Header)};
    }
  swap(out, in);
  return theirs;
}

// Those of the first that failed go on, unless this process is one of them.
void Ranks::swap_words(std::span<const Header> theirs, std::string own, bool raise) {
  std::vector<std::string> words(theirs.size());
  std::vector<std::span<const char>> out(theirs.size());
  std::vector<std::span<char>> in(theirs.size());
  for (size_t r = 0; r < theirs.size(); ++r) {
    if (int(r) == rank()) continue;
    out[r] = own;
    if (theirs[r].code != 0) words[r].resize(size_t(theirs[r].bytes));
    in[r] = words[r];
  }
  swap(out, in);
  over_ = true;
  if (!raise) return;
  const auto first = std::ranges::find_if(theirs, [](const Header& h) { return h.code != 0; }) - theirs.begin();
  fail(ExitCode(first == rank() ? 0 : theirs[size_t(first)].code),
       "process " + std::to_string(first) + " of " + std::to_string(size()) + ": " + words[size_t(first)]);
}

std::vector<Ranks::Bytes> Ranks::exchange(std::vector<Bytes> out) {
  if (!transport_) return out;
  if (over_) fail_internal("an exchange after the processes parted");
  std::vector<Header> own(out.size());
  for (size_t r = 0; r < out.size(); ++r) own[r].bytes = int64_t(out[r].size());
  const std::vector<Header> theirs = swap_headers(own);
  if (std::ranges::any_of(theirs, [](const Header& h) { return h.code != 0; })) swap_words(theirs, "", true);
  ++exchanges_;
  std::vector<Bytes> in(out.size());
  std::vector<std::span<const char>> sent(out.size());
  std::vector<std::span<char>> received(out.size());
  for (size_t r = 0; r < out.size(); ++r) {
    if (int(r) == rank()) continue;
    in[r].resize(size_t(theirs[r].bytes));
    sent[r] = out[r], received[r] = in[r];
  }
  swap(sent, received);
  in[size_t(rank())] = std::move(out[size_t(rank())]);
  return in;
}

// Every process combines its share of the elements, and shows it to the others: twice the bytes of `values` cross, for
// any number of processes.
template <class T, class Combine> void Ranks::combine(std::span<T> values, Combine combine) {
  if (!transport_) return;
  const int64_t count = int64_t(values.size());
  std::vector<Bytes> parts(static_cast<size_t>(size()));
  for (int r = 0; r < size(); ++r) {
    const Share share(count, r, size());
    const char* data = reinterpret_cast<const char*>(values.data());
    parts[size_t(r)].assign(data + share.begin * int64_t(sizeof(T)), data + share.end * int64_t(sizeof(T)));
  }
  parts = exchange(std::move(parts));
  const Share own(count, rank(), size());
  std::vector<T> mine(size_t(own.end - own.begin)), other(mine.size());
  for (size_t r = 0; r < parts.size(); ++r) {
    if (mine.empty()) break;
    std::memcpy(r == 0 ? mine.data() : other.data(), parts[r].data(), mine.size() * sizeof(T));
    for (size_t k = 0; r > 0 && k < mine.size(); ++k) mine[k] = combine(mine[k], other[k]);
  }
  const std::vector<T> all = gather(std::span<const T>(mine));
  std::ranges::copy(all, values.begin());
}

void Ranks::sum(std::span<double> values) { combine(values, std::plus<double>()); }
void Ranks::sum(std::span<int64_t> values) { combine(values, std::plus<int64_t>()); }
void Ranks::largest(std::span<double> values) {
  combine(values, [](double a, double b) { return std::max(a, b); });
}

void Ranks::barrier() { exchange(std::vector<Bytes>(size_t(size()))); }

void Ranks::tell(ExitCode code, const std::string& words) {
  if (!transport_ || over_) return;
  const std::vector<Header> own(size_t(size()), Header{int64_t(words.size()), int64_t(code)});
  swap_words(swap_headers(own), words, false);
}

}  // namespace crc
