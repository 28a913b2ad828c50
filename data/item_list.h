// Which items a pool has: the file, the content and the label of each, as a table. A pool that is loaded again is
// brought to it, so that items keep their numbers when files are added, and whatever else is there is named.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace crc::data {

struct PoolItem {
  std::string file;     // below the data set's folder; of rows and arrays, the number of the item
  std::string content;  // XXH3-64 of its pixels and rows
  std::string label;    // name of its class; empty: none
  bool operator==(const PoolItem&) const = default;
};

struct ItemList {
  std::vector<PoolItem> train, validation, test;  // train: item k is number k

  // split,file,content,label; a row for each. Bytes of names that are not UTF-8 stay what they are.
  std::string csv() const;
  static ItemList parse(std::string_view text, const std::string& source);  // Error corrupt_data
  bool operator==(const ItemList&) const = default;
};
ItemList item_list(const Dataset& dataset);

// What there is beyond a list.
struct PoolGrowth {
  struct Relabelled {
    int64_t item;
    int32_t label;  // now; -1: none
  };
  Images added;  // of training, in their own order
  std::vector<Relabelled> relabelled;
  bool empty() const { return added.count == 0 && relabelled.empty(); }
};

// Brings `dataset`, of which nothing is held out, to the items, splits and labels of the list; what is more or labelled
// otherwise comes back. Error corrupt_data, naming the first files of `dir`: gone, other pixels, or another test or
// held-out set than before.
PoolGrowth align(Dataset& dataset, const ItemList& list, const Path& dir);

// The items that were added come last, and labels are what they are now.
void grow(Dataset& dataset, const PoolGrowth& growth);

}  // namespace crc::data
