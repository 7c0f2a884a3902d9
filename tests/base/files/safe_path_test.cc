#include "base/files/safe_path.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace easel {
namespace {

namespace fs = std::filesystem;
using std::string;

struct Case {
  string name;
  NameFault user, client;
};

// One table for all who take names from outside: workflows, prompts, the command line, the network.
const Case kCases[] = {
    {"a.png", NameFault::kNone, NameFault::kNone},
    {"sub/a.png", NameFault::kNone, NameFault::kNone},
    {"./sub//a.png", NameFault::kNone, NameFault::kNone},
    {"caf\xc3\xa9 (1).png", NameFault::kNone, NameFault::kNone},
    {"a..b.png", NameFault::kNone, NameFault::kNone},
    {"C:", NameFault::kNone, NameFault::kNone},
    {"", NameFault::kUnusable, NameFault::kUnusable},
    {"/etc/passwd", NameFault::kLeaves, NameFault::kLeaves},
    {"//host/share", NameFault::kLeaves, NameFault::kLeaves},
    {"C:/Windows/a.png", NameFault::kLeaves, NameFault::kLeaves},
    {"c:\\a.png", NameFault::kLeaves, NameFault::kUnusable},
    {"..", NameFault::kLeaves, NameFault::kLeaves},
    {"../a.png", NameFault::kLeaves, NameFault::kLeaves},
    {"sub/../../a.png", NameFault::kLeaves, NameFault::kLeaves},
    {"sub/..", NameFault::kLeaves, NameFault::kLeaves},
    {"a/../b", NameFault::kLeaves, NameFault::kLeaves},
    {"sub\\..\\a.png", NameFault::kNone, NameFault::kUnusable},
    {".hidden", NameFault::kNone, NameFault::kNoFile},
    {"sub/.git/config", NameFault::kNone, NameFault::kNoFile},
    {string("a\0.png", 6), NameFault::kUnusable, NameFault::kUnusable},
    {"a\nb.png", NameFault::kNone, NameFault::kUnusable},
    {"a\x7f.png", NameFault::kNone, NameFault::kUnusable},
    {"\xff\xfe.png", NameFault::kUnusable, NameFault::kUnusable},
    {"\xc0\xae\xc0\xae/a.png", NameFault::kUnusable, NameFault::kUnusable},  // ".." overlong
    {"\xed\xa0\x80", NameFault::kUnusable, NameFault::kUnusable},            // half of a surrogate pair
    {"cut \xe2\x82", NameFault::kUnusable, NameFault::kUnusable},
    {string(255, 'a'), NameFault::kNone, NameFault::kNone},
    {string(256, 'a'), NameFault::kNoFile, NameFault::kNoFile},
    {string(1025, 'a'), NameFault::kUnusable, NameFault::kUnusable},
};

TEST(SafePath, HostileNames) {
  for (const Case& c : kCases) {
    EXPECT_EQ(check_name(c.name, NameFrom::kUser), c.user) << c.name;
    EXPECT_EQ(check_name(c.name, NameFrom::kClient), c.client) << c.name;
    for (const NameFrom from : {NameFrom::kUser, NameFrom::kClient}) {
      const auto path = join_inside("/folder", c.name, from);
      EXPECT_EQ(path.has_value(), check_name(c.name, from) == NameFault::kNone) << c.name;
      if (path) {
        EXPECT_EQ(path->string().substr(0, 8), "/folder/") << c.name;
      }
    }
  }
  EXPECT_EQ(join_inside("/folder", "./sub//a.png", NameFrom::kUser), fs::path("/folder/sub/a.png"));
}

class SafePathLinks : public ::testing::Test {
 protected:
  SafePathLinks() : root_(fs::path(::testing::TempDir()) / ("easel-safe-path-" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "inside" / "sub");
    fs::create_directories(root_ / "outside");
    std::ofstream(root_ / "inside" / "sub" / "a") << "a";
    std::ofstream(root_ / "outside" / "b") << "b";
    fs::create_symlink(root_ / "outside", root_ / "inside" / "out");
    fs::create_symlink(root_ / "outside" / "b", root_ / "inside" / "b");
    fs::create_symlink(root_ / "inside" / "sub", root_ / "inside" / "in");
    fs::create_directory_symlink(root_ / "inside", root_ / "link");
  }
  ~SafePathLinks() override { fs::remove_all(root_); }
  fs::path root_;
};

TEST_F(SafePathLinks, AreFollowedAndMustStayInside) {
  const fs::path inside = fs::canonical(root_ / "inside");
  EXPECT_EQ(resolve_inside(inside, "sub/a"), inside / "sub" / "a");
  EXPECT_EQ(resolve_inside(inside, "in/a"), inside / "sub" / "a");
  EXPECT_EQ(resolve_inside(root_ / "link", "sub/a"), inside / "sub" / "a");
  EXPECT_EQ(resolve_inside(inside, "new/file"), inside / "new" / "file");
  EXPECT_FALSE(resolve_inside(inside, "out/b"));
  EXPECT_FALSE(resolve_inside(inside, "out/new"));
  EXPECT_FALSE(resolve_inside(inside, "b"));
  EXPECT_FALSE(resolve_inside(inside, "../outside/b"));
  EXPECT_TRUE(lies_inside(inside / "sub", inside));
  EXPECT_TRUE(lies_inside(inside, inside));
  EXPECT_FALSE(lies_inside(inside / "out" / "b", inside));
  EXPECT_FALSE(lies_inside(root_ / "inside2", inside));
}

}  // namespace
}  // namespace easel
