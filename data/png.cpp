#include "data/png.h"

#include <fmt/format.h>

#include <cstdlib>
#include <new>

namespace {

// The library asserts that there is memory, or calls an image damaged where there is none.
void* or_throw(void* data) { return data ? data : throw std::bad_alloc(); }

}  // namespace

#define STBI_MALLOC(bytes) or_throw(std::malloc(bytes))
#define STBI_REALLOC(data, bytes) or_throw(std::realloc(data, bytes))
#define STBI_FREE(data) std::free(data)
#define STBIW_MALLOC(bytes) or_throw(std::malloc(bytes))
#define STBIW_REALLOC(data, bytes) or_throw(std::realloc(data, bytes))
#define STBIW_FREE(data) std::free(data)
// Static: the library's symbols must not meet another copy's in the same program.
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 4096  // kMostPngSide
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

static_assert(kMostPngSide == STBI_MAX_DIMENSIONS);

constexpr uint8_t kSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

uint32_t big_endian(const uint8_t* p) {
  return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
}

// One chunk: length (4), type (4), payload, CRC-32 of type and payload (4).
struct Chunk {
  std::string_view type;
  std::span<const uint8_t> payload;
};

Chunk read_chunk(std::span<const uint8_t> bytes, size_t at, const Path& path) {
  const size_t left = bytes.size() - at;
  if (left < 12) fail_at(path, int64_t(at), fmt::format("{} bytes to the end", left), "a chunk of at least 12 bytes");
  const uint32_t length = big_endian(&bytes[at]);
  if (length > left - 12)
    fail_at(path, int64_t(at), fmt::format("a chunk of {} bytes", length),
            fmt::format("at most {} to the end", left - 12));
  const uint32_t stored = big_endian(&bytes[at + 8 + length]);
  const uint32_t computed = uint32_t(crc32_z(0, &bytes[at + 4], size_t(length) + 4));
  if (stored != computed)
    fail_at(path, int64_t(at + 8 + length), fmt::format("checksum {:08x}", stored), fmt::format("{:08x}", computed));
  return {{reinterpret_cast<const char*>(&bytes[at + 4]), 4}, bytes.subspan(at + 8, length)};
}

void check_header(const Chunk& header, const Path& path) {
  if (header.type != "IHDR" || header.payload.size() != 13)
    fail_at(path, 12, fmt::format("chunk {:?} of {} bytes", header.type, header.payload.size()), "IHDR of 13 bytes");
  for (const auto& [name, at] : {std::pair{"width", 0}, std::pair{"height", 4}}) {
    const uint32_t extent = big_endian(&header.payload[at]);
    if (extent < 1 || extent > INT32_MAX)  // the standard's range
      fail_at(path, 16 + at, fmt::format("{} {}", name, extent), fmt::format("1..{}", kMostPngSide));
  }
  const uint32_t width = big_endian(&header.payload[0]), height = big_endian(&header.payload[4]);
  if (std::max(width, height) > kMostPngSide)
    fail_too_large(path, height, width, fmt::format("{} pixels a side", kMostPngSide));
}

// Bytes that the image data inflates to: rows with a filter byte each, in up to seven passes (Adam7). Nothing for a
// header that the decoder refuses.
std::optional<int64_t> inflated_bytes(const Chunk& header) {
  const auto* p = header.payload.data();
  const int64_t width = big_endian(p), height = big_endian(p + 4), depth = p[8];
  const int64_t channels[] = {1, 0, 3, 1, 2, 0, 4};
  if (p[9] > 6 || channels[p[9]] == 0 || p[12] > 1) return std::nullopt;
  if (depth != 1 && depth != 2 && depth != 4 && depth != 8 && depth != 16) return std::nullopt;
  struct Pass {
    int64_t x, y, dx, dy;
  };
  constexpr Pass kWhole{0, 0, 1, 1},
      kAdam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  int64_t bytes = 0;
  for (const Pass& pass : p[12] ? std::span<const Pass>(kAdam7) : std::span<const Pass>(&kWhole, 1)) {
    const int64_t columns = (width - pass.x + pass.dx - 1) / pass.dx, rows = (height - pass.y + pass.dy - 1) / pass.dy;
    if (columns > 0 && rows > 0) bytes += rows * (1 + (columns * channels[p[9]] * depth + 7) / 8);
  }
  return bytes;
}

// The decoder inflates whatever there is, and makes room for whatever the header claims: both are bounded here first.
void check_image_data(const std::vector<std::span<const uint8_t>>& parts, int64_t expected, const Path& path) {
  constexpr int64_t kDensest = 1032;  // zlib expands no further
  int64_t held = 0, got = 0;
  for (const auto& part : parts) held += int64_t(part.size());
  if (expected > held * kDensest)
    fail_at(path, 16, fmt::format("an image of {} bytes", expected), fmt::format("what {} compressed ones hold", held));
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closes(&stream, inflateEnd);
  std::vector<uint8_t> piece(1 << 15);
  int result = Z_OK;
  for (const auto& part : parts) {
    stream.next_in = const_cast<Bytef*>(part.data()), stream.avail_in = uInt(part.size());
    do {
      stream.next_out = piece.data(), stream.avail_out = uInt(piece.size());
      if (result == Z_OK) result = inflate(&stream, Z_NO_FLUSH);
      got += int64_t(piece.size()) - stream.avail_out;
    } while (result == Z_OK && got <= expected && (stream.avail_in > 0 || stream.avail_out == 0));
    if (result == Z_BUF_ERROR) result = Z_OK;  // this part is used up
  }
  if (result != Z_OK && result != Z_STREAM_END)
    fail_at(path, 16, fmt::format("image data that does not inflate ({})", zError(result)), "a zlib stream");
  if (got > expected) fail_at(path, 16, "more image data than the image has", fmt::format("{} bytes of it", expected));
}

// The decoder itself checks neither checksums nor that there is image data.
// Returns what it says of itself, beside the pixels.
struct PngKind {
  bool alpha = false, deep = false, animated = false;
  int orientation = 1;
};
PngKind check_structure(std::span<const uint8_t> bytes, const Path& path) {
  if (!is_png(bytes)) {
    const bool jpeg = bytes.size() > 2 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
    fail_at(path, 0,
            jpeg               ? "a JPEG image"
            : bytes.size() < 8 ? fmt::format("{} bytes", bytes.size())
                               : "other bytes",
            jpeg ? "the PNG signature: only PNG is read here, so convert it" : "the PNG signature");
  }
  PngKind kind;
  size_t at = 8;
  std::optional<int64_t> inflated;
  std::vector<std::span<const uint8_t>> data;
  for (bool end = false; !end;) {
    const Chunk chunk = read_chunk(bytes, at, path);
    if (at == 8) check_header(chunk, path), inflated = inflated_bytes(chunk);
    const bool known = chunk.type == "IHDR" || chunk.type == "PLTE" || chunk.type == "IDAT" || chunk.type == "IEND";
    const bool ancillary = chunk.type[0] & 0x20;  // lower case: may be skipped
    if ((!known && !ancillary) || (chunk.type == "IHDR" && at != 8))
      fail_at(path, int64_t(at), fmt::format("chunk {:?}", chunk.type), "an image without it");
    if (chunk.type == "IHDR") kind.deep = chunk.payload[8] == 16, kind.alpha = chunk.payload[9] & 4;
    if (chunk.type == "tRNS") kind.alpha = true;
    if (chunk.type == "fcTL") kind.animated = true;
    if (chunk.type == "eXIf") kind.orientation = exif_orientation(chunk.payload);
    if (chunk.type == "IDAT") data.push_back(chunk.payload);
    end = chunk.type == "IEND";
    at += 12 + chunk.payload.size();
  }
  if (at != bytes.size())
    fail_at(path, int64_t(at), fmt::format("{} more bytes", bytes.size() - at), "the end of the file");
  if (std::ranges::all_of(data, [](auto part) { return part.empty(); }))
    fail_at(path, int64_t(at) - 12, "the end of the image", "image data (IDAT) before it");
  if (inflated) check_image_data(data, *inflated, path);
  return kind;
}

}  // namespace

bool is_png(std::span<const uint8_t> bytes) {
  return bytes.size() >= 8 && std::memcmp(bytes.data(), kSignature, 8) == 0;
}

Bytes encode_png(const RgbImage& image) {
  if (image.height < 1 || image.width < 1 || image.pixels.size() != size_t(image.height * image.width * 3))
    fail_internal(fmt::format("encode_png: {} bytes for {}x{} RGB", image.pixels.size(), image.height, image.width));
  Bytes bytes;
  const auto append = [](void* to, void* data, int size) {
    const auto* p = static_cast<const uint8_t*>(data);
    static_cast<Bytes*>(to)->insert(static_cast<Bytes*>(to)->end(), p, p + size);
  };
  const int h = int(image.height), w = int(image.width);
  if (!stbi_write_png_to_func(append, &bytes, w, h, 3, image.pixels.data(), 3 * w))
    fail(ExitCode::out_of_memory, fmt::format("encode_png: no memory for an image of {}x{}", h, w));
  return bytes;
}

RgbImage decode_png(std::span<const uint8_t> bytes, const Path& path) {
  const PngKind kind = check_structure(bytes, path);
  const int channels = kind.alpha ? 4 : 3;
  int w = 0, h = 0, in_file = 0;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> decoded(
      stbi_load_from_memory(bytes.data(), int(bytes.size()), &w, &h, &in_file, channels), stbi_image_free);
  if (!decoded)
    fail_at(path, 0, fmt::format("a PNG that does not decode ({})", stbi_failure_reason()), "a whole image");
  RgbImage image{h, w, {}};
  image.lost_depth = kind.deep;
  image.lost_frames = kind.animated;
  image.pixels.reserve(size_t(w) * h * 3);
  for (const stbi_uc *p = decoded.get(), *end = p + size_t(w) * h * channels; p < end; p += channels) {
    image.pixels.insert(image.pixels.end(), p, p + 3);
    image.lost_alpha |= kind.alpha && p[3] != 255;
  }
  return turned(std::move(image), kind.orientation);
}

RgbImage read_png(const Path& path) { return decode_png(read_file(path, kMostPngBytes), path); }

}  // namespace crc::data
