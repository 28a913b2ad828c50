// CIFAR-100's binary folder: train.bin and test.bin, records of coarse label, fine label and three planes; the fine
// label is the class. fine_label_names.txt, where it lies beside them, names the classes. Krizhevsky, 2009.
#include "data/datasets/records.h"

namespace crc::data {
namespace {

Dataset load_cifar100(const Source& source, Options&) {
  const Path folder =
      find_folder("cifar100", source.dir, {"cifar-100-binary"}, {"train.bin", "test.bin"}, datasets::cifar100.source);
  const RecordLayout layout{32, 32, {{"coarse label", 20}, {"fine label", 100}}};
  Dataset dataset;
  Fingerprint fingerprint;
  read_records(folder / "train.bin", layout, dataset.train, fingerprint);
  read_records(folder / "test.bin", layout, dataset.test, fingerprint);
  dataset.fingerprint = fingerprint.hex();
  std::vector<std::string> numbers;
  for (int c = 0; c < 100; ++c) numbers.push_back(std::to_string(c));
  dataset.class_names = read_class_names(folder / "fine_label_names.txt", numbers);
  const NormalizeStats published{{0.5071f, 0.4867f, 0.4408f}, {0.2675f, 0.2565f, 0.2761f}};  // of the PyTorch ports
  const bool named = dataset.class_names.front() == "apple" && dataset.class_names.back() == "worm";
  if (named || dataset.class_names == numbers) {
    choose_normalization(dataset, published, "CIFAR-100", named);
  } else {
    dataset.normalize = measure(dataset.train);
  }
  dataset.normalize_before = published;
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry cifar100 = {
    "cifar100",
    "CIFAR-100: 50,000 + 10,000 photographs, 32x32, 100 classes (fine labels)",
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    "train.bin test.bin [fine_label_names.txt], here or in cifar-100-binary",
    "none",
    load_cifar100,
};
}  // namespace datasets

}  // namespace crc::data
