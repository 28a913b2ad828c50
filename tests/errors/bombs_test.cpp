// Small files that claim, or unpack to, large ones: refused, at a cost in proportion to the file.
#include <fmt/format.h>
#include <sys/resource.h>
#include <zlib.h>

#include <cstring>

#include "tests/data/png_chunks.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

using data::Bytes;

class Bombs : public Outside {
 protected:
  // Runs; checks code and words; returns the most memory that it held, in MB.
  double megabytes(const std::string& arguments, int code, const std::string& words) const {
    const std::string said = folder + "/said";
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/bin/sh", "sh", "-c", ("exec " + kTrain + " " + arguments + " > " + said + " 2>&1").c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    rusage usage{};
    wait4(pid, &status, 0, &usage);
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, code) << read(said);
    EXPECT_NE(read(said).find(words), std::string::npos) << read(said);
    return double(usage.ru_maxrss) / 1024;
  }
  void write(const std::string& name, const Bytes& bytes) const { write_file(folder + "/" + name, bytes); }
  // What the program holds before it has read anything.
  double idle() const { return megabytes("list", 0, "fixmatch"); }
};

void append_words(Bytes& bytes, std::initializer_list<uint32_t> words) {
  for (uint32_t word : words)
    for (int i = 0; i < 4; ++i) bytes.push_back(uint8_t(word >> (8 * i)));
}

// `count` zero bytes after `head`, packed a thousandfold.
Bytes deflated_zeros(const Bytes& head, size_t count) {
  z_stream stream{};
  deflateInit(&stream, 9);
  Bytes out(count / 500 + 4096), zeros(1 << 20);
  stream.next_out = out.data(), stream.avail_out = uInt(out.size());
  stream.next_in = const_cast<Bytef*>(head.data()), stream.avail_in = uInt(head.size());
  deflate(&stream, Z_NO_FLUSH);
  for (size_t done = 0; done < count; done += zeros.size()) {
    stream.next_in = zeros.data(), stream.avail_in = uInt(std::min(zeros.size(), count - done));
    deflate(&stream, Z_NO_FLUSH);
  }
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes mat_with(const Bytes& matrix, size_t zeros) {
  Bytes bytes(128, ' ');
  std::memcpy(&bytes[124], "\x00\x01IM", 4);
  const Bytes packed = deflated_zeros(matrix, zeros);
  append_words(bytes, {15, uint32_t(packed.size())});
  bytes.insert(bytes.end(), packed.begin(), packed.end());
  return bytes;
}

TEST_F(Bombs, Matlab) {
  const double before = idle();
  // X of 1.3 million images that are not there; cells and a text of more than they hold; each inflates to 60 MB.
  Bytes images, cells, text;
  append_words(images, {14, 0xfffffff0u, 6, 8, 9, 0, 5, 16, 32, 32, 3, 1300000, 1 | 1 << 16, 'X', 2, 1300000u * 3072u});
  append_words(cells, {14, 0xfffffff0u, 6, 8, 1, 0, 5, 8, 10000000, 1, 1 | 1 << 16, 'X'});
  append_words(text, {14, 0xfffffff0u, 6, 8, 4, 0, 5, 8, 1, 200000000, 1 | 1 << 16, 'X', 16, 200000000});
  for (const auto& [matrix, words] :
       {std::pair{images, "X of size 32x32x3x1300000"}, {cells, "no array X"}, {text, "no array X"}}) {
    write("train_32x32.mat", mat_with(matrix, 60'000'000));
    write("test_32x32.mat", mat_with(matrix, 0));
    EXPECT_LT(megabytes("data info --set data.name=svhn --set data.dir=" + folder, 65, words), before + 40);
  }
}

TEST_F(Bombs, Png) {
  const double before = idle();
  const auto png = [](Bytes header, const Bytes& data) {
    Bytes bytes = kPngSignature;
    append_chunk(bytes, "IHDR", header);
    append_chunk(bytes, "zTXt", deflated_zeros({}, 50'000'000));
    append_chunk(bytes, "IDAT", data);
    append_chunk(bytes, "IEND", {});
    return bytes;
  };
  write("train/a/1.png", png({0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0}, deflated_zeros({}, 300'000'000)));
  fs::create_directories(folder + "/test");
  const std::string info = "data info --set data.name=folder --set data.dir=" + folder;
  EXPECT_LT(megabytes(info, 65, "more image data than the image has"), before + 40);
  write("train/a/1.png", png({0, 0, 0x10, 0, 0, 0, 0x10, 0, 16, 6, 0, 0, 0}, deflated_zeros({}, 4)));
  EXPECT_LT(megabytes(info, 65, "an image of 134221824 bytes"), before + 40);
  EXPECT_LT(megabytes("data augment --op autocontrast " + folder + "/train/a/1.png " + folder + "/out.png", 65,
                      "an image of 134221824 bytes"),
            before + 40);
}

TEST_F(Bombs, Safetensors) {
  const double before = idle();
  const auto file = [&](const std::string& header) {
    const uint64_t n = header.size();
    std::ofstream(folder + "/w", std::ios::binary) << std::string(reinterpret_cast<const char*>(&n), 8) << header;
    return folder + "/w";
  };
  const auto cost = [&](const std::string& header, const std::string& words) {
    return megabytes("export " + file(header) + " " + folder + "/out", 65, words) - before;
  };
  std::string tensors = "{", metadata = R"({"__metadata__":{)";
  for (int i = 0; i < 120'000; ++i) {
    tensors += fmt::format("\"{}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}},", i);
    metadata += fmt::format("\"{}\":\"\",", i);
  }
  EXPECT_LT(cost(tensors, "more than 100000 names"), 64e-6 * double(tensors.size()));
  EXPECT_LT(cost(metadata, "more than 100000 names"), 64e-6 * double(metadata.size()));
  const std::string deep = R"({"a":)" + std::string(20'000'000, '[');
  EXPECT_LT(cost(deep, "not a valid safetensors file"), 200);
}

}  // namespace
}  // namespace crc::test
