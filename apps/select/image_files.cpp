#include "apps/select/image_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/draw/canvas.h"
#include "data/image.h"
#include "data/png.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr int kSide = 112, kGap = 10, kCaption = 20, kTitle = 40;  // of a tile and around it, in pixels
constexpr size_t kMostNamed = 5;                                   // in an error

// A folder's PNG files; of the others, how many images there are.
struct FolderNames {
  std::vector<std::string> pngs, others;
};

FolderNames names_of(const fs::path& folder) {
  FolderNames names;
  for (const fs::path& path : list_folder(folder)) {
    const std::string name = path.filename().string();
    const data::ImageKind kind = name.starts_with(".") ? data::ImageKind::none : data::kind_of_name(name);
    if (kind != data::ImageKind::none) (kind == data::ImageKind::png ? names.pngs : names.others).push_back(name);
  }
  return names;
}

// Every pixel of the result is the mean of the pixels it covers.
data::RgbImage shrink(const data::RgbImage& image, int64_t factor) {
  data::RgbImage small{std::max<int64_t>(1, image.height / factor), std::max<int64_t>(1, image.width / factor), {}};
  for (int64_t y = 0; y < small.height; ++y)
    for (int64_t x = 0; x < small.width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        int64_t sum = 0, count = 0;
        for (int64_t v = y * factor; v < std::min(image.height, (y + 1) * factor); ++v)
          for (int64_t u = x * factor; u < std::min(image.width, (x + 1) * factor); ++u, ++count)
            sum += image.pixels[size_t((v * image.width + u) * 3 + c)];
        small.pixels.push_back(uint8_t((sum + count / 2) / count));
      }
  return small;
}

// Fitted into a tile: by whole factors up, so that pixels stay visible, and down to just fit.
void draw_image(Canvas& canvas, Point corner, const data::RgbImage& image) {
  const int64_t side = std::max(image.height, image.width);
  const data::RgbImage* shown = &image;
  data::RgbImage small;
  if (side >= 2 * kSide) shown = &(small = shrink(image, side / kSide));
  const double shown_side = double(std::max(shown->height, shown->width)), scale = kSide / shown_side;
  const double factor = scale >= 1 ? std::floor(scale) : scale;
  const double left = corner.x + (kSide - factor * double(shown->width)) / 2;
  const double top = corner.y + (kSide - factor * double(shown->height)) / 2;
  canvas.image({left, top}, factor, {shown->pixels, int(shown->width), int(shown->height)});
}

}  // namespace

ImageFiles list_image_files(const fs::path& source, int64_t items) {
  const bool folder = is_folder(source);
  ImageFiles images;
  FolderNames found;
  if (folder)
    found = names_of(source);
  else
    found.pngs = data::text_lines(read_file(source), source.string());
  images.names = found.pngs;
  if (int64_t(images.names.size()) != items)
    fail(ExitCode::corrupt_data,
         fmt::format("{} {} {} {}, and there are {} items; image i shows item i, so one for each row is needed{}",
                     source.string(), folder ? "holds" : "lists", images.names.size(), folder ? ".png files" : "images",
                     items,
                     found.others.empty() ? ""
                                          : fmt::format(". Not read: {}, for they are no PNG files",
                                                        data::join_first(data::legible(found.others), 3))));
  const fs::path base = folder ? source : source.parent_path();
  for (const std::string& name : images.names) {
    const fs::path beside = base / name;
    images.paths.push_back(folder || file_exists(beside) ? beside : fs::path(name));
  }
  return images;
}

std::string picks_sheet_png(const ImageFiles& images, std::span<const int64_t> items, const std::string& title) {
  items = items.first(std::min(items.size(), kMostOnSheet));
  const int count = int(items.size()), columns = std::min(count, std::max(5, int(std::ceil(std::sqrt(count * 1.6)))));
  const int rows = (count + columns - 1) / columns;
  RasterCanvas canvas(std::max(columns * (kSide + kGap) + kGap, int(text_width(title, 13)) + 2 * kGap),
                      kTitle + rows * (kSide + kCaption + kGap), 1);
  canvas.text({kGap, 24}, title, {.size = 13, .bold = true});
  size_t unreadable = 0;
  std::string named;
  ExitCode code = ExitCode::input_missing;
  for (int k = 0; k < count; ++k) {
    const int64_t item = items[size_t(k)];
    const Point corner{double(kGap + k % columns * (kSide + kGap)),
                       double(kTitle + k / columns * (kSide + kCaption + kGap))};
    canvas.text({corner.x + kSide / 2.0, corner.y + kSide + 14}, fmt::format("{}", item),
                {.size = 11, .ink = Ink::muted, .align = Align::center});
    try {
      draw_image(canvas, corner, data::read_png(images.paths[size_t(item)]));
    } catch (const Error& error) {
      code = error.code();
      if (++unreadable <= kMostNamed) named += fmt::format("\n  item {}: {}", item, error.what());
    }
  }
  if (unreadable > 0)
    fail(code, fmt::format("{} of the {} picked images cannot be shown; PNG files are read:{}{}", unreadable, count,
                           named, unreadable > kMostNamed ? "\n  ..." : ""));
  return canvas.png();
}

}  // namespace crc::apps
