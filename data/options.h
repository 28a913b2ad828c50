// The options of one data set ("train=5000 seed=7"), read by name. What no loader asked for is an error that lists what
// exists.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace crc::data {

class Options {
 public:
  Options(std::string dataset, std::map<std::string, std::string> values);

  // Each returns `otherwise` when the option is not given. Error: config, for a value that is not of the kind or out of
  // range.
  int64_t integer(const std::string& name, int64_t otherwise, int64_t low, int64_t high);
  double fraction(const std::string& name, double otherwise);                            // in [0, 1]
  bool flag(const std::string& name, bool otherwise);                                    // 0 | 1 | false | true
  std::string text(const std::string& name);                                             // empty where not given
  std::string choice(const std::string& name, const std::vector<std::string>& choices);  // the first is the default
  void refuse_unknown() const;

 private:
  const std::string* find(const std::string& name);
  [[noreturn]] void refuse(const std::string& name, const std::string& expected) const;

  std::string dataset_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> known_;
};

}  // namespace crc::data
