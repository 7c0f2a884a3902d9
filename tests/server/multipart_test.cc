#include "server/http/multipart.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace easel::server {
namespace {

const std::string kType = "multipart/form-data; boundary=XX";

std::string part(const std::string& disposition, const std::string& data, const std::string& more = {}) {
  return "--XX\r\nContent-Disposition: form-data; " + disposition + "\r\n" + more + "\r\n" + data + "\r\n";
}

TEST(Multipart, ReadsFieldsAndFiles) {
  const std::string picture("\x89PNG\r\n\x1A\n--X\0", 12);
  const std::string body =
      part("name=\"image\"; filename=\"a \\\"b\\\".png\"", picture, "Content-Type: image/png\r\n") +
      part("name=overwrite", "true") + part("name=\"empty\"", "") + "--XX--\r\n";
  const auto parts = parse_multipart(kType, body);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "image");
  EXPECT_EQ(parts[0].file_name, "a \"b\".png");
  EXPECT_EQ(parts[0].content_type, "image/png");
  EXPECT_EQ(parts[0].data, picture);
  EXPECT_EQ(parts[1].name, "overwrite");
  EXPECT_EQ(parts[1].data, "true");
  EXPECT_EQ(parts[2].data, "");
}

TEST(Multipart, BoundaryMayBeQuotedAndHaveAPreamble) {
  const auto parts = parse_multipart("Multipart/Form-Data; charset=utf-8; boundary=\"XX\"",
                                     "preamble\r\n" + part("name=\"a;b\"", "1") + "--XX--epilogue");
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].name, "a;b");
}

TEST(Multipart, RefusesMalformedBodies) {
  const std::string good = part("name=a", "1");
  const struct {
    std::string type, body;
  } cases[] = {
      {"application/json", good + "--XX--"},
      {"", good + "--XX--"},
      {"multipart/form-data", good + "--XX--"},
      {"multipart/form-data; boundary=", good + "--XX--"},
      {"multipart/form-data; boundary=" + std::string(71, 'x'), good + "--XX--"},
      {kType, ""},
      {kType, good},
      {kType, good + "--XX"},
      {kType, good + "--XXjunk\r\n"},
      {kType, "--XX\r\n"},
      {kType, "--XX\r\n\r\n--XX--"},
      {kType, "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--"},
      {kType, "--XX\r\nno colon\r\n\r\n1\r\n--XX--"},
      {kType, "--XX\r\nContent-Disposition: form-data; name=a\r\n--XX--"},
      {kType, "--XX\r\nX: " + std::string(9000, 'y') + "\r\n\r\n1\r\n--XX--"},
  };
  for (const auto& c : cases) EXPECT_THROW(parse_multipart(c.type, c.body), Error) << c.type << "\n" << c.body;
  std::string many;
  for (int i = 0; i < 65; ++i) many += good;
  EXPECT_THROW(parse_multipart(kType, many + "--XX--"), Error);
}

// Any prefix and any single changed byte either parses or throws Error; nothing else happens.
TEST(Multipart, SurvivesDamage) {
  const std::string body = part("name=\"image\"; filename=\"a.png\"", "data") + part("name=b", "1") + "--XX--\r\n";
  for (size_t n = 0; n < body.size(); ++n) {
    try {
      parse_multipart(kType, body.substr(0, n));
    } catch (const Error&) {
    }
    for (const char c : {'\0', '"', '-', '\r', ';', '\xFF'}) {
      std::string damaged = body;
      damaged[n] = c;
      try {
        for (const auto& p : parse_multipart(kType, damaged)) ASSERT_LE(p.data.size(), damaged.size());
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace easel::server
