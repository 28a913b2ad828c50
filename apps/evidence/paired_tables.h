// What a comparison says, as tables and sentences. Empty where there is nothing to compare.
#pragma once

#include <string>
#include <vector>

#include "apps/evidence/study.h"

namespace crc::apps {

// The method called random, whatever its case.
std::optional<size_t> baseline(const Comparison& comparison);

// "crc is better than random by 2.31 ± 0.80 points (p = 0.002), and saves 12 of 60 labels", or what words() says.
std::string sentence(const Comparison& comparison, const Pair& pair);

// Areas, and differences to the method called random; and the differences of all to all.
std::string markdown_areas(const PairedBlock& block);
// A short one for a document: area, difference to the method called random, bold where it is better or worse, and wins.
std::string markdown_summary(const PairedBlock& block);
std::string markdown_pairs(const PairedBlock& block);
std::string markdown_sentences(const PairedBlock& block);  // a list, one for each pair
std::string csv(const std::vector<PairedBlock>& blocks);   // one line per pair; percent and points
std::string pairs_section(const PairedBlock& block);       // of report.html, with its charts

// Interquartile means over all trials of all blocks together, of methods that every block has: stratified by block.
std::string html_blocks(const std::vector<PairedBlock>& blocks);

}  // namespace crc::apps
