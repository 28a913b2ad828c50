// A resolved configuration: every key of the schema has a value and remembers where it came from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/base/files.h"
#include "apps/config/config_schema.h"
#include "kernels/core/choice.h"

namespace crc::apps {

class Config {
 public:
  Config();  // the defaults

  // config.toml of a run, as merge_toml, with the origins that it names.
  static Config of_run(std::string_view text, const std::string& name);

  // Each overrides what was there. Error 78 with the place, the value and what is allowed.
  void merge_toml(std::string_view text, const std::string& name);  // `name` stands for the file in messages
  // Environment, then settings, then what the method's paper has for keys that nothing else sets.
  void merge_overrides(const std::vector<std::string>& settings, bool seed = true);
  void merge_environment(bool seed = true);  // CRC_DEVICE, CRC_DATA_DIR, CRC_THREADS and, unless refused, CRC_SEED
  void merge_setting(std::string_view assignment);  // "ssl.mu=7" or "preset=kekmodel", from --set
  // One key as text; `origin` names the source, in errors too.
  void merge_value(std::string_view path, std::string_view text, const std::string& origin);
  // A preset of apps/config/presets.h: its values go to the keys that have their defaults, so the order of merging does
  // not matter; a second preset replaces the first. `where` is named by its errors (78): unknown, or without any
  // effect.
  void merge_preset(std::string_view name, const std::string& where);

  // T: bool, int64_t, double or std::string, as the schema says; asking otherwise, or for a key that the schema does
  // not have, is an internal error.
  template <class T> const T& get(std::string_view path) const;
  // Of a key whose choices are the words of E (kernels/core/choice.h); otherwise an internal error.
  template <Choice E> E choice(std::string_view path) const { return E(choice_of(path, all_words<E>())); }
  const ConfigValue& value(std::string_view path) const;  // of whatever type
  const std::string& origin(
      std::string_view path) const;  // "default", "recipe.toml:12", "preset lee-cifar100:9", "CRC_SEED", "--set"

  // Reads back to the same configuration; each line's comment says where the value came from.
  std::string to_toml() const;

  bool decides(const ConfigKey& key) const;  // the result, with the other keys as they are
  // Names the experiment: the checksum of all values that decide the result (not device, threads, folders, names).
  std::string hash() const;
  // The keys that decide the result and differ, as "ssl.mu: 7, was 5"; empty: the same experiment.
  std::vector<std::string> differences(const Config& before) const;
  // The other keys that differ, as "data.dir: \"/new\" (--set), was \"/old\"".
  std::vector<std::string> moves(const Config& before) const;

 private:
  struct Entry {
    ConfigValue value;
    std::string origin;
  };
  void assign_text(const ConfigKey& key, std::string_view text, const std::string& where, const std::string& origin);
  const Entry& entry(std::string_view path) const;
  void take_defaults_of_method();
  size_t choice_of(std::string_view path, Words words) const;
  std::map<std::string, Entry, std::less<>> entries_;
};

// A resumed run's configuration: environment and settings may move it (device, threads, folders), not change its
// result: Error 78 naming the keys. What --set gave at the start is stronger than the environment, as it was then;
// CRC_SEED is not looked at.
Config resume_config(const Config& stored, const std::vector<std::string>& settings);

}  // namespace crc::apps
