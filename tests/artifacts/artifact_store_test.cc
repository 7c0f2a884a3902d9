// Artifacts in folders: what every store promises (artifact_store_cases.h), and what is the folders' own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "artifacts/artifact_store_cases.h"
#include "artifacts/folder_store.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "support/temp_folder.h"

namespace easel::artifacts {
namespace {

namespace fs = std::filesystem;
using testing::content;
using testing::fault_of;

class Artifacts : public ::testing::Test {
 protected:
  Artifacts() : store_({folder_.path() / "in", folder_.path() / "out", folder_.path() / "temp"}) { store_.prepare(); }
  easel::testing::TempFolder folder_;
  FolderStore store_;
};

TEST_F(Artifacts, FindWhatIsPut) { testing::finds_what_is_put(store_); }
TEST_F(Artifacts, KeepOtherContentBeside) { testing::keeps_other_content_beside(store_); }
TEST_F(Artifacts, CountSavedFiles) { testing::counts_saved_files(store_); }
TEST_F(Artifacts, LoseNothingWhenManySave) { testing::loses_nothing_when_many_save(store_); }
TEST_F(Artifacts, ClearTemp) { testing::clears_temp(store_); }

// Names in workflows are people's: they may begin with a dot, and say when they lead out.
TEST_F(Artifacts, AreFoundByTheNamesInWorkflows) {
  fs::create_directories(store_.root(Area::kOutput) / ".drafts");
  write_file(store_.root(Area::kOutput) / ".drafts" / "a_00001_.png", "1");
  const Name name{Area::kOutput, ".drafts", "a_00001_.png"};
  const auto found = store_.find(name, NameFrom::kUser);
  ASSERT_TRUE(found);
  EXPECT_EQ(read_file(*found), "1");
  EXPECT_FALSE(store_.find(name, NameFrom::kClient));                          // hidden
  EXPECT_FALSE(store_.find({Area::kOutput, "", ".drafts"}, NameFrom::kUser));  // a folder
  fs::create_symlink("/etc", folder_.path() / "in" / "etc");
  EXPECT_EQ(fault_of([&] { store_.find({Area::kInput, "etc", "passwd"}, NameFrom::kUser); }), Fault::kInvalid);
}

// Whoever only looks makes no folders.
TEST_F(Artifacts, FoldersAreMadeWhenTheyAreNeeded) {
  const fs::path root = folder_.path() / "later";
  FolderStore store({root / "in", root / "out", root / "temp"});
  EXPECT_FALSE(store.find({Area::kInput, "", "a.png"}, NameFrom::kUser));
  EXPECT_TRUE(store.list(Area::kInput).empty());
  store.clear_temp(0);
  EXPECT_FALSE(fs::exists(root));
  EXPECT_EQ(store.put_numbered(Area::kOutput, "a", "png", "1").file, "a_00001_.png");
  EXPECT_EQ(store.put({Area::kInput, "sub", "b.png"}, "2", IfTaken::kReplace), (Name{Area::kInput, "sub", "b.png"}));
  EXPECT_EQ(read_file(store.get({Area::kInput, "sub", "b.png"})), "2");
  EXPECT_FALSE(fs::exists(root / "temp"));
}

// What is said before anything is computed is what saving would say.
TEST_F(Artifacts, PrefixesAreCheckedBeforeAnythingIsSaved) {
  const fs::path root = store_.root(Area::kOutput);
  fs::create_symlink("/tmp", root / "link");
  write_file(root / "file", "x");
  const std::string bad[] = {"",
                             ".",
                             "/",
                             "..",
                             "../a",
                             "a/../../b",
                             "/etc/a",
                             "C:/a",
                             "..\\..\\a",
                             ".hidden",
                             ".a/b",
                             "a/.b/c",
                             "link/a",
                             "file/a",
                             "a\n",
                             "a\x7f",
                             "\xff",
                             "\u202Egnp.a",
                             "a\u2066",
                             std::string("a\0b", 3),
                             std::string(201, 'a'),
                             std::string(300, 'a') + "/a",
                             std::string(1000, '/') + "a/../../x",
                             [] {
                               std::string deep;
                               for (int i = 0; i < 500; ++i) deep += "a/";
                               return deep + "b";
                             }()};
  for (const std::string& prefix : bad) {
    SCOPED_TRACE(prefix.substr(0, 40));
    EXPECT_EQ(fault_of([&] { store_.check_prefix(Area::kOutput, prefix); }), Fault::kInvalid);
    EXPECT_EQ(fault_of([&] { store_.put_numbered(Area::kOutput, prefix, "png", "x"); }), Fault::kInvalid);
  }
  const std::string good[] = {
      "a", "a/b/", "./a", "a//b", "b/../a", "a b (1)", "\u00e9", "sub\\a", std::string(200, 'a')};
  for (const std::string& prefix : good) {
    SCOPED_TRACE(prefix);
    EXPECT_NO_THROW(store_.check_prefix(Area::kOutput, prefix));
    EXPECT_NO_THROW(store_.get(store_.put_numbered(Area::kOutput, prefix, "png", "x")));
  }
}

TEST_F(Artifacts, RemovedFilesAreGone) {
  const Name name = store_.put({Area::kOutput, "sub", "a.png"}, "x", IfTaken::kReplace);
  store_.put({Area::kOutput, "", "b.png"}, "y", IfTaken::kReplace);
  fs::create_symlink("b.png", folder_.path() / "out" / "link.png");
  store_.remove(name);
  EXPECT_EQ(fault_of([&] { store_.get(name); }), Fault::kMissing);
  store_.remove(name);
  store_.remove({Area::kOutput, "", "link.png"});
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder_.path() / "out" / "link.png")));
  EXPECT_EQ(content(store_, {Area::kOutput, "", "b.png"}), "y");
  EXPECT_EQ(fault_of([&] { store_.remove({Area::kOutput, "..", "b.png"}); }), Fault::kInvalid);
}

TEST_F(Artifacts, NewestFirst) {
  for (const char* file : {"old.png", "new.png"}) store_.put({Area::kOutput, "", file}, "x", IfTaken::kReplace);
  fs::last_write_time(folder_.path() / "out" / "old.png", fs::file_time_type::clock::now() - std::chrono::hours(1));
  store_.put({Area::kOutput, "sub", "inside.png"}, "x", IfTaken::kReplace);
  std::ofstream(folder_.path() / "out" / ".hidden") << "x";
  EXPECT_EQ(store_.list(Area::kOutput), (std::vector<std::string>{"new.png", "old.png"}));
  EXPECT_TRUE(store_.list(Area::kTemp).empty());
}

TEST_F(Artifacts, TempIsCleared) {
  for (const char* file : {"old.png", "new.png"}) store_.put({Area::kTemp, "", file}, "x", IfTaken::kReplace);
  fs::last_write_time(folder_.path() / "temp" / "old.png", fs::file_time_type::clock::now() - std::chrono::hours(2));
  store_.clear_temp(3600);
  EXPECT_EQ(store_.list(Area::kTemp), std::vector<std::string>{"new.png"});
  store_.clear_temp(0);
  EXPECT_TRUE(store_.list(Area::kTemp).empty());
}

TEST_F(Artifacts, LinksStayInside) {
  std::ofstream(folder_.path() / "out" / "a.txt") << "a";
  std::ofstream(folder_.path() / "secret.txt") << "s";
  fs::create_directory(folder_.path() / "outside");
  fs::create_symlink("a.txt", folder_.path() / "out" / "b.txt");
  fs::create_symlink("../secret.txt", folder_.path() / "out" / "c.txt");
  fs::create_symlink(folder_.path() / "outside", folder_.path() / "out" / "d");
  EXPECT_EQ(store_.get({Area::kOutput, "", "b.txt"}).filename(), "a.txt");
  EXPECT_EQ(fault_of([&] { store_.get({Area::kOutput, "", "c.txt"}); }), Fault::kMissing);
  EXPECT_EQ(fault_of([&] { store_.put({Area::kOutput, "d", "x"}, "x", IfTaken::kReplace); }), Fault::kMissing);
  EXPECT_EQ(fault_of([&] { store_.put_numbered(Area::kOutput, "d/x", "png", "x"); }), Fault::kInvalid);
  EXPECT_TRUE(fs::is_empty(folder_.path() / "outside"));
}

TEST_F(Artifacts, UnfinishedFilesAreRemovedAndOthersStay) {
  const fs::path out = folder_.path() / "out";
  for (const char* name : {".a.png.999999999-0.part", ".b.png.1-0.part", ".hidden", "c.part"})
    std::ofstream(out / name) << "x";
  std::ofstream(out / (".d.png." + std::to_string(getpid()) + "-3.part")) << "x";
  store_.remove_leftovers();
  EXPECT_FALSE(fs::exists(out / ".a.png.999999999-0.part"));
  EXPECT_FALSE(fs::exists(out / (".d.png." + std::to_string(getpid()) + "-3.part")));
  EXPECT_TRUE(fs::exists(out / ".b.png.1-0.part"));  // its writer, process 1, is alive
  EXPECT_TRUE(fs::exists(out / ".hidden"));
  EXPECT_TRUE(fs::exists(out / "c.part"));
}

}  // namespace
}  // namespace easel::artifacts
