// JPEG files for tests, by the library that reads them.
#pragma once

#include <cstdio>
#include <cstdlib>
// After <cstdio>: it needs FILE.
#include <jpeglib.h>

#include "data/png.h"

namespace crc::test {

struct JpegOptions {
  int quality = 95, orientation = 0;  // 0: without Exif
  bool grey = false, progressive = false, big_endian = false;
};

inline data::Bytes encode_jpeg(const data::RgbImage& image, const JpegOptions& options = {}) {
  jpeg_compress_struct encoder;
  jpeg_error_mgr errors;
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* written = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &written, &size);
  encoder.image_width = JDIMENSION(image.width);
  encoder.image_height = JDIMENSION(image.height);
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  if (options.grey) jpeg_set_colorspace(&encoder, JCS_GRAYSCALE);
  jpeg_set_quality(&encoder, options.quality, TRUE);
  if (!options.grey) encoder.comp_info[0].h_samp_factor = encoder.comp_info[0].v_samp_factor = 1;
  if (options.progressive) jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  if (options.orientation > 0) {
    const auto o = JOCTET(options.orientation);
    const JOCTET little[] = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
                             0x12, 1,   3,   0,   1, 0, 0,   0,   o,  0, 0, 0, 0, 0, 0, 0},
                 big[] = {'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                          1,   0x12, 0,   3,   0, 0, 0,   1,   0, o,  0, 0, 0, 0, 0, 0};
    jpeg_write_marker(&encoder, JPEG_APP0 + 1, options.big_endian ? big : little, sizeof little);
  }
  while (encoder.next_scanline < encoder.image_height) {
    auto* row = const_cast<JSAMPROW>(&image.pixels[encoder.next_scanline * size_t(image.width) * 3]);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  data::Bytes bytes(written, written + size);
  std::free(written);
  return bytes;
}

}  // namespace crc::test
