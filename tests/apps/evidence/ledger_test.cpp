// docs/results/: each page is made of its results/*.jsonl, never by hand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "apps/base/files.h"
#include "apps/evidence/paired_tables.h"
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

// <!-- results/NAME.jsonl, BLOCK --> begins a table in a document, and <!-- end --> is the line after it.
const std::string kTableBegin = "<!-- results/", kTableEnd = "<!-- end -->\n";

std::string table_of(const std::string& begin) {
  const size_t comma = begin.find(", ");
  const fs::path file = fs::path(CRC_SOURCE_DIR) / "results" / begin.substr(0, comma);
  for (const PairedBlock& block : paired_blocks(load_study(file, std::nullopt)))
    if (comma != begin.npos && block.name == begin.substr(comma + 2)) return "\n" + markdown_summary(block) + "\n";
  ADD_FAILURE() << file << " has no block for " << begin;
  return "";
}

TEST(Ledger, TablesInDocumentsAreThoseOfResults) {
  int tables = 0;
  for (const fs::path& page : list_folder(fs::path(CRC_SOURCE_DIR) / "docs")) {
    if (page.extension() != ".md") continue;
    const std::string text = read_file(page);
    std::string anew = text;
    for (size_t at = 0; (at = anew.find(kTableBegin, at)) != anew.npos; ++tables) {
      const size_t words = at + kTableBegin.size(), body = anew.find(" -->\n", words) + 5,
                   end = anew.find(kTableEnd, body);
      ASSERT_NE(end, anew.npos) << page << ": a table of results without its end";
      anew.replace(body, end - body, table_of(anew.substr(words, body - 5 - words)));
      at = body;
    }
    if (std::getenv("CRC_UPDATE_DOCS") && anew != text) commit_file(page, anew);
    EXPECT_EQ(read_file(page), anew) << "CRC_UPDATE_DOCS=1 makes the tables of " << page << " anew";
  }
  EXPECT_GT(tables, 0);
}

}  // namespace
}  // namespace crc::apps::test
