// docs/results/: each page is made of its results/*.jsonl, never by hand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "apps/base/files.h"
#include "apps/evidence/study_page.h"

namespace crc::apps::test {
namespace {

TEST(Ledger, PagesAreThoseOfTheirResults) {
  const fs::path root = CRC_SOURCE_DIR;
  std::set<std::string> pages;
  for (const fs::path& file : list_folder(root / "results")) {
    if (file.extension() != ".jsonl") continue;
    const fs::path page = root / "docs" / "results" / file.stem().concat(".md");
    const std::string text = study_markdown(load_study(file, std::nullopt));
    pages.insert(page.filename());
    if (std::getenv("CRC_UPDATE_DOCS")) commit_file(page, text);
    ASSERT_TRUE(file_exists(page)) << page << " is missing: crc_train compare " << file << " --page " << page;
    EXPECT_EQ(read_file(page), text) << "CRC_UPDATE_DOCS=1 makes " << page << " anew";
  }
  EXPECT_FALSE(pages.empty());
  for (const fs::path& page : list_folder(root / "docs" / "results"))
    EXPECT_TRUE(page.filename() == "README.md" || pages.contains(page.filename())) << page << " has no results/*.jsonl";
}

}  // namespace
}  // namespace crc::apps::test
