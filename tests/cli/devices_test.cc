// What `easel devices` lists and what --device takes, with and without drivers.
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/command.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using testing::Workplace;
using workflow::Json;

// While it lives, Vulkan's loader finds no driver: as on a machine without a graphics card.
struct NoDrivers {
  NoDrivers() {
    setenv("VK_ICD_FILENAMES", "/nowhere.json", 1);
    setenv("VK_DRIVER_FILES", "/nowhere.json", 1);
  }
  ~NoDrivers() {
    unsetenv("VK_ICD_FILENAMES");
    unsetenv("VK_DRIVER_FILES");
  }
};

TEST(Devices, AreListed) {
  Workplace place("devices");
  const auto result = place.run({"devices", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json all = workflow::parse_json(result.out);
  EXPECT_EQ(all[0]["name"], "cpu");
  for (const Json& device : all)
    EXPECT_EQ(device["name"].is_null(), !device["lacks"].get<std::string>().empty()) << device.dump();
  EXPECT_NE(place.run({"devices"}).out.find("cpu"), std::string::npos);
}

TEST(Devices, WithoutADriverThereIsTheProcessor) {
  const NoDrivers none;
  Workplace place("devices");
  EXPECT_EQ(workflow::parse_json(place.run({"devices", "--json"}).out).size(), 1u);
  EXPECT_EQ(place.run({"doctor", "--device", "auto"}).code, 4);  // it has no model files, and that is all
  const auto refused = place.run({"doctor", "--device", "vulkan"});
  EXPECT_EQ(refused.code, 7);
  EXPECT_NE(refused.err.find("Vulkan"), std::string::npos) << refused.err;
  const auto goes_on = place.run({"doctor", "--device", "vulkan,cpu"});
  EXPECT_EQ(goes_on.code, 4);
  EXPECT_NE(goes_on.err.find("Computing on the processor: there is no Vulkan device"), std::string::npos)
      << goes_on.err;
}

TEST(Devices, ANameThatIsNoneIsWrongUsage) {
  Workplace place("devices");
  for (const char* name : {"gpu", "vulkan:x", "cuda", "vulkan,gpu", "cpu,vulkan"}) {
    const auto result = place.run({"doctor", "--device", name});
    EXPECT_EQ(result.code, 2) << name;
    EXPECT_NE(result.err.find(name), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace easel::cli
