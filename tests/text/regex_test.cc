// Python's regular expressions, against what Python's re gives for them (the comments are its expressions).
#include <gtest/gtest.h>

#include "base/error.h"
#include "text/regex.h"

namespace easel::text {
namespace {

std::string found(const char* pattern, const char* text, Regex::Flags flags = {}) {
  const CodePoints characters = decode_utf8(text);
  const auto match = Regex(pattern, flags).search(characters);
  if (!match) return "none";
  std::string out;
  for (const auto& group : match->groups) {
    if (!out.empty()) out += "|";
    out += group ? part_of(characters, group->first, group->second) : "-";
  }
  return out;
}
std::string replaced(const char* pattern, const char* with, const char* text, size_t count = 0) {
  return Regex(pattern, {}).replace(decode_utf8(text), with, count).first;
}

TEST(Regex, FindsWhatPythonFinds) {
  EXPECT_EQ(found("b+", "aabbb"), "bbb");
  EXPECT_EQ(found("(a|ab)(c|bcd)(d*)", "abcd"), "abcd|a|bcd|");
  EXPECT_EQ(found("^\\s*(\\w+)\\s*=\\s*(\\d+)", "  x1 = 42;"), "  x1 = 42|x1|42");
  EXPECT_EQ(found("a.c", "a\nc"), "none");
  EXPECT_EQ(found("a??b", "aab"), "ab");
  EXPECT_EQ(found("(?P<y>\\d{4})-(?P<m>\\d\\d)", "on 2024-07"), "2024-07|2024|07");
  EXPECT_EQ(found("(\\w)\\1", "hello"), "ll|l");
  EXPECT_EQ(found("(?<=@)\\w+", "me@home"), "home");
  EXPECT_EQ(found("(?<!a)b", "ab bb"), "b");
  EXPECT_EQ(found("foo(?=bar)", "foo foobar"), "foo");
  EXPECT_EQ(found("foo(?!bar)", "foobar food"), "foo");
  EXPECT_EQ(found("[^,\\]]+", "a],b"), "a");
  EXPECT_EQ(found("[\\w-]{2,3}", "x ab-cd"), "ab-");
  EXPECT_EQ(found("\\bcat\\b", "concat cat"), "cat");
  EXPECT_EQ(found("(x)?y", "y"), "y|-");
  EXPECT_EQ(found("a{,2}b", "aaab"), "aab");
  EXPECT_EQ(found("\\$\\.\\x41", "$.A"), "$.A");
  EXPECT_EQ(found("(?:ab){2}", "ababab"), "abab");
  EXPECT_EQ(found("é+", "caféé"), "éé");
  EXPECT_EQ(found("(?i)BARN", "a Barn"), "Barn");
  EXPECT_EQ(found("$", "ab\n"), "");
  EXPECT_EQ(found("(a|b)*c|(d)", "bad"), "d|-|d");
  EXPECT_EQ(found(".*?:(.*)", "k: v: w"), "k: v: w| v: w");
  EXPECT_EQ(found("[]a]+", "x]a]"), "]a]");
  EXPECT_EQ(found("a.c", "a\nc", {.dot_all = true}), "a\nc");
  EXPECT_EQ(found("^b$", "a\nb\nc", {.multiline = true}), "b");
  EXPECT_EQ(found("[a-c]É", "xBé", {.ignore_case = true}), "Bé");
}

TEST(Regex, ReplacesAsPythonDoes) {
  EXPECT_EQ(replaced("x*", "-", "abxd", 0), "-a-b--d-");
  EXPECT_EQ(replaced("(\\w+) (\\w+)", "\\2 \\1", "hello world", 0), "world hello");
  EXPECT_EQ(replaced("a", "b", "aaa", 2), "bba");
  EXPECT_EQ(replaced("(?P<n>\\d)", "<\\g<n>\\g<1>>", "a1b2", 0), "a<11>b<22>");
  EXPECT_EQ(replaced("\\s+", "\\n", "a  b", 0), "a\nb");
  EXPECT_EQ(replaced("\\b", "|", "ab cd", 0), "|ab| |cd|");
  EXPECT_EQ(replaced("", ".", "ab", 0), ".a.b.");
  EXPECT_EQ(replaced("\\b|\\w+", "|", "ab cd"), "||| |||");
  EXPECT_EQ(replaced("(a)|b", "[\\1\\t]", "ab"), "[a\t][\t]");
  EXPECT_THROW(replaced("a", "\\q", "a"), Error);
  EXPECT_THROW(replaced("a", "\\1", "a"), Error);
}

TEST(Regex, RefusesWhatIsNoPattern) {
  for (const char* pattern : {"(", ")", "a**", "*", "[a", "a{3,2}", "(?P<n", "\\9", "(?<=a*)b", "[b-a]", "(?x)a", "\\"})
    EXPECT_THROW(Regex(pattern, {}), Error) << pattern;
}

TEST(Regex, DoesNotRunForEver) {
  EXPECT_THROW(Regex("(a+)+$", {}).search(decode_utf8(std::string(60, 'a') + "b")), Error);
  EXPECT_EQ(found("(a*)*b", "aaab"), "aaab|");
}

TEST(Regex, KeepsNoMoreMatchesThanMemoryIsFor) {
  // Four million places: of 40 groups, which take no part, and the whole match, in 102,300 matches.
  std::string groups = "a";
  for (int i = 0; i < 40; ++i) groups += "|(b)";
  const Regex many(groups, {});
  EXPECT_EQ(many.find_all(decode_utf8(std::string(102'300, 'a'))).size(), 102'300u);
  EXPECT_THROW(many.find_all(decode_utf8(std::string(102'301, 'a'))), Error);
  EXPECT_THROW(many.replace(decode_utf8(std::string(102'301, 'a')), "b"), Error);
}

}  // namespace
}  // namespace easel::text
