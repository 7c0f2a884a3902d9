// docs/compatibility.md lists every node there is, and none that is not there as if it were.
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "nodes/node_list.h"
#include "nodes/standard_table.h"
#include "support/paths.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;

std::string page() { return read_file(fs::path(testing::kSourceDir) / "docs/compatibility.md"); }

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.find(begin);
  if (from == std::string::npos) return {};
  const size_t to = text.find(end, from);
  return text.substr(from + begin.size(), to == std::string::npos ? to : to - from - begin.size());
}

TEST(NodeList, IsTheOneOfTheDocs) {
  EXPECT_EQ(between(page(), "<!-- easel nodes --names -->\n", "<!-- end -->"), names_by_origin(standard_table()))
      << "put what `easel nodes --names` prints between the two comments in docs/compatibility.md";
}

// The first column of the table of ComfyUI's nodes that are not there.
TEST(NodeList, WhatIsSaidToBeMissingIsMissing) {
  const std::string missing = between(page(), "<!-- not there -->\n", "<!-- end -->");
  ASSERT_FALSE(missing.empty());
  int named = 0;
  for (size_t line = 0; line < missing.size(); line = missing.find('\n', line) + 1) {
    const size_t end = missing.find(" | ", line + 2);
    const std::string cell = missing.substr(line, end - line);
    for (size_t at = 0; (at = cell.find('`', at)) != std::string::npos;) {
      const size_t close = cell.find('`', at + 1);
      const std::string name = cell.substr(at + 1, close - at - 1);
      EXPECT_EQ(standard_table().find(name), nullptr) << name << " is there";
      ++named;
      at = close + 1;
    }
  }
  EXPECT_GT(named, 5);
}

}  // namespace
}  // namespace easel::nodes
