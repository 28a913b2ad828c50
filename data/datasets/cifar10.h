// CIFAR-10's binary folder: data_batch_1..5.bin, test_batch.bin (records of 1 label byte and three planes),
// batches.meta.txt. Krizhevsky, 2009. Ours may hold any number of records, and other sizes than 32x32 beside an
// image_size.txt ("16 16").
#pragma once

#include <functional>

#include "data/dataset.h"

namespace crc::data {

// Calls `put` with the name and the bytes of each of the folder's files, and of meta.csv (split,id,class,style,
// duplicate_of,...) when the data set knows its items. Needs 5 training images and a test image. Error: usage when the
// data do not fit.
using PutFile = std::function<void(const std::string& name, std::span<const uint8_t> bytes)>;
void encode_cifar10(const Dataset& dataset, const PutFile& put);
std::vector<std::string> cifar10_file_names();  // all that encode_cifar10 may put

}  // namespace crc::data
