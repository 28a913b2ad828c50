#include "data/datasets/folder_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "data/csv.h"
#include "data/dataset.h"
#include "data/image.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostNamed = 3;

// "files are not read" of one: the first noun and every verb.
std::string singular(std::string kind) {
  constexpr std::pair<const char*, const char*> kNouns[] = {{"files", "file"},     {"folders", "folder"},
                                                            {"images", "image"},   {"links", "link"},
                                                            {"columns", "column"}, {"classes", "class"}};
  size_t first = kind.npos;
  const std::pair<const char*, const char*>* noun = nullptr;
  for (const auto& pair : kNouns)
    if (const size_t at = kind.find(pair.first); at < first) first = at, noun = &pair;
  if (noun) kind.replace(first, std::strlen(noun->first), noun->second);
  for (const auto& [many, one] :
       {std::pair(" are ", " is "), {" have ", " has "}, {" lead ", " leads "}, {" make ", " makes "}})
    for (size_t at = 0; (at = kind.find(many, at)) != kind.npos;) kind.replace(at, std::strlen(many), one);
  return kind;
}

// Names by what holds for them, each kind a note in the end.
class Kinds {
 public:
  void add(const std::string& kind, const std::string& name) { names_[kind].push_back(name); }
  void append_to(std::vector<std::string>& notes) const {
    for (const auto& [kind, names] : names_)
      notes.push_back(fmt::format("{}: {}", counted(int64_t(names.size()), singular(kind), kind),
                                  join_first(legible(names), kMostNamed)));
  }

 private:
  std::map<std::string, std::vector<std::string>> names_;
};

bool is_hidden(const Path& path) { return path.filename().string().starts_with("."); }

// What the labelling page saves, and may lie where the images are.
bool is_answers(std::string_view text) {
  const std::string_view heading = text.substr(0, text.find_first_of("\r\n"));
  return heading.starts_with("item,") && heading.find(",class") != heading.npos;
}

class Folder {
 public:
  Folder(const Path& dir, const ListingRules& rules) : dir_(dir), rules_(rules) {
    std::error_code error;
    root_ = fs::weakly_canonical(dir, error);
  }

  Listing by_classes() {
    for (const Path& path : list_folder(dir_))
      if (const Path name = path.filename(); name != "train" && name != "test")
        kinds_.add(
            is_hidden(path) ? "hidden files are not read" : "files outside train/<class> and test/<class> are not read",
            name.string());
    read_split(dir_ / "train", listing_.train);
    if (file_exists(dir_ / "test")) read_split(dir_ / "test", listing_.test);  // without it nothing is measured
    if (!lost_.empty())
      fail(ExitCode::corrupt_data,
           fmt::format(
               "folder: {} would be lost, for no file of theirs is read: {}; {}, or move the folders away",
               counted(int64_t(lost_.size()), "class", "classes"), join_first(lost_, 10),
               left_jpeg_ ? "set data.resize, which reads JPEG and any size" : "convert the images to PNG or JPEG"));
    note_one_sided("train", listing_.train, "test", listing_.test);
    note_one_sided("test", listing_.test, "train", listing_.train);
    return finish();
  }

  // path_column: what the list calls a file's path.
  Listing by_list(const std::string& name, const std::string& path_column, Fingerprint& fingerprint) {
    const Path file = dir_ / name;
    const std::string text = read_text(file, int64_t(1) << 30);
    fingerprint.add(text);
    if (is_answers(text))
      fail(ExitCode::corrupt_data,
           fmt::format(
               "{} holds answers to a query (item, file, class), not the list of the folder's images; move it out "
               "of the folder, and give it to: crc_train label RUN {}",
               file.string(), name));
    CsvReader csv(text, file.string(),
                  {.advice = fmt::format("its columns are {}, label and, where wanted, split", path_column),
                   .columns = {path_column, "label", "split"},
                   .least = 2});
    const size_t path_at = csv.column(path_column), label_at = csv.column("label");
    const auto split_at = csv.find("split");
    for (const std::string& column : csv.heading())
      if (column != path_column && column != "label" && column != "split")
        kinds_.add("columns of " + name + " are not read", column);
    while (csv.next())
      if (!csv.blank())
        add_listed({csv[path_at], csv[label_at], split_at ? csv[*split_at] : ""},
                   [&](const std::string& what) { csv.refuse(what); });
    note_unlisted(name);
    return finish();
  }

  // A JSON object a line: {"file_name": "a.png", "label": "cat"}. A label may be a number, which then is a name.
  Listing by_json_lines(const std::string& name, Fingerprint& fingerprint) {
    const Path file = dir_ / name;
    const std::string text = read_text(file, int64_t(1) << 30);
    fingerprint.add(text);
    int64_t number = 0;
    for (const std::string& line : text_lines(text, file.string())) {
      ++number;
      const auto refuse = [&](const std::string& what) {
        fail(ExitCode::corrupt_data,
             fmt::format("{}:{}: {}; each line is an object with file_name and label", file.string(), number, what));
      };
      if (line.find_first_not_of(" \t") == line.npos) continue;
      const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
      if (!object.is_object()) refuse("not a JSON object");
      const auto text_of = [&](const char* key) -> std::string {
        const auto value = object.find(key);
        if (value == object.end() || value->is_null()) return "";
        if (value->is_number_integer()) return value->dump();
        if (!value->is_string()) refuse(fmt::format("{} is neither a text nor a whole number", key));
        return value->get<std::string>();
      };
      add_listed({text_of("file_name"), text_of("label"), text_of("split")}, refuse);
    }
    note_unlisted(name);
    return finish();
  }

  // Whatever images lie here, at any depth.
  Listing by_tree() {
    bool labelled = false;
    for (const Path& path : image_tree(dir_)) {
      if (!is_read(path)) {
        kinds_.add(reason(path), name_of(path));
        continue;
      }
      const Path inside = path.lexically_relative(dir_);
      const std::string top = inside.has_parent_path() ? inside.begin()->string() : "";
      const bool names = rules_.classes.empty() || std::ranges::count(rules_.classes, top) > 0;
      note_link(path);
      listing_.train.push_back({path, names ? top : ""});
      labelled |= names && !top.empty();
    }
    if (listing_.train.empty())
      find_folder("folder", dir_, {}, {"train"}, "your images (or write a labels.csv)");  // an error that says all
    if (!labelled && rules_.classes.empty())
      fail(ExitCode::input_missing,
           fmt::format("folder: {} holds {} images and neither labels.csv nor class folders; say what the classes are: "
                       "data.class_names = \"cat,dog\"",
                       dir_.string(), listing_.train.size()));
    return finish();
  }

 private:
  bool is_read(const Path& path) const {
    const ImageKind kind = kind_of_name(path);
    return kind == ImageKind::png || (rules_.jpeg && kind == ImageKind::jpeg);
  }

  struct Listed {
    std::string path, label, split;
  };
  template <class Refuse> void add_listed(const Listed& listed, const Refuse& refuse) {
    const std::string split = listed.split.empty() ? "train" : listed.split;
    if (split != "train" && split != "test") refuse(fmt::format("split {} is not train or test", in_quotes(split)));
    if (split == "test" && listed.label.empty()) refuse("a test image without label");
    const Path relative(listed.path);
    const bool climbs = std::ranges::any_of(relative, [](const Path& part) { return part == ".."; });
    if (listed.path.empty() || relative.is_absolute() || climbs)
      refuse(fmt::format("path {} is not a relative path without \"..\"", in_quotes(listed.path)));
    const Path path = dir_ / relative;
    if (!listed_.insert(path.lexically_relative(dir_).lexically_normal().string()).second)
      kinds_.add("images are listed more than once", listed.path);
    note_link(path);
    (split == "test" ? listing_.test : listing_.train).push_back({path, listed.label});
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

  // Images beside listed ones that the list leaves out.
  void note_unlisted(const std::string& list) {
    std::set<Path> folders;
    for (const std::string& name : listed_) folders.insert((dir_ / name).parent_path());
    for (const Path& folder : folders) {
      if (!is_folder(folder)) continue;  // the image is missing, which is said when it is read
      for (const Path& path : list_folder(folder))
        if (!is_hidden(path) && kind_of_name(path) != ImageKind::none && !listed_.contains(name_of(path)))
          kinds_.add("images are not in " + list + " and are not read", name_of(path));
    }
  }

  const Path dir_;
  const ListingRules& rules_;
  bool left_jpeg_ = false;         // some are not read for want of data.resize
  Path root_;                      // without links
  std::set<std::string> checked_;  // folders
  std::set<std::string> listed_;   // images of a list
  Listing listing_;
  Kinds kinds_;
  std::vector<std::string> lost_;
};

}  // namespace

Listing list_images(const Path& dir, Fingerprint& fingerprint, const ListingRules& rules) {
  if (dir.empty() || !is_folder(dir)) find_folder("folder", dir, {}, {"train"}, "your images (or write a labels.csv)");
  Folder folder(dir, rules);
  if (file_exists(dir / "labels.csv")) return folder.by_list("labels.csv", "path", fingerprint);
  if (file_exists(dir / "metadata.csv")) return folder.by_list("metadata.csv", "file_name", fingerprint);
  if (file_exists(dir / "metadata.jsonl")) return folder.by_json_lines("metadata.jsonl", fingerprint);
  return file_exists(dir / "train") ? folder.by_classes() : folder.by_tree();
}

std::vector<Path> image_tree(const Path& folder) {
  std::vector<Path> images;
  for (const Path& path : list_folder(folder)) {
    if (is_hidden(path)) continue;
    if (!is_folder(path)) {
      const ImageKind kind = kind_of_name(path);
      if (kind == ImageKind::png || kind == ImageKind::jpeg) images.push_back(path);
    } else if (!fs::is_symlink(path)) {  // a link may lead round in a circle
      std::ranges::copy(image_tree(path), std::back_inserter(images));
    }
  }
  std::ranges::sort(images, {}, [](const Path& path) { return path.string(); });
  return images;
}

}  // namespace crc::data
