// crc_select from outside: a small pool, and .npy files written byte by byte.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "data/npy.h"
#include "kernels/core/random.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {

constexpr int64_t kItems = 60, kWidth = 7, kClasses = 4;

class SelectFixture : public Outside {
 protected:
  SelectFixture() {
    // Multiples of 1/64 below 2: exact in half precision, so that all types hold the same numbers.
    for (int64_t i = 0; i < kItems * kWidth; ++i)
      features.push_back(float(Draws(1, Purpose::test, i, 0).below(128)) / 64);
    std::vector<float> f;
    for (int64_t i = 0; i < kItems * kClasses; ++i) f.push_back(Draws(2, Purpose::test, i, 0).uniform(-3, 3));
    write<float>("h.npy", features, {kItems, kWidth});
    write<float>("p.npy", f, {kItems, kClasses});
    write<int64_t>("l.npy", {3, 1, 40}, {3});
    std::vector<float> passes;
    for (int64_t i = 0; i < 3 * kItems * kClasses; ++i)
      passes.push_back(float(Draws(3, Purpose::test, i, 0).below(256)) / 32);
    write<float>("passes.npy", passes, {3, kItems, kClasses});
    write<float>("head.npy", std::vector<float>(features.begin(), features.begin() + kClasses * kWidth),
                 {kClasses, kWidth});
    std::vector<int64_t> classes(size_t(kItems), -1);
    classes[3] = 0, classes[1] = 2, classes[40] = 3;
    write<int64_t>("classes.npy", classes, {kItems});
  }

  template <class T>
  void write(const std::string& name, const std::vector<T>& v, const std::vector<int64_t>& shape) const {
    write_file(folder + "/" + name, data::encode_npy<T>(v, shape));
  }
  // What NumPy would write, byte by byte: any descr, order, shape, version and elements.
  template <class T>
  void write_raw(const std::string& name, const std::string& descr, const std::string& order, const std::string& shape,
                 const std::vector<T>& elements, char version = 1) const {
    std::string header = "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
    const size_t preamble = version == 1 ? 10 : 12;
    header.resize((preamble + header.size() + 64) / 64 * 64 - preamble - 1, ' ');
    std::ofstream out(folder + "/" + name, std::ios::binary);
    out << "\x93NUMPY" << version << '\0' << char(header.size() + 1) << '\0';
    if (version > 1) out << '\0' << '\0';
    out << header << '\n';
    out.write(reinterpret_cast<const char*>(elements.data()), std::streamsize(elements.size() * sizeof(T)));
  }
  void write_text(const std::string& name, const std::string& text) const { write_file(folder + "/" + name, text); }

  static std::string program(const std::string& arguments) {
    return " " CRC_BINARY_DIR "/crc_select --device cpu " + arguments;
  }
  Outcome run(const std::string& arguments) const override {
    return shell("cd " + folder + "; exec" + program(arguments));
  }
  std::string read(const std::string& name) const { return Outside::read(folder + "/" + name); }
  bool exists(const std::string& name) const { return fs::exists(folder + "/" + name); }

  std::vector<int64_t> picks(const std::string& name, const std::string& heading = "item,group,score") const {
    std::istringstream lines(read(name));
    std::vector<int64_t> items;
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, heading);
    while (std::getline(lines, line)) items.push_back(std::stoll(line));
    return items;
  }
  // The CSV of a selection that must succeed.
  std::string selected(const std::string& arguments) const {
    expect(arguments + " --force --out selected.csv", 0, "wrote selected.csv");
    return read("selected.csv");
  }

  std::vector<float> features;
  const std::string model = "--samples passes.npy --head head.npy --labels classes.npy ";  // for who looks at them
};

}  // namespace crc::test
