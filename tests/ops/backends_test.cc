// Backends by themselves, and every op of every one against the reference, for random shapes and strides.
#include "ops/backend.h"

#include <functional>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

constexpr Device kReference{DeviceKind::kReference, 0};

bool there_is(DeviceKind kind) {
  for (const Device d : devices())
    if (d.kind == kind) return true;
  return false;
}

TEST(Backends, AreNamed) {
  EXPECT_EQ(parse_device("cpu"), kHost);
  EXPECT_EQ(parse_device("reference"), kReference);
  EXPECT_EQ(parse_device("vulkan"), (Device{DeviceKind::kVulkan, 0}));
  EXPECT_EQ(parse_device("vulkan:12"), (Device{DeviceKind::kVulkan, 12}));
  for (const Device d : devices()) EXPECT_EQ(parse_device(device_name(d)), d);
  for (const char* name : {"", "gpu", "CPU", "cpu:0", "cpu:1", "vulkan:", "vulkan:-1", "vulkan:256", "vulkan:1x"}) {
    try {
      parse_device(name);
      ADD_FAILURE() << name;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kUsage) << name;
    }
  }
}

TEST(Backends, TheProcessorComesFirst) {
  ASSERT_GE(devices().size(), 2u);
  EXPECT_EQ(devices()[0], kHost);
  EXPECT_TRUE(there_is(DeviceKind::kReference));
}

TEST(Backends, AnAbsentBackendSaysSo) {
  const Device missing{DeviceKind::kVulkan, static_cast<uint8_t>(there_is(DeviceKind::kVulkan) ? 255 : 0)};
  for (const auto& use : {std::function<void()>([&] { backend(missing); }),
                          std::function<void()>([&] { set_compute_device(missing); })}) {
    try {
      use();
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kUnsupported);
      EXPECT_NE(e.message().find("Vulkan"), std::string::npos) << e.message();
    }
  }
}

// Every op that takes two tensors, or a tensor and weights.
TEST(Backends, TensorsOfTwoDevicesDoNotMix) {
  backend(kReference);
  const Tensor here = Tensor::full({1, 2, 2, 4}, 1.0f), there = here.to(kReference);
  const Tensor line = Tensor::full({4}, 1.0f), other_line = line.to(kReference);
  const Tensor rows = Tensor::full({1, 2, 4}, 1.0f), other_rows = rows.to(kReference);
  const auto dense = pack_linear(Tensor::full({4, 4}, 1.0f), {}, DType::kF32);
  const auto window = pack_conv2d(Tensor::full({4, 4, 1, 1}, 1.0f), {}, {}, DType::kF32);
  EXPECT_THROW(add(here, there), Error);
  EXPECT_THROW(mul(there, here), Error);
  EXPECT_THROW(lerp(here, there, 0.5f), Error);
  EXPECT_THROW(map([](auto a, auto b) { return a + b; }, here, there), Error);
  EXPECT_THROW(copy(there, here), Error);
  EXPECT_THROW(attention_received(rows, other_rows, 1), Error);
  EXPECT_THROW(concat({here, there}, 0), Error);
  EXPECT_THROW(linear(there, *dense), Error);
  EXPECT_THROW(linear(here, *dense, {.residual = there}), Error);
  EXPECT_THROW(conv2d(there, *window), Error);
  EXPECT_THROW(conv2d(here, *window, {.residual = there}), Error);
  EXPECT_THROW(conv2d(here, *window, {.channel_bias = Tensor::full({1, 4}, 1.0f, kReference)}), Error);
  EXPECT_THROW(attention(rows, other_rows, other_rows, 1), Error);
  EXPECT_THROW(attention(rows, rows, rows, 1, {.bias = Tensor::full({2, 2}, 1.0f, kReference)}), Error);
  EXPECT_THROW(group_norm(here, other_line, line, 1, 1e-5f), Error);
  EXPECT_THROW(layer_norm(there, line, other_line, 1e-5f), Error);
}

// Compares what a function gives for tensors of this device with what it gives for the same of the reference.
class EveryBackend : public DeviceOps {
 protected:
  EveryBackend() { backend(kReference); }
  // The input on this device and on the reference's, at rows of a wider tensor now and then.
  struct Both {
    Tensor here, there;
  };
  Both both(const Shape& shape, float scale = 1.0f, float mean = 0.0f) {
    const Tensor t = random(shape, scale, mean);
    return {pick(0, 2) == 0 ? spread(t, pick(1, 9)) : t, t.to(kHost).to(kReference)};
  }
  Both both_f32(const Shape& shape) {
    const Tensor t = random_f32(shape);
    return {t, t.to(kHost).to(kReference)};
  }
  void expect_alike(const char* what, const Tensor& here, const Tensor& there, double share = 1.0) {
    EXPECT_EQ(here.device(), kDevice) << what;
    EXPECT_EQ(here.dtype(), there.dtype()) << what;
    EXPECT_LT(relative_error(here, there), share * tolerance()) << what << " " << here.str();
  }
  void expect_equal(const char* what, const Tensor& here, const Tensor& there) {
    EXPECT_EQ(here.device(), kDevice) << what;
    EXPECT_EQ(max_difference(here, there), 0.0) << what << " " << here.str();
  }
  Activation any_activation() { return static_cast<Activation>(pick(0, 5)); }
  PackedLinearPtr reference(const Tensor& w, const Tensor& b, bool gated) const {
    return pack_linear(w, b, kType, gated, Packer::pack().on(kReference));
  }
  PackedConvPtr reference(const Tensor& w, const Tensor& b, const ConvShape& shape) const {
    return pack_conv2d(w, b, shape, kType, Packer::pack().on(kReference));
  }
};
EASEL_ON_EVERY_DEVICE(EveryBackend);

TEST_P(EveryBackend, MultipliesAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const int64_t in = pick(1, 90), out = 2 * pick(1, 60), samples = pick(1, 3), rows = pick(1, 40);
    const Both x = both({samples, rows, in}), residual = both({samples, rows, out});
    const Tensor w = random({out, in}, 0.2f).to(kHost), b = random_f32({out}).to(kHost);
    const LinearArgs args{any_activation(), residual.here, 0.7f}, other{args.activation, residual.there, args.scale};
    expect_alike("linear", linear(x.here, *pack(w, b), args), linear(x.there, *reference(w, b, false), other));
    expect_alike("gated", linear(x.here, *pack(w, b, true)), linear(x.there, *reference(w, b, true)), 1.5);
  }
}

TEST_P(EveryBackend, ConvolvesAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const int64_t in = pick(1, 40), out = pick(1, 40), kernel = pick(0, 2) * 2 + 1, h = pick(5, 12), w = pick(5, 12);
    ConvShape shape{pick(1, 2), pick(0, 1), pick(-1, 1)};
    const bool enlarges = pick(0, 3) == 0;
    shape.upsample2x = enlarges;
    const Both x = both({2, h, w, in}), channel = both_f32({2, out});
    const Tensor weight = random({out, in, kernel, kernel}, 0.2f).to(kHost), b = random_f32({out}).to(kHost);
    const ConvArgs args{{}, channel.here, any_activation(), enlarges, pick(0, 1) == 0};
    const ConvArgs other{{}, channel.there, args.activation, enlarges, args.f32_out};
    // Where windows are transformed, bf16 rounds once more.
    expect_alike("conv2d", conv2d(x.here, *pack_conv(weight, b, shape), args),
                 conv2d(x.there, *reference(weight, b, shape), other), 2.0);
  }
}

TEST_P(EveryBackend, AttendsAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const int64_t heads = pick(1, 4), width = pick(1, 50), n = pick(1, 3), queries = pick(1, 120), keys = pick(1, 150);
    const Both q = both({n, queries, heads * width}), k = both({pick(0, 1) == 0 ? n : 1, keys, heads * width});
    const Both v = both(k.here.shape()), bias = both_f32({pick(0, 1) == 0 ? n : n * heads, queries, keys});
    AttentionArgs args{.scale = pick(0, 1) == 0 ? 0.0f : 0.4f, .causal = pick(0, 2) == 0}, other = args;
    if (pick(0, 1) == 0) {
      args.bias = bias.here;
      other.bias = bias.there;
    }
    // bf16 rounds the weights of the sum as well as its result.
    expect_alike("attention", attention(q.here, k.here, v.here, heads, args),
                 attention(q.there, k.there, v.there, heads, other), 1.5);
  }
}

TEST_P(EveryBackend, NormalisesAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const int64_t groups = pick(1, 8), c = groups * pick(1, 12);
    const Both x = both({pick(1, 3), pick(1, 9), pick(1, 9), c}, 2.0f, 0.5f), w = both_f32({c}), b = both_f32({c});
    const Activation a = pick(0, 1) == 0 ? Activation::kNone : Activation::kSilu;
    const DType out = pick(0, 1) == 0 ? DType::kF32 : DType::kBF16;
    const double share = out == kType || kType == DType::kBF16 ? 1.0 : 4e-3 / tolerance();
    expect_alike("group_norm", group_norm(contiguous(x.here), w.here, b.here, groups, 1e-5f, a, out),
                 group_norm(x.there, w.there, b.there, groups, 1e-5f, a, out), 1.5 * share);
    expect_alike("layer_norm", layer_norm(x.here, w.here, b.here, 1e-5f, out),
                 layer_norm(x.there, w.there, b.there, 1e-5f, out), 1.5 * share);
  }
}

TEST_P(EveryBackend, DoesArithmeticAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const Shape shape{pick(1, 3), pick(1, 9), pick(1, 9), pick(1, 70)};
    Shape other = shape;
    for (int d = 0; d < 4; ++d)
      if (pick(0, 2) == 0) other[d] = 1;
    const Both a = both(shape), b = both(other);
    const Activation activation = any_activation();
    expect_alike("activate", activate(a.here, activation), activate(a.there, activation));
    expect_alike("affine", affine(a.here, 1.5f, -0.25f), affine(a.there, 1.5f, -0.25f));
    expect_alike("add", add(a.here, b.here, 0.3f), add(a.there, b.there, 0.3f));
    expect_alike("mul", mul(a.here, b.here), mul(a.there, b.there));
    expect_alike("lerp", lerp(a.here, b.here, 0.6f), lerp(a.there, b.there, 0.6f));
  }
}

TEST_P(EveryBackend, CarriesOutFormulasAsTheReference) {
  const auto formula = [](auto x, auto y, auto z) {
    return select(x > y, sqrt(abs(x)) * z, clamp(x - y * 0.5f, -1.0f, 1.0f)) / (z * z + 1);
  };
  for (int i = 0; i < 12; ++i) {
    const Shape shape{pick(1, 3), pick(1, 9), pick(1, 30), pick(1, 70)};
    Shape other = shape;
    for (int d = 0; d < 4; ++d)
      if (pick(0, 2) == 0) other[d] = 1;
    const Both a = both(shape), b = both(other), c = both_f32({shape[0], 1, 1, shape[3]});
    expect_alike("map", map(formula, a.here, b.here, c.here), map(formula, a.there, b.there, c.there));
    const int64_t width = pick(1, shape[2]), from = pick(0, shape[2] - width);
    const Tensor here = clone(a.here), there = clone(a.there);
    const Both part = both({1, 1, width, 1});
    update(here.slice(2, from, width), formula, part.here, c.here);
    update(there.slice(2, from, width), formula, part.there, c.there);
    expect_alike("update", here, there);
  }
}

TEST_P(EveryBackend, ReducesAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const Both x = both({pick(1, 3), pick(1, 20), pick(1, 20), pick(1, 150)}, 1.0f, 0.5f);
    const int first = static_cast<int>(pick(0, 3)), last = static_cast<int>(pick(first, 3));
    for (const Reduction how : {Reduction::kSum, Reduction::kMean})
      expect_alike("reduce", reduce(x.here, how, first, last), reduce(x.there, how, first, last));
    for (const Reduction how : {Reduction::kMin, Reduction::kMax})
      expect_equal("reduce", reduce(x.here, how, first, last), reduce(x.there, how, first, last));
  }
}

TEST_P(EveryBackend, ResamplesAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const int64_t h = pick(1, 9), w = pick(1, 9);
    const Both x = both({pick(1, 2), h, w, pick(1, 40)});
    const auto taps = [&](int64_t size) {
      Taps t{pick(1, 4), {}, {}};
      for (int64_t k = pick(1, 12) * t.count; k > 0; --k) {
        t.index.push_back(pick(0, size - 1));
        t.weight.push_back(static_cast<float>(pick(-4, 4)) / 4.0f);
      }
      return t;
    };
    const Taps rows = taps(h), columns = taps(w), near = nearest_taps(w, pick(1, 20));
    expect_alike("resample", resample(x.here, rows, columns), resample(x.there, rows, columns));
    expect_equal("nearest", resample(x.here, nearest_taps(h, 5), near), resample(x.there, nearest_taps(h, 5), near));
    expect_alike("scale_low_frequencies", scale_low_frequencies(x.here, 0.3f), scale_low_frequencies(x.there, 0.3f));
  }
}

TEST_P(EveryBackend, TellsReceivedAttentionAsTheReference) {
  for (int i = 0; i < 6; ++i) {
    const int64_t heads = pick(1, 4), width = pick(1, 40), n = pick(1, 3);
    const Both q = both({n, pick(1, 40), heads * width}), k = both({n, pick(1, 40), heads * width});
    expect_alike("attention_received", attention_received(q.here, k.here, heads),
                 attention_received(q.there, k.there, heads));
  }
}

TEST_P(EveryBackend, MovesAsTheReference) {
  for (int i = 0; i < 12; ++i) {
    const int64_t r = pick(1, 3), n = pick(1, 2), h = pick(1, 5), w = pick(1, 5), c = pick(1, 20);
    const Both x = both({n, h * r, w * r, c}), deep = both({n, h, w, c * r * r}),
               pooled = both({n, 2 * h, 2 * w + 1, c});
    const int dim = static_cast<int>(pick(0, 3));
    Shape shape = x.here.shape();
    shape[dim] = pick(0, 4);
    const Both part = both(shape);
    expect_equal("concat", concat({x.here, part.here, x.here}, dim), concat({x.there, part.there, x.there}, dim));
    expect_equal("repeat", repeat(x.here, r), repeat(x.there, r));
    expect_equal("upsample_nearest2x", upsample_nearest2x(x.here), upsample_nearest2x(x.there));
    expect_equal("pixel_unshuffle", pixel_unshuffle(x.here, r), pixel_unshuffle(x.there, r));
    expect_equal("pixel_shuffle", pixel_shuffle(deep.here, r), pixel_shuffle(deep.there, r));
    expect_alike("avg_pool2x", avg_pool2x(pooled.here), avg_pool2x(pooled.there));
  }
  const std::vector<float> times{0.0f, 1.0f, 37.5f, 999.0f};
  expect_alike("timestep_embedding", timestep_embedding(times, 33, 10000.0f, kDevice),
               timestep_embedding(times, 33, 10000.0f, kReference));
}

// Of every type that a file may hold, and of views that are not contiguous.
TEST_P(EveryBackend, ConvertsAsTheReference) {
  const Tensor values = random({3, 5, 14}, 3.0f).to(kHost);
  for (const DType to : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const DType from : {DType::kF32, DType::kF16, DType::kBF16}) {
      const Tensor t = convert(values, from), here = t.to(kDevice), there = t.to(kReference);
      expect_equal("convert", convert(here, to), convert(there, to));
      expect_equal("a view", convert(here.permute({2, 0, 1}).slice(0, 3, 6), to),
                   convert(there.permute({2, 0, 1}).slice(0, 3, 6), to));
    }
    Tensor bytes({256}, DType::kU8);
    for (int i = 0; i < 256; ++i) bytes.data<uint8_t>()[i] = static_cast<uint8_t>(i);
    expect_equal("bytes", convert(bytes.to(kDevice), to), convert(bytes.to(kReference), to));
  }
  const Tensor here = random({4, 6}), copy = clone(here);
  EXPECT_NE(copy.storage().get(), here.storage().get());
  expect_equal("clone", copy, here);
}

TEST_P(EveryBackend, PacksWithItsDevice) {
  const auto dense = pack(random({6, 4}), {});
  const auto window = pack_conv(random({6, 4, 3, 3}), {}, {1, 1});
  EXPECT_EQ(dense->device, kDevice);
  EXPECT_EQ(window->device, kDevice);
  const Packer measure = Packer::measure().on(kDevice);
  EXPECT_EQ(pack_linear(random({6, 4}).to(kHost), {}, kType, false, measure)->bytes, dense->bytes);
  EXPECT_EQ(pack_conv2d(random({6, 4, 3, 3}).to(kHost), {}, {1, 1}, kType, measure)->bytes, window->bytes);
}

}  // namespace
}  // namespace easel::ops::testing
