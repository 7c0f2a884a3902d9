// Folders as somebody else left them.
#include "base/files/walk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "support/temp_folder.h"

namespace easel {
namespace {

namespace fs = std::filesystem;

class WalkTest : public ::testing::Test {
 protected:
  void put(const std::string& name) {
    fs::create_directories((root() / name).parent_path());
    std::ofstream(root() / name) << "x";
  }
  fs::path root() const { return folder_.path() / "root"; }
  std::vector<std::string> names(const WalkLimits& limits = {}) {
    std::vector<std::string> out;
    walk_files(root(), limits, [&](const fs::directory_entry& entry) {
      out.push_back(entry.path().lexically_relative(root()).generic_string());
      return true;
    });
    std::sort(out.begin(), out.end());
    return out;
  }

  testing::TempFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(WalkTest, LinksInCirclesAndToParentsEnd) {
  put("a");
  put("sub/b");
  fs::create_directory_symlink(root(), root() / "self");
  fs::create_directory_symlink("..", root() / "sub" / "up");
  fs::create_directory_symlink(folder_.path(), root() / "sub" / "above");
  fs::create_directory_symlink("two", root() / "one");
  fs::create_directory_symlink("one", root() / "two");
  // A link that leads nowhere is an entry like any other.
  EXPECT_EQ(names(), (Names{"a", "one", "sub/b", "two"}));
}

TEST_F(WalkTest, EachFolderIsReadOnceUnderItsOwnName) {
  put("real/deep/a");
  fs::create_directory_symlink(root() / "real" / "deep", root() / "again");
  fs::create_directories(folder_.path() / "outside");
  std::ofstream(folder_.path() / "outside" / "c") << "x";
  fs::create_directory_symlink(folder_.path() / "outside", root() / "x");
  fs::create_directory_symlink(folder_.path() / "outside", root() / "y");
  EXPECT_EQ(names(), (Names{"real/deep/a", "x/c"}));
  EXPECT_EQ(names({.follow_links = false}), (Names{"real/deep/a"}));
}

// Every folder has links to all others: there are 8! ways through them.
TEST_F(WalkTest, ManyWaysAreNotAllTaken) {
  for (int i = 0; i < 8; ++i) put(std::to_string(i) + "/file");
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j)
      fs::create_directory_symlink("../" + std::to_string(j), root() / std::to_string(i) / ("to" + std::to_string(j)));
  EXPECT_EQ(names().size(), 8u);
}

TEST_F(WalkTest, UnreadableFoldersArePassedOver) {
  put("open/a");
  put("shut/b");
  put("zz/c");
  ASSERT_EQ(chmod((root() / "shut").c_str(), 0), 0);
  const Names found = names();
  chmod((root() / "shut").c_str(), 0755);
  // The superuser may read everything.
  EXPECT_EQ(found, getuid() == 0 ? (Names{"open/a", "shut/b", "zz/c"}) : (Names{"open/a", "zz/c"}));
}

TEST_F(WalkTest, FoldersThatVanishArePassedOver) {
  put("a/1");
  put("b/2");
  put("c/3");
  Names found;
  const auto walked = walk_files(root(), {}, [&](const fs::directory_entry& entry) {
    fs::remove_all(root() / "b");
    found.push_back(entry.path().filename());
    return true;
  });
  EXPECT_EQ(found, (Names{"1", "3"}));
  EXPECT_EQ(walked.size(), 3u);
}

TEST_F(WalkTest, Limits) {
  put("a/b/c/d");
  put("e");
  EXPECT_EQ(names({.deepest = 2}), Names{"e"});
  EXPECT_EQ(names({.deepest = 3}), (Names{"a/b/c/d", "e"}));
  EXPECT_EQ(names({.most_folders = 1}), Names{"e"});
  int calls = 0;
  walk_files(root(), {}, [&](const fs::directory_entry&) { return ++calls < 1; });
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(walk_files(root() / "nowhere", {}, [](const fs::directory_entry&) { return true; }).empty());
  EXPECT_TRUE(walk_files(root() / "e", {}, [](const fs::directory_entry&) { return true; }).empty());
}

TEST_F(WalkTest, AChangeShows) {
  put("a");
  const FolderState before = folder_state(root());
  EXPECT_EQ(folder_state(root()), before);
  usleep(20000);
  put("b");
  EXPECT_NE(folder_state(root()), before);
  EXPECT_EQ(folder_state(root() / "nowhere"), FolderState{});
  EXPECT_EQ(folder_state(root() / "a"), FolderState{});
}

}  // namespace
}  // namespace easel
