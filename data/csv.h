// Tables as text: one reader and one writer for every CSV file of the project. RFC 4180: the first row names the
// columns; a cell in quotes may hold separators, line breaks and doubled quotes. What the writer writes the reader
// reads back, byte for byte.
//
// Also understood: rows that end in LF, CR LF or CR; a byte order mark; UTF-16 with its mark; semicolons or tabs
// between the cells, where the first row has no comma outside quotes, or what a first line "sep=;" names. Blank lines
// are skipped.
//
// A spreadsheet runs a cell that begins with = + - @ as a formula. The writer puts an apostrophe before such a text
// ('=1+1), and the reader takes it off; numbers are left alone.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text.h"

namespace crc::data {

struct CsvForm {
  std::string advice;                // ends every message, after a semicolon; may be empty
  std::vector<std::string> columns;  // of files that may come without a heading: a first row without the first of these
                                     // names is no heading. Empty: the first row is always the heading
  size_t least = 0;                  // cells that a row must have, the others then are empty; 0: all of the heading's
};

// Row by row. Errors are corrupt_data and begin with "name:line: "; lines count from 1.
class CsvReader {
 public:
  // Reads the heading. Error: an empty file, and those of decode_text.
  CsvReader(std::string_view bytes, std::string name, CsvForm form = {});

  const std::vector<std::string>& heading() const { return heading_; }
  std::optional<size_t> find(std::string_view column) const;              // Error: there are two of it
  size_t column(std::string_view column) const;                           // Error: not there
  size_t column_of(std::initializer_list<std::string_view> names) const;  // the first that is there. Error: none is

  bool next();  // to the next row; false at the end. Error: more or fewer cells than the heading, wrong quotes
  const std::string& operator[](size_t column) const { return cells_[column]; }
  template <class T> T number(size_t column) const {  // Error: another text
    if (const std::optional<T> value = parse<T>(cells_[column])) return *value;
    refuse(heading_[column] + " " + in_quotes(cells_[column]) + " is not a number");
  }
  // Whether the row ends where the file does, in a cell without quotes: of a file that was cut off it may be half a row.
  bool open_ended() const { return open_ended_; }
  bool blank() const;                     // all cells are empty, as in the last rows of some spreadsheets
  int64_t line() const { return line_; }  // where the row begins; before the first row, the heading's

  [[noreturn]] void refuse(const std::string& what) const { refuse_at(line_, what); }
  [[noreturn]] void refuse_at(int64_t line, const std::string& what) const;

 private:
  bool record(std::vector<std::string>& cells);
  std::string cell();
  std::string quoted_cell();
  bool at_break() const { return at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r'); }
  void skip_break();
  void take_separator_line();

  std::string name_;
  CsvForm form_;
  std::string text_;
  size_t at_ = 0;
  int64_t here_ = 1, line_ = 1;  // line at `at_`, of the row
  char separator_ = ',';
  bool open_ended_ = false;
  bool first_is_row_ = false;  // cells_ holds the first row, which is no heading
  std::vector<std::string> heading_, cells_;
};

class CsvWriter {
 public:
  explicit CsvWriter(const std::vector<std::string>& heading);

  CsvWriter& text(std::string_view cell);      // in quotes where needed
  CsvWriter& number(std::string_view digits);  // as it is; may be empty
  CsvWriter& number(int64_t value) { return number(std::to_string(value)); }
  void end_row();  // Error: internal, for another number of cells than the heading has
  const std::string& str() const { return text_; }

 private:
  void separate();
  std::string text_;
  size_t columns_, cells_ = 0;
};

}  // namespace crc::data
