#include "apps/gate/choices_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "apps/base/json.h"
#include "apps/base/version.h"
#include "apps/rundir/state_file.h"
#include "kernels/core/error.h"
#include "kernels/core/libraries.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

std::optional<Chosen> chosen_from(const json& item) {
  Chosen c;
  const auto text = [&](const char* key, std::string& to) {
    const auto found = item.find(key);
    if (found == item.end() || !found->is_string()) return false;
    to = found->get<std::string>();
    return true;
  };
  const auto number = [&](const char* key, double& to) {
    const auto found = item.find(key);
    if (found == item.end() || !found->is_number()) return false;
    to = found->get<double>();
    return true;
  };
  if (!item.is_object() || !text("way", c.way) || !text("plain", c.plain) || !number("seconds", c.seconds) ||
      !number("plain_seconds", c.plain_seconds) || !number("difference", c.difference))
    return {};
  return c;
}

json json_of_choice(const Chosen& c) {
  return {{"way", c.way},
          {"plain", c.plain},
          {"seconds", c.seconds},
          {"plain_seconds", c.plain_seconds},
          {"difference", c.difference}};
}

}  // namespace

std::string machine_of(Context& context) {
  std::string device =
      context.describe();  // "cuda:0, NVIDIA H200, sm_90, 143771 MiB": by number and memory none is another
  device = device.substr(device.find(", ") + 2);
  if (device.ends_with(" MiB")) device = device.substr(0, device.rfind(", "));
  std::string libraries_here;
  for (const auto& [name, version] : libraries(context))
    libraries_here += fmt::format("{}{} {}", libraries_here.empty() ? "" : ", ", name, version);
  return fmt::format("{}; {}; crc {} ({})", device, libraries_here, version(), commit());
}

// Blocks until other processes and threads have written theirs.
struct ChoicesFile::Lock {
  explicit Lock(const fs::path& folder) : fd(::open((folder / kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (fd < 0) data::fail_system(Use::output, "creating", folder / kLock, errno);
    while (::flock(fd, LOCK_EX) != 0)
      if (errno != EINTR) break;  // a file system that cannot lock: the last to write is read by whoever comes later
  }
  ~Lock() { ::close(fd); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  int fd;
};

ChoicesFile::ChoicesFile(fs::path folder, std::string machine)
    : folder_(std::move(folder)), machine_(std::move(machine)) {
  read();
  if (note_.empty() && !machines_.empty() && !machines_.contains(machine_))
    note_ = fmt::format("{} holds what was chosen for {}; this is {}: chosen anew, and the last bits may differ",
                        (folder_ / kName).string(), machines_.begin()->first, machine_);
}

void ChoicesFile::read() {
  machines_.clear();
  std::vector<std::string> damage;
  std::optional<json> state;
  try {
    state = load_state(folder_ / kName, damage);
  } catch (const Error& error) {
    note_ = std::string(error.what()).substr(0, std::string(error.what()).find("; ")) + ": chosen anew";
    return;
  }
  if (!state || !state->contains("machines") || !(*state)["machines"].is_object()) return;
  saves_ = std::max(saves_, state->value("saves", int64_t(0)));
  for (const auto& [name, choices] : (*state)["machines"].items()) {
    Choices& of_machine = machines_[name];
    if (!choices.is_object()) continue;
    for (const auto& [key, item] : choices.items())
      if (const auto chosen = chosen_from(item)) of_machine[key] = *chosen;
  }
}

std::optional<Chosen> ChoicesFile::find(const std::string& key) const {
  const auto machine = machines_.find(machine_);
  if (machine == machines_.end()) return {};
  const auto found = machine->second.find(key);
  return found == machine->second.end() ? std::nullopt : std::optional(found->second);
}

Chosen ChoicesFile::keep(const std::string& key, const Chosen& choice) {
  const Lock lock(folder_);
  const std::string note = note_;
  read();
  note_ = note;  // what was found at first
  const auto [found, is_new] = machines_[machine_].emplace(key, choice);
  if (!is_new) return found->second;
  json state = {{"schema", 1}, {"machines", json::object()}};
  for (const auto& [name, choices] : machines_) {
    json of_machine = json::object();
    for (const auto& [at, chosen] : choices) of_machine[at] = json_of_choice(chosen);
    state["machines"][name] = std::move(of_machine);
  }
  save_state(folder_ / kName, std::move(state), ++saves_, /*file_alone=*/true);
  return choice;
}

Gate::Store choices_of(const fs::path& run, const fs::path& shared, const std::string& machine,
                       std::vector<std::string>& notes) {
  const auto own = std::make_shared<ChoicesFile>(run, machine);
  const auto all = shared.empty() ? nullptr : std::make_shared<ChoicesFile>(shared, machine);
  if (!own->note().empty()) notes.push_back(own->note());
  return {.find =
              [own, all](const std::string& key) {
                std::optional<Chosen> found = own->find(key);
                if (!found && all && (found = all->find(key))) own->keep(key, *found);
                return found;
              },
          .keep = [own, all](const std::string& key,
                             const Chosen& choice) { return own->keep(key, all ? all->keep(key, choice) : choice); }};
}

}  // namespace crc::apps
