#include "kernels/core/ranks.h"

#include <algorithm>
#include <bit>
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

// out[r] goes to process r; what each of the others sent.
std::vector<Ranks::Bytes> Ranks::swap_parts(std::span<const std::span<const char>> out) {
  if (over_) fail_internal("an exchange after the processes parted");
  std::vector<Header> own(out.size());
  for (size_t r = 0; r < out.size(); ++r) own[r].bytes = int64_t(out[r].size());
  const std::vector<Header> theirs = swap_headers(own);
  if (std::ranges::any_of(theirs, [](const Header& h) { return h.code != 0; })) swap_words(theirs, "", true);
  ++exchanges_;
  std::vector<Bytes> in(out.size());
  std::vector<std::span<const char>> sent(out.begin(), out.end());
  std::vector<std::span<char>> received(out.size());
  sent[size_t(rank())] = {};
  for (size_t r = 0; r < out.size(); ++r) {
    if (int(r) == rank()) continue;
    in[r].resize(size_t(theirs[r].bytes));
    received[r] = in[r];
  }
  swap(sent, received);
  return in;
}

std::vector<Ranks::Bytes> Ranks::exchange(std::vector<Bytes> out) {
  if (!transport_) return out;
  std::vector<Bytes> in = swap_parts(std::vector<std::span<const char>>(out.begin(), out.end()));
  in[size_t(rank())] = std::move(out[size_t(rank())]);
  return in;
}

std::vector<Ranks::Bytes> Ranks::show(std::span<const char> own) {
  const std::vector<std::span<const char>> to_all(size_t(size()), own);
  std::vector<Bytes> all = transport_ ? swap_parts(to_all) : std::vector<Bytes>(1);
  all[size_t(rank())].assign(own.begin(), own.end());
  return all;
}

// Every process combines its share of the elements, and shows it to the others: twice the bytes of `values` cross, for
// any number of processes. combine(parts): those of all processes, by rank; its result is left in the first.
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
  std::vector<std::vector<T>> columns;
  for (const Bytes& part : parts) {
    columns.emplace_back(size_t(own.end - own.begin));
    if (!part.empty()) std::memcpy(columns.back().data(), part.data(), part.size());
  }
  combine(columns);
  const std::vector<T> all = gather(std::span<const T>(columns.front()));
  std::ranges::copy(all, values.begin());
}

// One process after the other.
template <class Two> static auto in_order(Two two) {
  return [two](auto& parts) {
    for (size_t r = 1; r < parts.size(); ++r)
      for (size_t k = 0; k < parts[0].size(); ++k) parts[0][k] = two(parts[0][k], parts[r][k]);
  };
}

void Ranks::sum(std::span<double> values) { combine(values, in_order(std::plus<double>())); }
void Ranks::sum(std::span<int64_t> values) { combine(values, in_order(std::plus<int64_t>())); }
void Ranks::largest(std::span<double> values) {
  combine(values, in_order([](double a, double b) { return std::max(a, b); }));
}

void Ranks::mean(std::span<float> values) {
  if (!std::has_single_bit(unsigned(size()))) fail_internal("a tree of " + std::to_string(size()) + " processes");
  combine(values, [](auto& parts) {
    for (size_t step = 1; step < parts.size(); step *= 2)
      for (size_t r = 0; r < parts.size(); r += 2 * step)
        for (size_t k = 0; k < parts[r].size(); ++k) parts[r][k] = 0.5f * parts[r][k] + 0.5f * parts[r + step][k];
  });
}

void Ranks::check() {
  for (int r = 0; r < size(); ++r) {
    Header theirs;
    const std::span<char> bytes(reinterpret_cast<char*>(&theirs), sizeof theirs);
    if (r == rank()) continue;
    int64_t seen = 0;
    try {
      seen = transport_->peek(r, bytes);
    } catch (...) {
      over_ = true;  // as in swap()
      throw;
    }
    if (seen == int64_t(sizeof theirs) && theirs.code != 0) barrier();  // what it told
  }
}

void Ranks::barrier() { exchange(std::vector<Bytes>(size_t(size()))); }

void Ranks::tell(ExitCode code, const std::string& words) {
  if (!transport_ || over_) return;
  const std::vector<Header> own(size_t(size()), Header{int64_t(words.size()), int64_t(code)});
  swap_words(swap_headers(own), words, false);
}

}  // namespace crc
