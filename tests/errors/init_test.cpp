// crc_train init: from a folder to a configuration, a run, its questions.
#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

class Init : public OwnImages {
 protected:
  std::string toml() const { return folder + "/c.toml"; }
  std::string init(const std::string& arguments, int code, const std::string& words) const {
    return expect("init " + folder + "/photos --out " + toml() +
                      " --hours 0.01 --set run.device=cpu --set run.threads=1 " + arguments,
                  code, words);
  }
  void photos(int64_t count, const std::string& below = "") const {
    for (int64_t i = 0; i < count; ++i)
      write_file(folder + "/photos/" + below + std::to_string(i) + ".png",
                 data::encode_png(
                     {20 + i % 3, 24, std::vector<uint8_t>(size_t((20 + i % 3) * 24 * 3), uint8_t(40 * i % 251))}));
  }
};

TEST_F(Init, PhotographsWithoutALabel) {
  photos(40);
  write(folder + "/photos/broken.png", "\x89PNG\r\n\x1a\nnothing");
  init("", 66, "data.class_names");
  init("--classes cat", 78, "there is one class");
  const std::string said =
      init("--classes 'cat,a dog' --set eval.last=3", 0, "40 images, 0 of them labelled, in 2 classes: cat, a dog");
  EXPECT_NE(said.find("1 file cannot be read and is left out"), said.npos) << said;
  EXPECT_NE(said.find("asks for the first labels"), said.npos) << said;
  const std::string text = read(toml());
  for (const char* line :
       {"class_names = \"cat,a dog\"", "resize = 32", "first = \"model\"", "[eval]\nlast = 3", "patience_epochs = 0"})
    EXPECT_NE(text.find(line), text.npos) << line << "\n" << text;
  init("--classes cat,dog", 73, "c.toml");  // replaces nothing
  EXPECT_EQ(read(toml()), text);
  expect("run " + toml() + " --dry-run --time", 0, "s a step on cpu: ");
  expect("run " + toml() + " --out " + folder + "/run --quiet", 10, "crc_train label");
  const std::string asked = read(folder + "/run/rounds/first/query.csv");
  EXPECT_NE(asked.find(".png"), asked.npos) << asked;
}

TEST_F(Init, ClassFoldersWithLabels) {
  photos(20, "up/");
  photos(20, "down/");
  photos(30);
  init("", 0, "70 images, 40 of them labelled, in 2 classes: down, up");
  const std::string text = read(toml());
  for (const char* line :
       {"first = \"given\"", "name = \"crc\"", "budget = 5", "group_size = 5", "validation_size = 8"})
    EXPECT_NE(text.find(line), text.npos) << line << "\n" << text;
  expect("run " + toml() + " --dry-run", 0, "32 at first (given by the data set)");
}

TEST_F(Init, FewImagesAndNone) {
  fs::create_directories(folder + "/photos");
  init("--classes a,b", 66, "no PNG or JPEG file lies below");
  photos(3);
  init("--classes a,b", 0, "3 images");
  expect("run " + toml() + " --dry-run", 0, "");
  expect("init " + folder + "/nowhere --classes a,b --out " + folder + "/d.toml", 66, "is not a folder");
}

}  // namespace
}  // namespace crc::test
