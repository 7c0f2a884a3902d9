#include "formats/base64.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace easel::formats {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  return {bytes.begin(), bytes.end()};
}

// The examples of RFC 4648, section 10.
TEST(Base64, ReadsEveryLength) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("Zg=="), "f");
  EXPECT_EQ(decoded("Zm8="), "fo");
  EXPECT_EQ(decoded("Zm9v"), "foo");
  EXPECT_EQ(decoded("Zm9vYg=="), "foob");
  EXPECT_EQ(decoded("Zm9vYmE="), "fooba");
  EXPECT_EQ(decoded("Zm9vYmFy"), "foobar");
}

TEST(Base64, WritesWhatItReads) {
  const std::string text = "foobar";
  const std::string expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (size_t n = 0; n <= text.size(); ++n)
    EXPECT_EQ(encode_base64({reinterpret_cast<const uint8_t*>(text.data()), n}), expected[n]);
  std::vector<uint8_t> every(256);
  for (size_t i = 0; i < every.size(); ++i) every[i] = static_cast<uint8_t>(255 - i);
  EXPECT_EQ(decode_base64(encode_base64(every)), every);
}

TEST(Base64, ReadsTheVariantsThatClientsSend) {
  EXPECT_EQ(decoded("Zm9vYmE"), "fooba");  // not padded
  EXPECT_EQ(decoded("Zm9v\nYmFy\r\n"), "foobar");
  EXPECT_EQ(decoded("data:image/png;base64,Zm9v"), "foo");
  EXPECT_EQ(decoded("+/+/"), decoded("-_-_"));
  EXPECT_EQ(decoded("+/+/"), "\xfb\xff\xbf");
}

TEST(Base64, RefusesOtherTexts) {
  for (const char* bad : {"Z", "Zm9vY", "Zm9v%", "Zm=9", "data:image/png,Zm9v", "\xff"})
    EXPECT_THROW(decode_base64(bad), Error) << bad;
}

}  // namespace
}  // namespace easel::formats
