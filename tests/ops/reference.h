// What the tests of the ops share: every device and both compute types with their tolerances, random tensors, strided
// and poisoned memory, and plain f64 loops to compare with.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "ops/backend.h"
#include "ops/conv2d.h"
#include "ops/linear.h"
#include "support/shared.h"
#include "tensor/tensor.h"

namespace easel::ops::testing {

// Of tensors on any device.
inline double max_difference(const Tensor& a, const Tensor& b) {
  return easel::testing::max_difference(a.to(kHost), b.to(kHost));
}
inline double relative_error(const Tensor& a, const Tensor& b) {
  return easel::testing::relative_error(a.to(kHost), b.to(kHost));
}

// Tensors of one compute type on one device, in poisoned memory. tolerance() bounds the relative error over a whole
// output.
class OpTest : public ::testing::Test {
 protected:
  OpTest(Device device, DType type) : kDevice(device), kType(type) {}
  void SetUp() override {
    set_pool_poison(true);
    // Asking for its backend brings a device into use.
    for (const Device device : devices()) backend(device);
    backend(parse_device("reference"));
  }
  void TearDown() override { set_pool_poison(false); }

  double tolerance() const { return kType == DType::kF32 ? 2e-6 : 4e-3; }
  // Normal values, already rounded to the type, so that a reference in f64 sees the same inputs.
  Tensor random(const Shape& shape, float scale = 1.0f, float mean = 0.0f) {
    return convert(normal(shape, scale, mean), kType).to(kDevice);
  }
  Tensor random_f32(const Shape& shape, float scale = 1.0f) { return normal(shape, scale, 0.0f).to(kDevice); }
  // The same values inside a wider row: the innermost dimension dense, rows apart.
  static Tensor spread(const Tensor& t, int64_t extra) {
    Shape wide = t.shape();
    wide[-1] += extra;
    Tensor big(wide, t.dtype());
    Tensor view = big.slice(-1, extra / 2, t.dim(-1));
    const Tensor from = contiguous(t).to(kHost);
    const size_t row = static_cast<size_t>(t.dim(-1)) * dtype_size(t.dtype());
    for (int64_t r = 0; r < from.numel() / from.dim(-1); ++r)
      std::memcpy(static_cast<char*>(view.raw()) + static_cast<size_t>(r * wide[-1]) * dtype_size(t.dtype()),
                  static_cast<const char*>(from.raw()) + static_cast<size_t>(r) * row, row);
    return big.to(t.device()).slice(-1, extra / 2, t.dim(-1));
  }
  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(rng_); }

  // Layers of these weights for the device, which takes them from the host.
  PackedLinearPtr pack(const Tensor& weight, const Tensor& bias, bool geglu = false) const {
    return pack_linear(on_host(weight), on_host(bias), kType, geglu, Packer::pack().on(kDevice));
  }
  PackedConvPtr pack_conv(const Tensor& weight, const Tensor& bias, const ConvShape& shape) const {
    return pack_conv2d(on_host(weight), on_host(bias), shape, kType, Packer::pack().on(kDevice));
  }

  const Device kDevice;
  const DType kType;
  std::mt19937 rng_{20240601};

 private:
  static Tensor on_host(const Tensor& t) { return t.defined() ? t.to(kHost) : t; }
  Tensor normal(const Shape& shape, float scale, float mean) {
    Tensor t(shape);
    std::normal_distribution<float> values(mean, scale);
    for (float& v : t.values()) v = values(rng_);
    return t;
  }
};

// A suite on the processor that runs once per compute type.
template <class T>
class TypedOps : public OpTest {
 protected:
  TypedOps() : OpTest(kHost, std::is_same_v<T, float> ? DType::kF32 : DType::kBF16) {}
};

using BothTypes = ::testing::Types<float, BFloat16>;

// A suite that runs once per device there is and compute type: EASEL_ON_EVERY_DEVICE(Suite) below the class.
class DeviceOps : public OpTest, public ::testing::WithParamInterface<std::tuple<Device, DType>> {
 protected:
  DeviceOps() : OpTest(std::get<0>(GetParam()), std::get<1>(GetParam())) {}
};

inline std::string device_and_type(const ::testing::TestParamInfo<std::tuple<Device, DType>>& info) {
  std::string name = device_name(std::get<0>(info.param)) + "_" + std::string(dtype_name(std::get<1>(info.param)));
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

#define EASEL_ON_EVERY_DEVICE(Suite)                                                                                   \
  INSTANTIATE_TEST_SUITE_P(                                                                                            \
      Device, Suite, ::testing::Combine(::testing::ValuesIn(devices()), ::testing::Values(DType::kF32, DType::kBF16)), \
      device_and_type)

inline std::vector<double> doubles(const Tensor& t) {
  const Tensor f = convert(contiguous(t), DType::kF32).to(kHost);
  return {f.values().begin(), f.values().end()};
}

inline Tensor tensor_of(const Shape& shape, const std::vector<double>& values) {
  Tensor t(shape);
  for (size_t i = 0; i < values.size(); ++i) t.f32()[i] = static_cast<float>(values[i]);
  return t;
}

inline double reference_activation(Activation a, double v) {
  switch (a) {
    case Activation::kNone: return v;
    case Activation::kSilu: return v / (1.0 + std::exp(-v));
    case Activation::kGelu: return 0.5 * v * (1.0 + std::erf(v * std::sqrt(0.5)));
    case Activation::kQuickGelu: return v / (1.0 + std::exp(-1.702 * v));
    case Activation::kRelu: return v < 0 ? 0 : v;
    case Activation::kLeakyRelu: return v < 0 ? 0.2 * v : v;
  }
  return NAN;
}

}  // namespace easel::ops::testing
