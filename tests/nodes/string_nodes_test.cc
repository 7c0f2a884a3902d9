// Texts, against what Python's own methods give.
#include <gtest/gtest.h>

#include "run_node.h"

namespace easel::nodes {
namespace {

std::string text(const char* name, Typed typed) { return run_node(name, std::move(typed)).as<std::string>(); }
bool flag(const char* name, Typed typed) { return run_node(name, std::move(typed)).as<bool>(); }
workflow::Literal s(const char* value) { return std::string(value); }

TEST(StringNodes, JoinAndReplace) {
  EXPECT_EQ(text("StringConcatenate", {{"string_a", s("a")}, {"string_b", s("b")}, {"delimiter", s(", ")}}), "a, b");
  const auto replaced = [](const char* in, const char* find, const char* with) {
    return text("StringReplace", {{"string", s(in)}, {"find", s(find)}, {"replace", s(with)}});
  };
  EXPECT_EQ(replaced("aaa", "aa", "b"), "ba");
  EXPECT_EQ(replaced("a red barn", "red", ""), "a  barn");
  EXPECT_EQ(replaced("né", "", "-"), "-n-é-");
  EXPECT_EQ(replaced("", "", "x"), "x");
  EXPECT_EQ(replaced("abc", "x", "y"), "abc");
}

TEST(StringNodes, CountCharacters) {
  EXPECT_EQ(run_node("StringLength", {{"string", s("naïve 🎨")}}).as<int64_t>(), 7);
  const auto part = [](int64_t start, int64_t end) {
    return text("StringSubstring", {{"string", s("naïve")}, {"start", start}, {"end", end}});
  };
  EXPECT_EQ(part(1, 3), "aï");
  EXPECT_EQ(part(-3, 5), "ïve");
  EXPECT_EQ(part(0, -1), "naïv");
  EXPECT_EQ(part(-100, 100), "naïve");
  EXPECT_EQ(part(4, 2), "");
}

TEST(StringNodes, TrimWhiteSpace) {
  const auto trimmed = [](const char* in, const char* mode) {
    return text("StringTrim", {{"string", s(in)}, {"mode", s(mode)}});
  };
  EXPECT_EQ(trimmed(" \t\u00a0a b\n\u3000", "Both"), "a b");
  EXPECT_EQ(trimmed(" a ", "Left"), "a ");
  EXPECT_EQ(trimmed(" a ", "Right"), " a");
  for (const char* mode : {"Both", "Left", "Right"}) EXPECT_EQ(trimmed(" \x1c ", mode), "");
}

// Expected values are those of Python's upper(), lower(), capitalize() and title().
TEST(StringNodes, ChangeCase) {
  const auto in_case = [](const char* in, const char* mode) {
    return text("CaseConverter", {{"string", s(in)}, {"mode", s(mode)}});
  };
  EXPECT_EQ(in_case("straße, née ǆ", "UPPERCASE"), "STRASSE, NÉE Ǆ");
  EXPECT_EQ(in_case("ΟΔΟΣ İ ÉA", "lowercase"), "οδος i̇ éa");
  EXPECT_EQ(in_case("éCOLE DE Paris. ΟΔΟΣ", "Capitalize"), "École de paris. οδος");
  EXPECT_EQ(in_case("ǆungla ß", "Capitalize"), "ǅungla ß");
  EXPECT_EQ(in_case(" a", "Capitalize"), " a");
  EXPECT_EQ(in_case("they're BILL's 3rd ßa ΟΔΟΣ_x ǆ", "Title Case"), "They'Re Bill'S 3Rd Ssa Οδος_X ǅ");
  for (const char* mode : {"UPPERCASE", "lowercase", "Capitalize", "Title Case"}) EXPECT_EQ(in_case("", mode), "");
}

// Of texts that are joined with themselves again and again.
TEST(StringNodes, DoNotDoubleForEver) {
  const std::string half(size_t{9} << 20, 'x');
  const std::map<const char*, Typed> joins{
      {"StringConcatenate", {{"string_a", half}, {"string_b", half}, {"delimiter", s("")}}},
      {"JoinStrings", {{"string1", half}, {"string2", half}, {"delimiter", s("")}}},
      {"Text Concatenate",
       {{"text_a", half}, {"text_b", half}, {"delimiter", s(", ")}, {"clean_whitespace", s("false")}}},
      {"CR Text Concatenate", {{"text1", half}, {"text2", half}, {"separator", s("")}}},
      {"CR Combine Prompt", {{"part1", half}, {"part2", half}, {"separator", s("")}}},
      {"StringFunction|pysssss",
       {{"action", s("append")}, {"tidy_tags", s("no")}, {"text_a", half}, {"text_b", half}}}};
  for (const auto& [name, inputs] : joins) {
    SCOPED_TRACE(name);
    try {
      run_node(name, inputs);
      ADD_FAILURE() << "a text of 18 MiB";
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kMemory) << e.what();
    }
  }
}

TEST(StringNodes, Compare) {
  const auto contains = [](const char* in, const char* part, bool sensitive) {
    return flag("StringContains", {{"string", s(in)}, {"substring", s(part)}, {"case_sensitive", sensitive}});
  };
  EXPECT_TRUE(contains("Übung", "bun", true));
  EXPECT_FALSE(contains("Übung", "übung", true));
  EXPECT_TRUE(contains("Übung", "übung", false));
  EXPECT_TRUE(contains("", "", true));
  const auto compared = [](const char* a, const char* b, const char* mode, bool sensitive) {
    return flag("StringCompare",
                {{"string_a", s(a)}, {"string_b", s(b)}, {"mode", s(mode)}, {"case_sensitive", sensitive}});
  };
  EXPECT_TRUE(compared("abc", "ab", "Starts With", true));
  EXPECT_FALSE(compared("abc", "AB", "Starts With", true));
  EXPECT_TRUE(compared("abc", "BC", "Ends With", false));
  EXPECT_FALSE(compared("c", "bc", "Ends With", true));
  EXPECT_TRUE(compared("ΟΔΟΣ", "οδος", "Equal", false));
}

}  // namespace
}  // namespace easel::nodes
