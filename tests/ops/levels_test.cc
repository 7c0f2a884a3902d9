// The kernels of every instruction level against those of the lowest one.
#include <algorithm>

#include "ops/attention.h"
#include "ops/backend.h"
#include "ops/conv2d.h"
#include "ops/cpu/isa.h"
#include "ops/cpu/kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

using cpu::Isa;

// Computes at this level for the lifetime of the object.
class AtLevel {
 public:
  explicit AtLevel(Isa level) : before_(cpu::isa()) { cpu::set_isa(level); }
  ~AtLevel() { cpu::set_isa(before_); }

 private:
  Isa before_;
};

template <class T>
class Levels : public TypedOps<T> {
 protected:
  // Calls compute() at each level and compares its results with those of the lowest.
  template <class F>
  void expect_alike(F compute) {
    std::vector<Tensor> best;
    {
      const AtLevel lowest(Isa::kBase);
      best = compute();
    }
    for (const Isa level : cpu::isa_levels()) {
      const AtLevel chosen(level);
      const std::vector<Tensor> results = compute();
      ASSERT_EQ(results.size(), best.size());
      for (size_t i = 0; i < best.size(); ++i)
        EXPECT_LT(relative_error(results[i], best[i]), this->tolerance()) << cpu::isa_name(level) << ", result " << i;
    }
  }
};
TYPED_TEST_SUITE(Levels, BothTypes);

TYPED_TEST(Levels, Products) {
  const Tensor x = this->random({2, 61, 75}), w = this->random({150, 75}, 0.2f), b = this->random_f32({150});
  const Tensor residual = this->random({2, 61, 150});
  this->expect_alike([&] {
    const auto plain = pack_linear(w, b, this->kType), gated = pack_linear(w, b, this->kType, true);
    return std::vector<Tensor>{linear(x, *plain, {Activation::kGelu, residual, 0.5f}), linear(x, *gated),
                               linear(x, *plain, {.f32_out = true})};
  });
}

TYPED_TEST(Levels, Convolutions) {
  const Tensor x = this->random({2, 9, 13, 33}), w = this->random({70, 33, 3, 3}, 0.1f), b = this->random_f32({70});
  ConvArgs args;
  args.channel_bias = this->random_f32({2, 70});
  ConvShape up{1, 1}, winograd{1, 1};
  up.upsample2x = true;
  winograd.method = ConvMethod::kWinograd;
  const Tensor even = this->random({2, 9, 13, 34}), window = this->random({70, 34, 3, 3}, 0.1f);
  this->expect_alike([&] {
    return std::vector<Tensor>{conv2d(x, *pack_conv2d(w, b, {1, 1}, this->kType), args),
                               conv2d(x, *pack_conv2d(w, b, {2, 0, 1}, this->kType)),
                               conv2d(even, *pack_conv2d(window, b, winograd, this->kType), args),
                               conv2d(x, *pack_conv2d(w, b, up, this->kType), {.upsample2x = true})};
  });
}

TYPED_TEST(Levels, Attention) {
  const Tensor q = this->random({2, 131, 96}), k = this->random({2, 601, 96}), v = this->random({2, 601, 96});
  AttentionArgs causal;
  causal.causal = true;
  this->expect_alike([&] { return std::vector<Tensor>{attention(q, k, v, 2), attention(q, k, v, 3, causal)}; });
}

TYPED_TEST(Levels, NormsAndPointwise) {
  const Tensor x = this->random({2, 7, 9, 90}, 3.0f, 2.0f), y = this->random({2, 7, 9, 90});
  const Tensor w = this->random_f32({90}), b = this->random_f32({90});
  this->expect_alike([&] {
    std::vector<Tensor> all{group_norm(x, w, b, 3, 1e-5f, Activation::kSilu),
                            layer_norm(x, w, b, 1e-5f),
                            add(x, y, 0.3f),
                            mul(x, y),
                            lerp(x, y, 0.7f),
                            affine(x, 2.0f, 1.0f)};
    for (const Activation a :
         {Activation::kSilu, Activation::kGelu, Activation::kQuickGelu, Activation::kRelu, Activation::kLeakyRelu})
      all.push_back(activate(x, a));
    return all;
  });
}

// Whole numbers, of which every type and order of sums gives the same: each number of rows, vectors and lanes that a
// block of the kernels can have, and depths that are multiplied in parts.
class LevelsOfProducts : public OpTest {
 protected:
  LevelsOfProducts() : OpTest(kHost, DType::kBF16) {}
  Tensor whole_numbers(const Shape& shape) {
    Tensor t(shape);
    for (float& v : t.values()) v = static_cast<float>(pick(-7, 7));
    return t;
  }
};

TEST_F(LevelsOfProducts, AreExactForEveryShapeOfABlock) {
  for (const int64_t depth : {1, 2, 3, 4, 5, 7, 8, 31, 2051})
    for (const int64_t outputs : {1, 4, 6, 9, 14, 16, 23, 70}) {
      const Tensor x = whole_numbers({13, depth}), w = whole_numbers({outputs, depth});
      Tensor wanted({13, outputs});
      for (int64_t i = 0; i < wanted.numel(); ++i) {
        int64_t sum = 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += static_cast<int64_t>(x.f32()[i / outputs * depth + k] * w.f32()[i % outputs * depth + k]);
        wanted.f32()[i] = static_cast<float>(sum);
      }
      for (const Isa level : cpu::isa_levels())
        for (const DType type : {DType::kF32, DType::kBF16}) {
          const AtLevel chosen(level);
          const auto packed = pack_linear(w, {}, type);
          const Tensor values = convert(x, type);
          for (int64_t rows = 1; rows <= 13; rows += rows < 7 ? 1 : 6)
            EXPECT_EQ(
                max_difference(linear(values.slice(0, 0, rows), *packed, {.f32_out = true}), wanted.slice(0, 0, rows)),
                0.0)
                << cpu::isa_name(level) << " " << dtype_name(type) << " " << rows << "x" << depth << "x" << outputs;
        }
    }
}

TEST(LevelsThereAre, EndWithMatrixRegistersAndAutoFollows) {
  const std::vector<Isa> levels = cpu::isa_levels();
  EXPECT_EQ(levels.front(), Isa::kBase);
  EXPECT_NE(cpu::kernels(levels.back()).tile_product[1], nullptr);
  // Products of bf16 in vectors of 512 bits are among them as well, by instructions or emulated.
  EXPECT_TRUE(std::any_of(levels.begin(), levels.end(), [](Isa level) {
    return cpu::multiplies_bf16(level) && cpu::kernels(level).vec == 16 && !cpu::kernels(level).tile_product[1];
  }));
  for (const Isa level : levels) {
    const AtLevel chosen(level);
    EXPECT_EQ(cpu::isa(), level);
    EXPECT_EQ(backend(kHost).native_type(), cpu::multiplies_bf16(level) ? DType::kBF16 : DType::kF32)
        << cpu::isa_name(level);
  }
}

}  // namespace
}  // namespace easel::ops::testing
