#include "data/datasets/folder_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "data/csv.h"
#include "data/dataset.h"
#include "data/image.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostNamed = 3;

// Names by what holds for them, each kind a note in the end.
class Kinds {
 public:
  void add(const std::string& kind, const std::string& name) { names_[kind].push_back(name); }
  void append_to(std::vector<std::string>& notes) const {
    for (const auto& [kind, names] : names_)
      notes.push_back(fmt::format("{} {}: {}", names.size(), kind, join_first(legible(names), kMostNamed)));
  }

 private:
  std::map<std::string, std::vector<std::string>> names_;
};

bool is_hidden(const Path& path) { return path.filename().string().starts_with("."); }

class Folder {
 public:
  Folder(const Path& dir, bool jpeg) : dir_(dir), jpeg_(jpeg) {
    std::error_code error;
    root_ = fs::weakly_canonical(dir, error);
  }

  Listing by_classes() {
    const Path folder = find_folder("folder", dir_, {}, {"train"}, "your images (or write a labels.csv)");
    for (const Path& path : list_folder(folder))
      if (const Path name = path.filename(); name != "train" && name != "test")
        kinds_.add(
            is_hidden(path) ? "hidden files are not read" : "files outside train/<class> and test/<class> are not read",
            name.string());
    read_split(folder / "train", listing_.train);
    if (file_exists(folder / "test")) read_split(folder / "test", listing_.test);  // without it nothing is measured
    if (!lost_.empty())
      fail(ExitCode::corrupt_data,
           fmt::format(
               "folder: {} classes would be lost, for no file of theirs is read: {}; {}, or move the folders "
               "away",
               lost_.size(), join_first(lost_, 10),
               left_jpeg_ ? "set data.resize, which reads JPEG and any size" : "convert the images to PNG or JPEG"));
    note_one_sided("train", listing_.train, "test", listing_.test);
    note_one_sided("test", listing_.test, "train", listing_.train);
    return finish();
  }

  Listing by_list(Fingerprint& fingerprint) {
    const Path file = dir_ / "labels.csv";
    const std::string text = read_text(file, int64_t(1) << 30);
    fingerprint.add(text);
    CsvReader csv(text, file.string(),
                  {.advice = "its columns are path, label and, where wanted, split",
                   .columns = {"path", "label", "split"},
                   .least = 2});
    const size_t path_at = csv.column("path"), label_at = csv.column("label");
    const auto split_at = csv.find("split");
    for (const std::string& column : csv.heading())
      if (column != "path" && column != "label" && column != "split")
        kinds_.add("columns of labels.csv are not read", column);
    std::set<std::string> seen;
    while (csv.next()) {
      if (csv.blank()) continue;
      const std::string split = split_at && !csv[*split_at].empty() ? csv[*split_at] : "train";
      if (split != "train" && split != "test")
        csv.refuse(fmt::format("split {} is not train or test", in_quotes(split)));
      if (split == "test" && csv[label_at].empty()) csv.refuse("a test image without label");
      const Path path = safe_path(csv, csv[path_at]);
      if (!seen.insert(path.lexically_relative(dir_).lexically_normal().string()).second)
        kinds_.add("images are listed more than once", csv[path_at]);
      note_link(path);
      (split == "test" ? listing_.test : listing_.train).push_back({path, csv[label_at]});
    }
    note_unlisted(seen);
    return finish();
  }

 private:
  bool is_read(const Path& path) const {
    const ImageKind kind = kind_of_name(path);
    return kind == ImageKind::png || (jpeg_ && kind == ImageKind::jpeg);
  }

  // Why a file in a class folder is not read.
  std::string reason(const Path& path) const {
    if (is_hidden(path)) return "hidden files are not read";
    if (is_folder(path)) return "folders inside class folders are not read";
    if (kind_of_name(path) == ImageKind::none) return "files without images are not read";
    if (kind_of_name(path) == ImageKind::unread) return std::string("images ") + kUnreadKind + ", are not read";
    return "images of another kind than PNG are not read (data.resize reads JPEG too)";
  }

  Listing finish() {
    kinds_.append_to(listing_.notes);
    return std::move(listing_);
  }
  std::string name_of(const Path& path) const { return path.lexically_relative(dir_).generic_string(); }

  void read_split(const Path& split, std::vector<ListedImage>& images) {
    std::error_code error;
    for (const Path& folder : list_folder(split)) {
      if (is_hidden(folder))
        kinds_.add("hidden files are not read", name_of(folder));
      else if (!is_folder(folder))
        kinds_.add("files outside train/<class> and test/<class> are not read", name_of(folder));
      else
        read_class(folder, images);
    }
  }

  void read_class(const Path& folder, std::vector<ListedImage>& images) {
    const std::string label = folder.filename().string();
    const size_t before = images.size();
    std::vector<std::string> skipped;
    std::error_code error;
    for (const Path& path : list_folder(folder)) {
      if (!is_hidden(path) && is_read(path) && !fs::is_directory(path, error)) {
        note_link(path);
        images.push_back({path, label});
        continue;
      }
      kinds_.add(reason(path), name_of(path));
      left_jpeg_ |= kind_of_name(path) == ImageKind::jpeg;
      if (!is_hidden(path)) skipped.push_back(path.filename().string());
    }
    if (images.size() > before) return;
    if (skipped.empty())
      kinds_.add("class folders are empty and make no class", name_of(folder));
    else
      lost_.push_back(fmt::format("{} ({})", legible(name_of(folder)), join_first(legible(skipped), kMostNamed)));
  }

  void note_one_sided(const char* has, const std::vector<ListedImage>& all, const char* lacks,
                      const std::vector<ListedImage>& others) {
    std::set<std::string> classes;
    for (const ListedImage& image : all) classes.insert(image.label);
    for (const ListedImage& image : others) classes.erase(image.label);
    if (others.empty()) return;
    for (const std::string& name : classes)
      kinds_.add(fmt::format("classes of {} have no image in {}", has, lacks), name);
  }

  // A link is followed wherever it leads, but not without a word.
  void note_link(const Path& path) {
    std::error_code error;
    if (const Path parent = path.parent_path(); checked_.insert(parent.string()).second) note_target(parent);
    if (fs::is_symlink(path, error)) note_target(path);
  }
  void note_target(const Path& path) {
    std::error_code error;
    const Path target = fs::weakly_canonical(path, error);
    const Path inside = target.lexically_relative(root_);
    if (!error && !inside.empty() && *inside.begin() == "..")
      kinds_.add("links lead out of the folder and are read", name_of(path) + " -> " + target.string());
  }

  // A path of a list stays below the list's folder.
  Path safe_path(const CsvReader& csv, const std::string& text) const {
    const Path path(text);
    const bool climbs = std::ranges::any_of(path, [](const Path& part) { return part == ".."; });
    if (text.empty() || path.is_absolute() || climbs)
      csv.refuse(fmt::format("path {} is not a relative path without \"..\"", in_quotes(text)));
    return dir_ / path;
  }

  // Images beside listed ones that the list leaves out.
  void note_unlisted(const std::set<std::string>& listed) {
    std::set<Path> folders;
    for (const std::string& name : listed) folders.insert((dir_ / name).parent_path());
    for (const Path& folder : folders) {
      if (!is_folder(folder)) continue;  // the image is missing, which is said when it is read
      for (const Path& path : list_folder(folder))
        if (!is_hidden(path) && kind_of_name(path) != ImageKind::none && !listed.contains(name_of(path)))
          kinds_.add("images are not in labels.csv and are not read", name_of(path));
    }
  }

  const Path dir_;
  const bool jpeg_;
  bool left_jpeg_ = false;         // some are not read for want of data.resize
  Path root_;                      // without links
  std::set<std::string> checked_;  // folders
  Listing listing_;
  Kinds kinds_;
  std::vector<std::string> lost_;
};

}  // namespace

Listing list_images(const Path& dir, Fingerprint& fingerprint, bool jpeg) {
  Folder folder(dir, jpeg);
  return file_exists(dir / "labels.csv") ? folder.by_list(fingerprint) : folder.by_classes();
}

}  // namespace crc::data
