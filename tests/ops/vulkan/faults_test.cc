// A driver that fails: what is thrown, and what can still be done.
#include <algorithm>
#include <atomic>

#include "base/cancel.h"
#include "ops/elementwise.h"
#include "ops/reference.h"
#include "ops/vulkan/device/faults.h"

namespace easel::ops::testing {
namespace {

class Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (vulkan::gpu_descriptions().empty()) GTEST_SKIP() << "no Vulkan device";
    card_ = backend(kCard).memory_bytes() > 0 ? vulkan::gpu_descriptions()[0].name : "";
  }
  void TearDown() override { set_compute_device(kHost); }

  static constexpr Device kCard{DeviceKind::kVulkan, 0};
  std::string card_;
};

VkResult VKAPI_PTR lost(VkQueue, uint32_t, const VkSubmitInfo*, VkFence) { return VK_ERROR_DEVICE_LOST; }
VkResult VKAPI_PTR full(VkDevice, const VkMemoryAllocateInfo*, const VkAllocationCallbacks*, VkDeviceMemory*) {
  return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}
VkResult VKAPI_PTR refuses(VkDevice, VkPipelineCache, uint32_t, const VkComputePipelineCreateInfo*,
                           const VkAllocationCallbacks*, VkPipeline*) {
  return VK_ERROR_INITIALIZATION_FAILED;
}
std::atomic<int> calls;
VkResult VKAPI_PTR counts(VkQueue, uint32_t, const VkSubmitInfo*, VkFence) {
  ++calls;
  return VK_ERROR_DEVICE_LOST;
}

const CancelToken* stopped_by_never;
PFN_vkWaitSemaphores awaits;
VkResult VKAPI_PTR never(VkDevice device, const VkSemaphoreWaitInfo* info, uint64_t nanoseconds) {
  if (nanoseconds == UINT64_MAX) return awaits(device, info, nanoseconds);
  ++calls;
  stopped_by_never->cancel();
  return VK_TIMEOUT;
}
// How many groups of commands are on the way, at most.
PFN_vkQueueSubmit submits;
std::atomic<uint64_t> awaited, ahead;
VkResult VKAPI_PTR notes_submitted(VkQueue queue, uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  const auto* const timeline = static_cast<const VkTimelineSemaphoreSubmitInfo*>(infos->pNext);
  ahead = std::max<uint64_t>(ahead, timeline->pSignalSemaphoreValues[0] - awaited);
  return submits(queue, count, infos, fence);
}
VkResult VKAPI_PTR notes_awaited(VkDevice device, const VkSemaphoreWaitInfo* info, uint64_t nanoseconds) {
  const VkResult result = awaits(device, info, nanoseconds);
  if (result == VK_SUCCESS) awaited = std::max<uint64_t>(awaited, info->pValues[0]);
  return result;
}

template <class Work>
void expect_cancelled(const Work& work) {
  try {
    work();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kCancelled) << e.what();
  }
}

template <class Work>
void expect_error(Fault fault, const std::vector<std::string>& says, const Work& work) {
  try {
    work();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    EXPECT_FALSE(e.advice().empty());
    for (const std::string& part : says) EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST_F(Faults, ALostDeviceIsNamedAndStaysLost) {
  const Tensor kept = Tensor::full({8}, 2.0f, kCard);
  read(kept);
  {
    vulkan::FaultyDriver driver(0);
    driver.calls().vkQueueSubmit = lost;
    expect_error(Fault::kUnsupported, {card_ + " was lost", "--device"}, [&] { read(add(kept, kept)); });
    EXPECT_TRUE(backend(kCard).lost());
    // Nothing is asked of a driver that gave up, and what it held is no longer trusted.
    calls = 0;
    driver.calls().vkQueueSubmit = counts;
    expect_error(Fault::kUnsupported, {card_ + " was lost"}, [&] { read(kept); });
    expect_error(Fault::kUnsupported, {card_ + " was lost"}, [&] { add(kept, kept); });
    expect_error(Fault::kUnsupported, {card_ + " was lost"}, [&] { Tensor::full({8}, 1.0f, kCard); });
    expect_error(Fault::kUnsupported, {card_ + " was lost"}, [&] { backend(kCard).wait(); });
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(backend(kHost).lost(), false);
  }
  EXPECT_FALSE(backend(kCard).lost());
  EXPECT_EQ(read(add(kept, kept))[0], 4.0);
}

TEST_F(Faults, TheProcessorStandsInForALostDeviceWhereItIsTold) {
  EXPECT_EQ(start_compute_device("vulkan,cpu"), "");
  EXPECT_EQ(compute_device(), kCard);
  {
    vulkan::FaultyDriver driver(0);
    driver.calls().vkQueueSubmit = lost;
    EXPECT_THROW(read(Tensor::full({8}, 2.0f, kCard)), Error);
    EXPECT_EQ(compute_device(), kHost);
  }
  EXPECT_EQ(compute_device(), kHost);  // for good
  start_compute_device("vulkan");
  {
    vulkan::FaultyDriver driver(0);
    driver.calls().vkQueueSubmit = lost;
    EXPECT_THROW(read(Tensor::full({8}, 2.0f, kCard)), Error);
    EXPECT_EQ(compute_device(), kCard);
  }
}

TEST_F(Faults, ALackOfMemoryIsNamedAndOver) {
  const Tensor kept = Tensor::full({8}, 2.0f, kCard);
  {
    vulkan::FaultyDriver driver(0);
    driver.calls().vkAllocateMemory = full;
    // More than is kept for reuse.
    expect_error(Fault::kMemory, {card_ + " is out of memory", "smaller"},
                 [&] { Tensor({int64_t{300} << 18}, DType::kF32, kCard); });
    EXPECT_FALSE(backend(kCard).lost());
  }
  EXPECT_EQ(read(add(kept, kept))[7], 4.0);
  EXPECT_NO_THROW(Tensor({int64_t{300} << 18}, DType::kF32, kCard));
}

// A step is thousands of commands, and one of them may take a second.
TEST_F(Faults, WorkStopsWithoutAwaitingTheStep) {
  const Tensor kept = Tensor::full({8}, 2.0f, kCard);
  read(kept);
  {
    const CancelToken token;
    const CancelScope scope(token);
    vulkan::FaultyDriver driver(0);
    awaits = driver.calls().vkWaitSemaphores;
    driver.calls().vkWaitSemaphores = never;
    stopped_by_never = &token;
    expect_cancelled([&] { read(add(kept, kept)); });  // while the result is awaited
    calls = 0;
    expect_cancelled([&] { add(kept, kept); });  // and before more is given
    EXPECT_EQ(calls, 0);
  }
  EXPECT_FALSE(backend(kCard).lost());
  EXPECT_EQ(read(add(kept, kept))[3], 4.0);
}

TEST_F(Faults, TheHostIsNeverFarAhead) {
  vulkan::FaultyDriver driver(0);
  awaits = driver.calls().vkWaitSemaphores;
  submits = driver.calls().vkQueueSubmit;
  driver.calls().vkWaitSemaphores = notes_awaited;
  driver.calls().vkQueueSubmit = notes_submitted;
  read(Tensor::full({8}, 1.0f, kCard));
  ahead = 0;
  for (int64_t size = 8; size < 500; ++size) {  // each another shape, so that no group is one of before
    const Tensor x = Tensor::full({size}, 1.0f, kCard);
    add(x, x);
  }
  EXPECT_GT(ahead, 0u);
  EXPECT_LE(ahead, 3u);
}

TEST_F(Faults, AShaderThatTheDriverRefusesIsAnError) {
  vulkan::FaultyDriver driver(0);
  driver.calls().vkCreateComputePipelines = refuses;
  // A formula that no other test has.
  expect_error(Fault::kUnsupported, {"the driver of " + card_ + " refuses", "--device cpu"}, [&] {
    const Tensor x = Tensor::full({8}, 2.0f, kCard);
    read(map([](auto a, auto b) { return a * a * a * a - b * b * 0.125f; }, x, x));
  });
  EXPECT_FALSE(backend(kCard).lost());
}

// One of the calls of a driver fails: the one after `calls_left` others.
std::atomic<int> calls_left;
VkResult failure;
template <int kWhich, class Function>
struct Fails;
template <int kWhich, class... Args>
struct Fails<kWhich, VkResult(VKAPI_PTR*)(Args...)> {
  static inline VkResult(VKAPI_PTR* drivers)(Args...);
  static VkResult VKAPI_PTR call(Args... args) { return calls_left-- == 0 ? failure : drivers(args...); }
};
template <int kWhich, class Function>
void let_fail(Function& function) {
  using Failing = Fails<kWhich, Function>;
  Failing::drivers = function;
  function = Failing::call;
}

// A driver may say at any call that it is out of memory, or that the device is lost.
TEST_F(Faults, AnyCallMayFail) {
  using Install = void (*)(vulkan::DeviceApi&);
  const Install installs[] = {[](vulkan::DeviceApi& vk) { let_fail<0>(vk.vkQueueSubmit); },
                              [](vulkan::DeviceApi& vk) { let_fail<1>(vk.vkWaitSemaphores); },
                              [](vulkan::DeviceApi& vk) { let_fail<2>(vk.vkBeginCommandBuffer); },
                              [](vulkan::DeviceApi& vk) { let_fail<3>(vk.vkEndCommandBuffer); },
                              [](vulkan::DeviceApi& vk) { let_fail<4>(vk.vkAllocateCommandBuffers); }};
  // Uploads through staging buffers, more commands than a group has, and results; another shape each time, so that
  // groups are recorded.
  const auto work = [](int64_t size) {
    const Tensor large = Tensor::full({size + (int64_t{1} << 19)}, 3.0f, kCard);
    Tensor x = large.slice(0, 0, size);
    for (int i = 0; i < 80; ++i) x = add(x, x, 0.5f);
    return read(x)[0] + read(large)[static_cast<size_t>(size)];
  };
  const double expected = work(8);
  int64_t size = 9;
  for (const VkResult result : {VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_DEVICE_LOST})
    for (const Install& install : installs) {
      int failed = 0;
      for (int at = 0; at < 20; ++at) {
        vulkan::FaultyDriver driver(0);
        install(driver.calls());
        failure = result;
        calls_left = at;
        try {
          EXPECT_DOUBLE_EQ(work(size++), expected);
          EXPECT_GE(calls_left, 0);
          break;
        } catch (const Error& e) {
          ++failed;
          EXPECT_EQ(e.fault(), result == VK_ERROR_DEVICE_LOST ? Fault::kUnsupported : Fault::kMemory) << e.what();
          EXPECT_NE(std::string(e.what()).find(card_), std::string::npos) << e.what();
          EXPECT_FALSE(e.advice().empty());
        }
      }
      EXPECT_DOUBLE_EQ(work(size++), expected);
      EXPECT_TRUE(failed > 0 || &install == &installs[4]) << "buffers are used again, so there may be no call";
    }
}

TEST_F(Faults, WhatStandsInIsTheProcessor) {
  EXPECT_THROW(start_compute_device("vulkan,vulkan:1"), Error);
  EXPECT_THROW(start_compute_device("vulkan,"), Error);
  EXPECT_THROW(start_compute_device("card,cpu"), Error);
  EXPECT_THROW(start_compute_device("vulkan:99"), Error);
  EXPECT_NE(start_compute_device("vulkan:99,cpu"), "");
  EXPECT_EQ(compute_device(), kHost);
}

}  // namespace
}  // namespace easel::ops::testing
