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
  constexpr char kExif[6] = {'E', 'x', 'i', 'f', 0, 0};
  for (jpeg_saved_marker_ptr marker = decoder.marker_list; marker; marker = marker->next) {
    const std::span<const uint8_t> segment(marker->data, marker->data_length);
    if (marker->marker != JPEG_APP0 + 1 || segment.size() < sizeof kExif) continue;
    if (std::memcmp(segment.data(), kExif, sizeof kExif) != 0) continue;
    if (const int found = exif_orientation(segment.subspan(sizeof kExif)); found != 1) return found;
  }
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

// False: failure->words say why. `out` is of std::malloc.
bool encode(const RgbImage& image, int quality, Failure& failure, unsigned char*& out, unsigned long& bytes) {
  jpeg_compress_struct encoder;
  std::memset(&encoder, 0, sizeof encoder);
  encoder.err = jpeg_std_error(&failure.base);
  failure.base.error_exit = leave;
  if (setjmp(failure.back)) {
    jpeg_destroy_compress(&encoder);
    return false;
  }
  jpeg_create_compress(&encoder);
  jpeg_mem_dest(&encoder, &out, &bytes);
  encoder.image_width = JDIMENSION(image.width), encoder.image_height = JDIMENSION(image.height);
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, quality, TRUE);
  jpeg_start_compress(&encoder, TRUE);
  while (encoder.next_scanline < encoder.image_height) {
    auto* at = const_cast<uint8_t*>(image.pixels.data()) + size_t(encoder.next_scanline) * size_t(image.width) * 3;
    jpeg_write_scanlines(&encoder, &at, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  return true;
}

// CMYK becomes RGB as ink on paper does.
RgbImage rgb_of(const Decoded& in) {
  RgbImage image{in.height, in.width, {}};
  const size_t count = size_t(image.height * image.width);
  if (in.channels == 3) {
    image.pixels.assign(in.pixels, in.pixels + 3 * count);
    return image;
  }
  image.pixels.reserve(3 * count);
  for (const uint8_t *from = in.pixels, *end = from + 4 * count; from < end; from += 4)
    for (int c = 0; c < 3; ++c) {
      const int ink = in.inverted ? from[c] : 255 - from[c], key = in.inverted ? from[3] : 255 - from[3];
      image.pixels.push_back(uint8_t((ink * key + 127) / 255));
    }
  return image;
}

}  // namespace

bool is_jpeg(std::span<const uint8_t> bytes) {
  return bytes.size() > 2 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

Bytes encode_jpeg(const RgbImage& image, int quality) {
  Failure failure{};
  unsigned char* out = nullptr;
  unsigned long bytes = 0;
  const bool whole = encode(image, quality, failure, out, bytes);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owned(out, std::free);
  if (!whole) fail_internal(fmt::format("a JPEG of {}x{}: {}", image.height, image.width, failure.words));
  return {out, out + bytes};
}

RgbImage decode_jpeg(std::span<const uint8_t> bytes, const Path& path, int64_t least) {
  if (!is_jpeg(bytes)) fail_at(path, 0, "other bytes", "the JPEG signature");
  Failure failure{};
  Decoded decoded{};
  const bool whole = decode(bytes, least, failure, decoded);
  const std::unique_ptr<uint8_t, decltype(&std::free)> owned(decoded.pixels, std::free);
  if (!whole) fail_at(path, 0, fmt::format("a JPEG that does not decode ({})", failure.words), "a whole image");
  if (decoded.too_large)
    fail_too_large(path, decoded.height, decoded.width,
                   fmt::format("{} pixels a side and {} in all", kMostJpegSide, kMostJpegPixels));
  if (decoded.no_memory) throw std::bad_alloc();
  return turned(rgb_of(decoded), decoded.orientation);
}

}  // namespace crc::data
