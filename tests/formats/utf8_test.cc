#include "formats/utf8.h"

#include <gtest/gtest.h>

namespace easel::formats {
namespace {

TEST(Utf8, CodePointsOfEveryLength) {
  std::string out;
  for (const uint32_t c : {0x41u, 0xe9u, 0x20acu, 0x1f58cu}) append_utf8(out, c);
  EXPECT_EQ(out, "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x96\x8c");
}

TEST(Utf8, InvalidBytesAreReplaced) {
  for (const uint32_t c : {0xd800u, 0xdfffu, 0x110000u, 0xffffffffu}) {
    std::string out;
    append_utf8(out, c);
    EXPECT_EQ(out, "\xef\xbf\xbd") << c;
  }
}

TEST(Utf8, ValidTextIsLeftAloneAndTheRestIsLatin1) {
  EXPECT_EQ(to_utf8("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(to_utf8("caf\xe9"), "caf\xc3\xa9");
  // Overlong forms, surrogates and cut sequences are not UTF-8.
  EXPECT_EQ(to_utf8("\xc0\xaf"), "\xc3\x80\xc2\xaf");
  EXPECT_EQ(to_utf8("\xed\xa0\x80"), "\xc3\xad\xc2\xa0\xc2\x80");
  EXPECT_EQ(to_utf8("\xe2\x82"), "\xc3\xa2\xc2\x82");
}

}  // namespace
}  // namespace easel::formats
