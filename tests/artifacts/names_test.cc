#include "artifacts/names.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace easel::artifacts {
namespace {

TEST(Names, Annotations) {
  const struct {
    const char *text, *name;
    std::optional<Area> area;
  } cases[] = {
      {"a.png", "a.png", std::nullopt},
      {"a.png [output]", "a.png", Area::kOutput},
      {"sub/a.png [temp]", "sub/a.png", Area::kTemp},
      {"a.png  [input]", "a.png", Area::kInput},
      {"a.png[input]", "a.png", Area::kInput},
      {"a [temp].png", "a [temp].png", std::nullopt},
      {"a.png [other]", "a.png [other]", std::nullopt},
      {"a.png [output] ", "a.png [output] ", std::nullopt},
      {"[output]", "", Area::kOutput},
      {"", "", std::nullopt},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(split_annotation(c.text).name, c.name) << c.text;
    EXPECT_EQ(split_annotation(c.text).area, c.area) << c.text;
  }
  for (const Area area : {Area::kInput, Area::kOutput, Area::kTemp}) EXPECT_EQ(area_named(area_name(area)), area);
  EXPECT_EQ(area_named("Input"), std::nullopt);
}

TEST(Names, Beside) {
  EXPECT_EQ(name_beside("a.b.png", 0), "a.b.png");
  EXPECT_EQ(name_beside("a.b.png", 2), "a.b (2).png");
  EXPECT_EQ(name_beside("a", 9999), "a (9999)");
  EXPECT_THROW(name_beside("a", 10000), Error);
}

TEST(Names, Sanitised) {
  EXPECT_EQ(sanitised("../x/y.png"), "y.png");
  EXPECT_EQ(sanitised("C:\\x\\y.png"), "y.png");
  EXPECT_EQ(sanitised("..."), "");
  EXPECT_EQ(sanitised("/"), "");
  EXPECT_EQ(sanitised(" .a b. "), "a b");
  EXPECT_EQ(sanitised("a\tb\x7F.png"), "a_b_.png");
  EXPECT_EQ(sanitised("a:b?.png"), "a_b_.png");
  EXPECT_EQ(sanitised("\xE6\x9D\xB1.png"), "\xE6\x9D\xB1.png");
  EXPECT_EQ(sanitised("\xFF.png"), "_.png");
  EXPECT_EQ(sanitised("\xC0\xAF.png"), "__.png");       // an overlong slash
  EXPECT_EQ(sanitised("\xED\xA0\x80.png"), "___.png");  // half of a surrogate pair
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xE6\x9D\xB1";
  EXPECT_EQ(sanitised(wide + ".png").size(), 196 - 196 % 3 + 4u);
}

TEST(Names, SafeJoin) {
  EXPECT_EQ(safe_join("/r", "a/./b//c.png"), "/r/a/b/c.png");
  EXPECT_EQ(safe_join("/r", ""), "/r");
  const auto fault = [](const std::string& name) {
    try {
      safe_join("/r", name);
    } catch (const Error& e) {
      return e.fault();
    }
    return Fault::kInternal;
  };
  for (const char* name : {"/etc/passwd", "..", "a/../b", "a\\b", "a\nb", "\xFF", "\xC0\xAE\xC0\xAE"})
    EXPECT_EQ(fault(name), Fault::kInvalid) << name;
  EXPECT_EQ(fault(std::string("a\0b", 3)), Fault::kInvalid);
  EXPECT_EQ(fault(std::string(1025, 'a')), Fault::kInvalid);
  for (const std::string& name : {std::string(".hidden"), std::string("a/.b/c"), std::string(256, 'a')})
    EXPECT_EQ(fault(name), Fault::kMissing) << name;
}

}  // namespace
}  // namespace easel::artifacts
