// A first configuration for somebody's own images: what a look at the folder and at this machine says.
#pragma once

#include <string>
#include <vector>

#include "apps/config/config.h"

namespace crc::apps {

struct StarterAsk {
  std::string dir;
  std::string classes;                // "cat,dog"; empty: those that the folder's labels name
  double hours = 1;                   // that training may take here
  std::vector<std::string> settings;  // key=value: what the person wants otherwise
};

struct Starter {
  std::string toml;                // commented, complete in itself
  std::vector<std::string> found;  // what the folder holds, in words
  std::vector<std::string> notes;  // of its loading
  bool asks_first = false;         // no image has a label: the run begins with a question
};

// Errors: those of loading the folder; config: fewer than two classes, more classes than images.
Starter make_starter(const StarterAsk& ask);

}  // namespace crc::apps
