#include "base/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "base/error.h"

namespace easel {
namespace {

namespace fs = std::filesystem;

class AtomicFiles : public ::testing::Test {
 protected:
  AtomicFiles() : folder_(fs::temp_directory_path() / ("easel-atomic-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~AtomicFiles() override { fs::remove_all(folder_); }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

TEST_F(AtomicFiles, AreVisibleOnlyAfterTheCommit) {
  {
    AtomicFile dropped(folder_ / "a");
    dropped.write("half");
    EXPECT_FALSE(fs::exists(folder_ / "a"));
  }
  EXPECT_EQ(files(), 0u);
  AtomicFile file(folder_ / "a");
  file.write("....whole");
  file.write_at(0, "the ", 4);
  file.commit();
  EXPECT_EQ(read_file(folder_ / "a"), "the whole");
  write_file(folder_ / "a", "another");
  EXPECT_EQ(read_file(folder_ / "a"), "another");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFiles, ReplaceAnExistingFileOnlyWhenTold) {
  for (const bool expected : {true, false}) {
    AtomicFile file(folder_ / "a");
    file.write(expected ? "first" : "second");
    EXPECT_EQ(file.commit_new(), expected);
  }
  EXPECT_EQ(read_file(folder_ / "a"), "first");
  EXPECT_EQ(files(), 1u);
}

// As on a full disk: the system refuses to write more.
TEST_F(AtomicFiles, ReportAFullDiskAndLeaveNothing) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{1 << 16, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  try {
    write_file(folder_ / "large", std::string(1 << 17, 'x'));
    ADD_FAILURE() << "written all the same";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory);
    EXPECT_EQ(e.file(), (folder_ / "large").string());
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(files(), 0u);
}

TEST_F(AtomicFiles, NameTheFileThatCannotBeWritten) {
  try {
    write_file(folder_ / "nowhere" / "a", "x");
    ADD_FAILURE() << "written all the same";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile);
    EXPECT_EQ(e.file(), (folder_ / "nowhere" / "a").string());
  }
}

}  // namespace
}  // namespace easel
