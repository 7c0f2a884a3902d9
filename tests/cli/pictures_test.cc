#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/command.h"

namespace easel::cli::testing {
namespace {

TEST(PicturesCommand, DrawingsAreAStreamThatCanBeContinued) {
  Workplace w("pictures");
  ASSERT_EQ(w.run({"pictures", "all", "--drawings", "5", "--size", "64", "--seed", "3"}).code, 0);
  ASSERT_EQ(w.run({"pictures", "rest", "--drawings", "2", "--size", "64", "--seed", "3", "--from", "3"}).code, 0);
  const std::string all = w.get("all/drawings.rgb"), rest = w.get("rest/drawings.rgb");
  ASSERT_EQ(all.size(), 5u * 64 * 64 * 3);
  EXPECT_EQ(rest, all.substr(3u * 64 * 64 * 3));
  std::istringstream lines(w.get("all/drawings.jsonl"));
  int64_t number = 0;
  for (std::string line; std::getline(lines, line); ++number) {
    const auto entry = nlohmann::json::parse(line);
    EXPECT_EQ(entry.at("number"), number);
    EXPECT_FALSE(entry.at("caption").get<std::string>().empty());
    EXPECT_FALSE(entry.at("subject").get<std::string>().empty());
  }
  EXPECT_EQ(number, 5);
  EXPECT_EQ(w.run({"pictures", "none", "--seed", "3"}).code, 2);  // a seed without drawings says nothing
}

}  // namespace
}  // namespace easel::cli::testing
