// CIFAR-10's binary folder: data_batch_1..5.bin, test_batch.bin (records of 1 label byte and three planes),
// batches.meta.txt. Krizhevsky, 2009. Ours may hold any number of records, and other sizes than 32x32 beside an
// image_size.txt ("16 16").
#pragma once

#include "data/dataset.h"

namespace crc::data {

// Creates the folder's files, and meta.csv (split,id,class,style,duplicate_of,...) when the data set knows its items.
// Needs 5 training images and a test image. Error: output_refused when a file exists; usage when the data do not fit.
void write_cifar10(const Path& dir, const Dataset& dataset);

}  // namespace crc::data
