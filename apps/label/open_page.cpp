#include "apps/label/open_page.h"

#include <fmt/format.h>

#include <set>

#include "apps/draw/label_page.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

std::string page_name(const Query& query) { return query.folder + "/label.html"; }

json fresh_task(const RunDir& run, const Query& query, const data::Dataset& dataset) {
  const NamedFile page =
      label_page_file(run.path(), query, dataset, {}, {}, /*show_guesses=*/false, photographs_of(run.config()));
  return *task_of_page(page.content);
}

// Whether the page shows all of `items`, with these classes.
bool covers(const json& task, const std::vector<int64_t>& items, const std::vector<std::string>& classes) try {
  std::set<int64_t> there;
  for (const json& item : task.at("items")) there.insert(item.at("item").get<int64_t>());
  for (const int64_t item : items)
    if (!there.contains(item)) return false;
  return task.at("classes").get<std::vector<std::string>>() == classes && task.at("pictures").is_array();
} catch (const json::exception&) {
  return false;
}

// Only `items`, with the pictures that they need.
void cut(json& task, const std::set<int64_t>& items) {
  json kept = json::array(), pictures = json::array();
  std::map<size_t, size_t> places;
  const auto move = [&](json& picture) {
    const size_t old = picture.get<size_t>();
    const auto [at, added] = places.emplace(old, pictures.size());
    if (added) pictures.push_back(task["pictures"].at(old));
    picture = at->second;
  };
  for (json item : task["items"]) {
    if (!items.contains(item["item"].get<int64_t>())) continue;
    move(item["picture"]);
    if (item.contains("near"))
      for (json& near : item["near"]) move(near["picture"]);
    kept.push_back(std::move(item));
  }
  task["items"] = std::move(kept);
  task["pictures"] = std::move(pictures);
}

}  // namespace

std::string PageTask::html() const { return label_page(title, task); }

PageTask page_task(RunDir& run, const Query& query, const data::Dataset& dataset, const std::vector<int64_t>& items) {
  const std::string page = page_name(query);
  std::optional<json> task;
  if (run.files().has(page) && !run.files().damage(page)) task = task_of_page(run.files().read(page));
  if (!task || !covers(*task, items, dataset.class_names)) task = fresh_task(run, query, dataset);
  cut(*task, {items.begin(), items.end()});
  const int64_t all = int64_t(query.items.size());
  const std::string count =
      (int64_t(items.size()) < all ? fmt::format("{} of ", items.size()) : "") + data::counted(all, "image", "images");
  const std::string name = fs::absolute(run.path()).lexically_normal().filename().string();
  return {fmt::format("{}: {} to label{}", name, count, query.round > 0 ? fmt::format(", query {}", query.round) : ""),
          std::move(*task)};
}

bool write_open_page(RunDir& run, const Query& query, const data::Dataset& dataset, const std::vector<int64_t>& items) {
  const PageTask page = page_task(run, query, dataset, items);
  const NamedFile file{page_name(query), page.html(), /*for_people=*/true};
  return run.files().commit({file}).empty();
}

}  // namespace crc::apps
