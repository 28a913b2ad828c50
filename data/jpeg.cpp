#include "data/jpeg.h"

#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "kernels/core/error.h"
// After <cstdio>: it needs FILE.
#include <jerror.h>
#include <jpeglib.h>

namespace crc::data {
namespace {

// The library ends a decode by leaving it: nothing between setjmp and the error may have a destructor.
struct Failure {
  jpeg_error_mgr base;
  std::jmp_buf back;
  char words[JMSG_LENGTH_MAX];
};

void leave(j_common_ptr decoder) {
  auto* failure = reinterpret_cast<Failure*>(decoder->err);
  decoder->err->format_message(decoder, failure->words);
  std::longjmp(failure->back, 1);
}

// Warnings that mean lost pixels end the decode; others (bytes between segments, a version) are as good as none.
void judge(j_common_ptr decoder, int level) {
  const int code = decoder->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                    code == JWRN_BOGUS_PROGRESSION || code == JWRN_MUST_RESYNC))
    leave(decoder);
}

struct Decoded {
  uint8_t* pixels;  // [height, width, channels], of std::malloc
  JDIMENSION height, width;
  int channels, orientation;
  bool inverted;  // CMYK as Adobe writes it
  bool too_large, no_memory;
};

unsigned scale_for(JDIMENSION shorter, int64_t least) {
  unsigned scale = 1;
  while (least > 0 && scale < 8 && int64_t(shorter) / (2 * scale) >= 2 * least) scale *= 2;
  return scale;
}

int orientation_of(const jpeg_decompress_struct& decoder) {
  for (jpeg_saved_marker_ptr marker = decoder.marker_list; marker; marker = marker->next)
    if (marker->marker == JPEG_APP0 + 1)
      if (const int found = exif_orientation({marker->data, marker->data_length}); found != 1) return found;
  return 1;
}

// False: failure->words say why. Whatever is allocated is in `out` or the decoder's own.
bool decode(std::span<const uint8_t> bytes, int64_t least, Failure& failure, Decoded& out) {
  jpeg_decompress_struct decoder;
  std::memset(&decoder, 0, sizeof decoder);
  decoder.err = jpeg_std_error(&failure.base);
  failure.base.error_exit = leave;
  failure.base.emit_message = judge;
  if (setjmp(failure.back)) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_save_markers(&decoder, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&decoder, TRUE);
  out.width = decoder.image_width, out.height = decoder.image_height;
  out.too_large = int64_t(out.width) > kMostJpegSide || int64_t(out.height) > kMostJpegSide ||
                  int64_t(out.width) * out.height > kMostJpegPixels;
  if (!out.too_large) {
    const bool cmyk = decoder.jpeg_color_space == JCS_CMYK || decoder.jpeg_color_space == JCS_YCCK;
    decoder.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    decoder.dct_method = JDCT_ISLOW;  // the exact one
    decoder.scale_num = 1;
    decoder.scale_denom = scale_for(out.width < out.height ? out.width : out.height, least);
    jpeg_start_decompress(&decoder);
    out.width = decoder.output_width, out.height = decoder.output_height, out.channels = decoder.output_components;
    out.inverted = decoder.saw_Adobe_marker;
    out.orientation = orientation_of(decoder);
    const size_t row = size_t(out.width) * size_t(out.channels);
    out.pixels = static_cast<uint8_t*>(std::malloc(row * out.height));
    out.no_memory = !out.pixels;
    while (!out.no_memory && decoder.output_scanline < decoder.output_height) {
      JSAMPROW at = out.pixels + row * decoder.output_scanline;
      jpeg_read_scanlines(&decoder, &at, 1);
    }
    if (!out.no_memory) jpeg_finish_decompress(&decoder);
  }
  jpeg_destroy_decompress(&decoder);
  return true;
}

// The pixel of row y and column x of the image as it is looked at.
RgbImage turned(const Decoded& in) {
  const int64_t h = in.height, w = in.width;
  const bool swapped = in.orientation >= 5;
  RgbImage image{swapped ? w : h, swapped ? h : w, {}};
  image.pixels.resize(size_t(h * w * 3));
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) {
      int64_t from_y = swapped ? x : y, from_x = swapped ? y : x;
      if (in.orientation == 3 || in.orientation == 4 || in.orientation == 7 || in.orientation == 8)
        swapped ? from_x = w - 1 - from_x : from_y = h - 1 - from_y;
      if (in.orientation == 2 || in.orientation == 3 || in.orientation == 6 || in.orientation == 7)
        swapped ? from_y = h - 1 - from_y : from_x = w - 1 - from_x;
      const uint8_t* from = in.pixels + (from_y * w + from_x) * in.channels;
      uint8_t* to = &image.pixels[size_t((y * image.width + x) * 3)];
      if (in.channels == 3) {
        std::memcpy(to, from, 3);
        continue;
      }
      for (int c = 0; c < 3; ++c) {
        const int ink = in.inverted ? from[c] : 255 - from[c], key = in.inverted ? from[3] : 255 - from[3];
        to[c] = uint8_t((ink * key + 127) / 255);
      }
    }
  return image;
}

uint32_t number(std::span<const uint8_t> bytes, size_t at, int width, bool big) {
  uint32_t value = 0;
  for (int k = 0; k < width; ++k) value |= uint32_t(bytes[at + size_t(k)]) << 8 * (big ? width - 1 - k : k);
  return value;
}

}  // namespace

bool is_jpeg(std::span<const uint8_t> bytes) {
  return bytes.size() > 2 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

// "Exif\0\0", then TIFF: byte order, 42, where the first directory is; its entries are tag, type, count, value.
int exif_orientation(std::span<const uint8_t> segment) {
  constexpr uint32_t kOrientation = 0x0112, kShort = 3;
  if (segment.size() < 14 || std::memcmp(segment.data(), "Exif\0\0", 6) != 0) return 1;
  const auto tiff = segment.subspan(6);
  const bool big = tiff[0] == 'M';
  if ((tiff[0] != 'M' && tiff[0] != 'I') || tiff[1] != tiff[0] || number(tiff, 2, 2, big) != 42) return 1;
  const size_t directory = number(tiff, 4, 4, big);
  if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
  const size_t entries = number(tiff, directory, 2, big);
  for (size_t k = 0; k < entries; ++k) {
    const size_t at = directory + 2 + 12 * k;
    if (at + 12 > tiff.size()) return 1;
    if (number(tiff, at, 2, big) != kOrientation || number(tiff, at + 2, 2, big) != kShort) continue;
    const uint32_t value = number(tiff, at + 8, 2, big);
    return value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

RgbImage decode_jpeg(std::span<const uint8_t> bytes, const Path& path, int64_t least) {
  if (!is_jpeg(bytes)) fail_at(path, 0, "other bytes", "the JPEG signature");
  Failure failure{};
  Decoded decoded{};
  const bool whole = decode(bytes, least, failure, decoded);
  const std::unique_ptr<uint8_t, decltype(&std::free)> owned(decoded.pixels, std::free);
  if (!whole) fail_at(path, 0, fmt::format("a JPEG that does not decode ({})", failure.words), "a whole image");
  if (decoded.too_large)
    fail_at(path, 0, fmt::format("a JPEG of {}x{} pixels", decoded.height, decoded.width),
            fmt::format("at most {} pixels, {} a side", kMostJpegPixels, kMostJpegSide));
  if (decoded.no_memory) throw std::bad_alloc();
  return turned(decoded);
}

}  // namespace crc::data
