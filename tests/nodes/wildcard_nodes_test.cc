// Choices in texts, drawn as numpy draws them.
#include <gtest/gtest.h>

#include "base/error.h"
#include "run_node.h"

namespace easel::nodes {
namespace {

std::string drawn(const std::string& text, uint64_t seed, const char* mode = "populate") {
  return run_node("ImpactWildcardProcessor", {{"wildcard_text", text},
                                              {"populated_text", std::string("before")},
                                              {"mode", std::string(mode)},
                                              {"seed", seed}})
      .as<std::string>();
}

// numpy.random.default_rng(0).random() is 0.6369616873214543, 0.2697867137638703; of 42 0.7739560485559633,
// 0.4388784397520523, 0.8585979199113825; of 606290407770581 0.1698..., 0.9915..., 0.3365..., 0.3108...
TEST(Wildcards, AreDrawnAsNumpyDrawsThem) {
  EXPECT_EQ(drawn("a {x|y|z}, {x|y|z}", 0), "a y, x");
  EXPECT_EQ(drawn("{a|b|c|d}{a|b|c|d}{a|b|c|d}", 42), "dbd");
  EXPECT_EQ(drawn("{a|b|c|d}{a|b|c|d}{a|b|c|d}{a|b|c|d}", 606290407770581), "adbb");
  // Innermost first: 0.63 chooses 2 of {1|2}, then 0.26 the first of what is left.
  EXPECT_EQ(drawn("{p{1|2}|q}", 0), "p2");
  // By weight: 0.63 lies behind 6 of 10, and before 7 of 10.
  EXPECT_EQ(drawn("{6::a| 4::b|0::c}", 0), "b");
  EXPECT_EQ(drawn("{7 ::a|3::b}", 0), "7 ::a");  // a blank keeps the weight from being removed, as in the original
  EXPECT_EQ(drawn("{a::b|a::b}", 0), "a::b");
}

TEST(Wildcards, OtherTextsStay) {
  EXPECT_EQ(drawn("a __ b, snake_case, } {", 1), "a __ b, snake_case, } {");
  EXPECT_EQ(drawn("one\n# left out\ntwo\nthree", 1), "one two\nthree");
  EXPECT_EQ(drawn("{a|b}", 1, "fixed"), "before");
  EXPECT_EQ(drawn("{a|b}", 1, "reproduce"), "before");
}

TEST(Wildcards, WhatIsNotThereIsRefusedByName) {
  for (const char* text : {"a __animal__", "{2$$a|b|c}", "{__a/b*__|c}", "{-1::a|b}", "{0::a|0::b}"}) {
    SCOPED_TRACE(text);
    try {
      drawn(text, 1);
      ADD_FAILURE() << "it was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.input(), "wildcard_text");
    }
  }
}

}  // namespace
}  // namespace easel::nodes
