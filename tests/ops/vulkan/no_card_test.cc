// What people are told where there is no graphics card to compute on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ops/vulkan/device/no_card.h"
#include "support/temp_folder.h"

namespace easel::ops::vulkan {
namespace {

namespace fs = std::filesystem;

GpuDescription gpu(const std::string& name, VkPhysicalDeviceType type, const std::string& lacks = "") {
  GpuDescription out;
  out.name = name;
  out.type = type;
  out.lacks = lacks;
  return out;
}

class NoCardAmong : public ::testing::Test {
 protected:
  void expect(const NoCard& none, const std::string& why, const std::string& advice) {
    EXPECT_NE(none.why.find(why), std::string::npos) << none.why;
    EXPECT_NE(none.advice.find(advice), std::string::npos) << none.advice;
  }
  void put(const fs::path& file) {
    fs::create_directories((folder_.path() / file).parent_path());
    std::ofstream(folder_.path() / file) << "";
  }
  NoCard among(const std::vector<GpuDescription>& found) { return no_card_among("", "", found, folder_.path()); }

  testing::TempFolder folder_;
  const GpuDescription tests_ = gpu("llvmpipe", VK_PHYSICAL_DEVICE_TYPE_CPU);
};

TEST_F(NoCardAmong, ACardThatCanBeUsedNeedsNoWords) {
  EXPECT_TRUE(among({tests_, gpu("Arc", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU)}).why.empty());
  EXPECT_TRUE(among({gpu("UHD", VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU)}).why.empty());
}

TEST_F(NoCardAmong, TheLoadersReasonIsTold) {
  expect(no_card_among("the loader is not there", "Install the loader", {}), "the loader is not there",
         "Install the loader");
  expect(no_card_among("no driver", "", {}), "no driver", "mesa-vulkan-drivers");
}

TEST_F(NoCardAmong, WhatACardLacksIsNamed) {
  const NoCard none = among({tests_, gpu("GeForce", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, "timeline semaphores"),
                             gpu("Radeon", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, "Vulkan 1.2")});
  expect(none, "GeForce lacks timeline semaphores; Radeon lacks Vulkan 1.2", "driver");
  EXPECT_EQ(none.why.find("llvmpipe"), std::string::npos) << none.why;
}

TEST_F(NoCardAmong, WhatTheSystemShowsIsTold) {
  expect(among({}), "found no card, and the system shows none", "--device /dev/dri");
  expect(among({tests_}), "only a driver for tests, which computes on the processor, and the system shows none",
         "container");
  put("dri/card0");  // which only displays
  expect(among({tests_}), "shows none", "container");
  put("dri/renderD128");
  expect(among({tests_}), "though the system shows one (" + (folder_.path() / "dri/renderD128").string(),
         "driver for Vulkan");
  put("nvidiactl");
  if (geteuid() == 0) return;  // who may open everything
  fs::permissions(folder_.path() / "nvidiactl", fs::perms::none);
  expect(among({}), "this user may not open " + (folder_.path() / "nvidiactl").string(), "group");
}

}  // namespace
}  // namespace easel::ops::vulkan
