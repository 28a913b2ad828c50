// toml++, whose parser takes some malformed input for impossible and asserts. Here such an assertion is an exception,
// whatever the build type; parse_toml (apps/config/parse_toml.h) makes an error of it. To be included instead of the
// library's own header: its functions are inline, and all must be the same.
#pragma once

#include <stdexcept>

namespace crc::apps {
struct TomlAssertion : std::logic_error {
  using std::logic_error::logic_error;
};
}  // namespace crc::apps

#pragma push_macro("NDEBUG")
#undef NDEBUG  // without assertions the library would go on with what it takes for impossible
#define TOML_ASSERT(expression) ((expression) ? void() : throw ::crc::apps::TomlAssertion(#expression))
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
// Its noexcept functions assert, too: only a mistake of ours could get so far.
#pragma GCC diagnostic ignored "-Wterminate"
#endif
#include <toml++/toml.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#pragma pop_macro("NDEBUG")
