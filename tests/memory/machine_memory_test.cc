// The budget follows the control groups of the process, however deep the limit is set.
#include "memory/machine_memory.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "support/temp_folder.h"

namespace easel::memory {
namespace {

class MachineMemory : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / path).parent_path());
    write_file(folder_.path() / path, text);
  }
  size_t memory() { return machine_memory(folder_.path()); }
  testing::TempFolder folder_;
  const size_t all_ = machine_memory(folder_.path() / "nothing here");
};

TEST_F(MachineMemory, IsTheMachinesWithoutLimits) {
  EXPECT_GT(all_, size_t{1} << 20);
  put("proc/self/cgroup", "0::/user.slice/easel\n");
  put("sys/fs/cgroup/user.slice/memory.max", "max\n");
  EXPECT_EQ(memory(), all_);
  put("sys/fs/cgroup/user.slice/memory.max", "9223372036854771712\n");  // version 1's word for none
  EXPECT_EQ(memory(), all_);
}

TEST_F(MachineMemory, LeastOfTheGroupsAboveInVersion2) {
  put("proc/self/cgroup", "0::/a/b/c\n");
  put("sys/fs/cgroup/a/memory.max", "3000000\n");
  EXPECT_EQ(memory(), 3000000u);
  put("sys/fs/cgroup/a/b/c/memory.max", "5000000\n");
  EXPECT_EQ(memory(), 3000000u);
  put("sys/fs/cgroup/a/b/memory.max", "2000000\n");
  EXPECT_EQ(memory(), 2000000u);
  put("sys/fs/cgroup/memory.max", "1000000\n");
  EXPECT_EQ(memory(), 1000000u);
}

TEST_F(MachineMemory, LeastOfTheGroupsAboveInVersion1) {
  put("proc/self/cgroup", "12:cpu,cpuacct:/x\n7:hugetlb,memory:/docker/id\n0::/a\n");
  put("sys/fs/cgroup/memory/docker/id/memory.limit_in_bytes", "4000000\n");
  put("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "3000000\n");
  put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1000000\n");  // another controller's group
  EXPECT_EQ(memory(), 3000000u);
  put("sys/fs/cgroup/unified/a/memory.max", "2000000\n");
  EXPECT_EQ(memory(), 2000000u);
}

// In a container the path is the host's, or leads out of the namespace; what is mounted is the container's own group.
TEST_F(MachineMemory, OfAContainer) {
  put("sys/fs/cgroup/memory.max", "3000000\n");
  put("proc/self/cgroup", "0::/system.slice/docker-1234.scope\n");
  EXPECT_EQ(memory(), 3000000u);
  put("proc/self/cgroup", "0::/../../other\n");
  EXPECT_EQ(memory(), 3000000u);
  put("proc/self/cgroup", "no lines\n:\n::\n0:\n");
  EXPECT_EQ(memory(), 3000000u);
}

}  // namespace
}  // namespace easel::memory
