// Tensors in the memory of a device that is not the host.
#include <gtest/gtest.h>

#include "base/error.h"
#include "tensor/host_memory.h"
#include "tensor/tensor.h"

namespace easel {
namespace {

constexpr Device kFar{DeviceKind::kVulkan, 200};

// A device whose memory is the host's, and which converts everything into zeros.
class FarMemory final : public PooledMemory {
 public:
  FarMemory() : PooledMemory(kFar) {}
  void convert(const Tensor& from, Tensor& to) override {
    ++conversions;
    const Tensor zeros = Tensor::zeros(from.shape(), to.dtype());
    upload(zeros.raw(), zeros.nbytes(), to.storage(), to.offset());
  }
  int conversions = 0;
};

FarMemory& far_memory() {
  static auto* memory = [] {
    auto* made = new FarMemory;  // a pool outlives the tensors in it
    add_device_memory(kFar, *made);
    return made;
  }();
  return *memory;
}

template <class Use>
void expect_refused(const Use& use, const char* part) {
  try {
    use();
    ADD_FAILURE() << part;
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kInternal);
    EXPECT_NE(e.message().find("vulkan:200"), std::string::npos) << e.message();
  }
}

TEST(DeviceTensors, KeepTheirValuesThereAndBack) {
  far_memory();
  const Tensor here = Tensor::of({2, 3}, {1, 2, 3, 4, 5, 6}), there = here.to(kFar), back = there.to(kHost);
  EXPECT_TRUE(here.on_host());
  EXPECT_FALSE(there.on_host());
  EXPECT_EQ(there.device(), kFar);
  EXPECT_EQ(there.storage()->device(), kFar);
  EXPECT_EQ(there.shape(), here.shape());
  EXPECT_TRUE(back.on_host());
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(back.f32()[i], here.f32()[i]);
  EXPECT_EQ(there.to(kFar).storage().get(), there.storage().get());
  EXPECT_EQ(here.to(kHost).raw(), here.raw());
}

TEST(DeviceTensors, CannotBeReadOnTheHost) {
  far_memory();
  Tensor there = Tensor::zeros({2, 3}, DType::kF32, kFar);
  const Tensor& fixed = there;
  expect_refused([&] { there.f32(); }, "f32");
  expect_refused([&] { fixed.f32(); }, "f32 const");
  expect_refused([&] { there.raw(); }, "raw");
  expect_refused([&] { fixed.raw(); }, "raw const");
  expect_refused([&] { there.data<float>(); }, "data");
  expect_refused([&] { fixed.data<float>(); }, "data const");
  expect_refused([&] { there.values(); }, "values");
  expect_refused([&] { fixed.values(); }, "values const");
  EXPECT_THROW(Tensor(there.storage(), there.storage()->data(), {2, 3}, {3, 1}, DType::kF32), Error);
}

TEST(DeviceTensors, ViewsAreAnOffset) {
  far_memory();
  const Tensor there = Tensor::of({2, 3}, {1, 2, 3, 4, 5, 6}).to(kFar);
  const Tensor row = there.slice(0, 1, 1), element = there.select(0, 1).slice(0, 2, 1);
  EXPECT_EQ(row.offset(), 3 * sizeof(float));
  EXPECT_EQ(element.offset(), 5 * sizeof(float));
  EXPECT_EQ(row.to(kHost).f32()[0], 4.0f);
  EXPECT_EQ(element.to(kHost).f32()[0], 6.0f);
  EXPECT_EQ(there.view({3, 2}).to(kHost).f32()[4], 5.0f);
}

TEST(DeviceTensors, AreConvertedByTheirDevice) {
  const int before = far_memory().conversions;
  const Tensor there = Tensor::zeros({2, 3}, DType::kF32, kFar);
  EXPECT_EQ(convert(there, DType::kF32).storage().get(), there.storage().get());
  EXPECT_EQ(far_memory().conversions, before);
  const Tensor narrow = convert(there, DType::kBF16), turned = contiguous(there.permute({1, 0}));
  EXPECT_EQ(narrow.device(), kFar);
  EXPECT_EQ(narrow.dtype(), DType::kBF16);
  EXPECT_EQ(turned.shape(), (Shape{3, 2}));
  EXPECT_EQ(far_memory().conversions, before + 2);
}

TEST(DeviceTensors, HaveAPoolOfTheirOwn) {
  const PoolStats host = pool_stats(), far = far_memory().stats();
  const Tensor there({1000}, DType::kF32, kFar);
  EXPECT_EQ(pool_stats().requests, host.requests);
  EXPECT_EQ(far_memory().stats().requests, far.requests + 1);
  EXPECT_GE(far_memory().stats().live_bytes, far.live_bytes + 4000);
}

TEST(DeviceTensors, NeedADeviceThatIsInUse) {
  try {
    Tensor({4}, DType::kF32, Device{DeviceKind::kVulkan, 201});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kUnsupported);
  }
  EXPECT_EQ(device_name(kHost), "cpu");
  EXPECT_EQ(device_name({DeviceKind::kReference, 0}), "reference");
  EXPECT_EQ(device_name({DeviceKind::kVulkan, 0}), "vulkan");
  EXPECT_EQ(device_name({DeviceKind::kVulkan, 3}), "vulkan:3");
}

TEST(Views, RepeatAlongDimensionsOfSizeOne) {
  const Tensor row = Tensor::of({1, 3}, {1, 2, 3}), all = row.expand({4, 3});
  EXPECT_EQ(all.stride(0), 0);
  EXPECT_EQ(contiguous(all).f32()[10], 2.0f);
  EXPECT_THROW(row.expand({4, 4}), Error);
  EXPECT_THROW(row.expand({3}), Error);
}

TEST(Views, AreRowsWhereOneStrideLeadsThroughThem) {
  const Tensor t = Tensor::zeros({2, 3, 4, 5});
  EXPECT_EQ(t.rows().shape(), (Shape{24, 5}));
  const Tensor cut = t.slice(3, 1, 2);
  ASSERT_TRUE(cut.rows().defined());
  EXPECT_EQ(cut.rows().shape(), (Shape{24, 2}));
  EXPECT_EQ(cut.rows().stride(0), 5);
  EXPECT_EQ(cut.rows().offset(), cut.offset());
  EXPECT_FALSE(t.slice(2, 0, 3).rows().defined());
  EXPECT_EQ(t.slice(1, 0, 1).slice(2, 0, 1).rows().stride(0), 60);
  EXPECT_EQ(Tensor::zeros({7}).rows().shape(), (Shape{1, 7}));
}

}  // namespace
}  // namespace easel
