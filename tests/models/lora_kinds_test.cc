// Every kind of change a LoRA file can hold, and every way its tensors are named, against the change computed in f64
// with plain loops from the papers' and LyCORIS's formulas.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <vector>

#include "models/checkpoint/checkpoint.h"
#include "models/patch/lora.h"
#include "models/patch/lora_names.h"
#include "models/unet/unet_source.h"
#include "models_support.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

// A matrix in f64.
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> v;

  Matrix(int64_t r, int64_t c) : rows(r), columns(c), v(static_cast<size_t>(r * c), 0.0) {}
  double& operator()(int64_t i, int64_t j) { return v[static_cast<size_t>(i * columns + j)]; }
  double operator()(int64_t i, int64_t j) const { return v[static_cast<size_t>(i * columns + j)]; }
};

Matrix of(const Tensor& t, int64_t rows = -1) {
  if (rows < 0) rows = t.dim(0);
  Matrix out(rows, t.numel() / rows);
  for (int64_t i = 0; i < t.numel(); ++i) out.v[static_cast<size_t>(i)] = static_cast<double>(t.f32()[i]);
  return out;
}

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix out(a.rows, b.columns);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t k = 0; k < a.columns; ++k)
      for (int64_t j = 0; j < b.columns; ++j) out(i, j) += a(i, k) * b(k, j);
  return out;
}

Matrix plus(const Matrix& a, const Matrix& b, double factor) {
  Matrix out = a;
  for (size_t i = 0; i < out.v.size(); ++i) out.v[i] += factor * b.v[i];
  return out;
}

// By Gauss and Jordan with the largest pivot.
Matrix inverse(Matrix a) {
  const int64_t n = a.rows;
  Matrix out(n, n);
  for (int64_t i = 0; i < n; ++i) out(i, i) = 1;
  for (int64_t p = 0; p < n; ++p) {
    int64_t best = p;
    for (int64_t i = p; i < n; ++i)
      if (std::abs(a(i, p)) > std::abs(a(best, p))) best = i;
    for (int64_t j = 0; j < n; ++j) {
      std::swap(a(p, j), a(best, j));
      std::swap(out(p, j), out(best, j));
    }
    const double pivot = a(p, p);
    for (int64_t j = 0; j < n; ++j) {
      a(p, j) /= pivot;
      out(p, j) /= pivot;
    }
    for (int64_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double factor = a(i, p);
      for (int64_t j = 0; j < n; ++j) {
        a(i, j) -= factor * a(p, j);
        out(i, j) -= factor * out(p, j);
      }
    }
  }
  return out;
}

double error_of(const Tensor& got, const Matrix& wanted) {
  double difference = 0, length = 0;
  if (static_cast<size_t>(got.numel()) != wanted.v.size()) return 1e30;
  for (int64_t i = 0; i < got.numel(); ++i) {
    const double w = wanted.v[static_cast<size_t>(i)];
    difference += std::pow(static_cast<double>(got.f32()[i]) - w, 2);
    length += w * w;
  }
  return std::sqrt(difference / length);
}

// (I + Q)(I - Q)^-1 of each block, Q the skew part, its norm over all blocks at most `most` where that is positive.
std::vector<Matrix> rotations(const Tensor& blocks, double most) {
  const int64_t b = blocks.dim(-1), k = blocks.numel() / (b * b);
  const Matrix all = of(blocks, k * b);
  std::vector<Matrix> q;
  double squares = 0;
  for (int64_t n = 0; n < k; ++n) {
    Matrix m(b, b);
    for (int64_t i = 0; i < b; ++i)
      for (int64_t j = 0; j < b; ++j) {
        m(i, j) = all(n * b + i, j) - all(n * b + j, i);
        squares += m(i, j) * m(i, j);
      }
    q.push_back(m);
  }
  const double norm = std::sqrt(squares) + 1e-8, factor = most > 0 && norm > most ? most / norm : 1;
  for (Matrix& m : q) {
    Matrix up(b, b), down(b, b);
    for (int64_t i = 0; i < b; ++i)
      for (int64_t j = 0; j < b; ++j) {
        up(i, j) = (i == j ? 1 : 0) + factor * m(i, j);
        down(i, j) = (i == j ? 1 : 0) - factor * m(i, j);
      }
    m = up * inverse(down);
  }
  return q;
}

Matrix weighed(const Matrix& r, double strength) {
  Matrix out = r;
  for (int64_t i = 0; i < r.rows; ++i)
    for (int64_t j = 0; j < r.columns; ++j) out(i, j) = strength * r(i, j) + (i == j ? 1 - strength : 0);
  return out;
}

TEST(LoraKinds, OrthogonalFineTuning) {
  for (const Shape& shape : {Shape{12, 5}, Shape{12, 4, 3, 3}})
    for (const auto& [most, strength] :
         std::vector<std::pair<float, float>>{{0.0f, 1.0f}, {0.7f, 1.0f}, {0.7f, 0.6f}}) {
      const Tensor weight = made_up(shape, 1), blocks = made_up({3, 4, 4}, 2), rescale = made_up({12, 1}, 3);
      const std::vector<Matrix> r = rotations(blocks, static_cast<double>(most));
      const Matrix w = of(weight);
      for (const bool rescaled : {false, true}) {
        Matrix turned(w.rows, w.columns);
        for (int64_t k = 0; k < 3; ++k) {
          const Matrix m = weighed(r[static_cast<size_t>(k)], static_cast<double>(strength));
          for (int64_t i = 0; i < 4; ++i)
            for (int64_t n = 0; n < 4; ++n)
              for (int64_t j = 0; j < w.columns; ++j) turned(k * 4 + i, j) += m(n, i) * w(k * 4 + n, j);
        }
        for (int64_t i = 0; rescaled && i < 12; ++i)
          for (int64_t j = 0; j < w.columns; ++j) turned(i, j) *= static_cast<double>(rescale.f32()[i]);
        LoraModule m{"m", {{"oft_blocks", blocks}, {"alpha", Tensor::full({}, most)}}};
        if (rescaled) m.tensors["rescale"] = rescale;
        const Matrix wanted = plus(w, plus(turned, w, -1), static_cast<double>(strength));
        EXPECT_LE(error_of(apply_lora_module(m, weight, strength), wanted), 2e-6) << shape.str() << " " << strength;
      }
    }
}

// A rotation keeps lengths, whatever the size of the blocks.
TEST(LoraKinds, RotationsOfLargeBlocksKeepLengths) {
  const Tensor weight = made_up({96, 7}, 1), blocks = made_up({1, 96, 96}, 2);
  const Matrix turned = of(apply_lora_module({"m", {{"oft_blocks", blocks}}}, weight, 1.0f)), w = of(weight);
  for (int64_t j = 0; j < 7; ++j) {
    double before = 0, after = 0;
    for (int64_t i = 0; i < 96; ++i) {
      before += w(i, j) * w(i, j);
      after += turned(i, j) * turned(i, j);
    }
    EXPECT_NEAR(after / before, 1.0, 1e-4);
  }
}

TEST(LoraKinds, Butterfly) {
  constexpr int64_t kOut = 16, kBlock = 4, kStages = 3;
  for (const Shape& shape : {Shape{kOut, 5}, Shape{kOut, 2, 3, 3}})
    for (const float strength : {1.0f, 0.5f}) {
      const Tensor weight = made_up(shape, 1), blocks = made_up({kStages, kOut / kBlock, kBlock, kBlock}, 2),
                   rescale = made_up({kOut, 1}, 3);
      const std::vector<Matrix> r = rotations(blocks, 1.5);
      const Matrix w = of(weight);
      Matrix now = w;
      for (int64_t stage = 0; stage < kStages; ++stage) {
        const int64_t apart = (kBlock / 2) << stage;
        // Row p of the rearranged weight is row `from[p]`: the pairs (g, g + apart) of each 2 * apart rows side by
        // side.
        std::vector<int64_t> from;
        for (int64_t base = 0; base < kOut; base += 2 * apart)
          for (int64_t i = 0; i < apart; ++i)
            for (int64_t g = 0; g < 2; ++g) from.push_back(base + g * apart + i);
        Matrix next(now.rows, now.columns);
        for (int64_t p = 0; p < kOut; ++p) {
          const Matrix m =
              weighed(r[static_cast<size_t>(stage * (kOut / kBlock) + p / kBlock)], static_cast<double>(strength));
          for (int64_t q = 0; q < kBlock; ++q)
            for (int64_t j = 0; j < now.columns; ++j)
              next(from[static_cast<size_t>(p)], j) +=
                  m(p % kBlock, q) * now(from[static_cast<size_t>(p / kBlock * kBlock + q)], j);
        }
        now = next;
      }
      for (int64_t i = 0; i < kOut; ++i)
        for (int64_t j = 0; j < now.columns; ++j) now(i, j) *= static_cast<double>(rescale.f32()[i]);
      const LoraModule m{"m", {{"oft_blocks", blocks}, {"alpha", Tensor::full({}, 1.5f)}, {"rescale", rescale}}};
      const Matrix wanted = plus(w, plus(now, w, -1), static_cast<double>(strength));
      EXPECT_LE(error_of(apply_lora_module(m, weight, strength), wanted), 2e-6) << shape.str() << " " << strength;
    }
}

TEST(LoraKinds, BlocksThatDoNotFitAreRefused) {
  for (const Shape& blocks :
       {Shape{3, 5, 5}, Shape{2, 4, 4}, Shape{3, 4, 5}, Shape{12, 4}, Shape{3, 4, 3, 3}, Shape{9, 3, 4, 4}})
    EXPECT_THROW(apply_lora_module({"m", {{"oft_blocks", made_up(blocks, 1)}}}, made_up({12, 5}, 2), 1.0f), Error)
        << blocks.str();
}

// W (I + a1 a2) + b1 b2, on weights whose sides differ, on maps, and as the time embedding has them.
TEST(LoraKinds, GloraInItsPresentLayout) {
  for (const Shape& shape : {Shape{12, 4}, Shape{4, 12}, Shape{6, 6}, Shape{6, 4, 3, 3}}) {
    const int64_t out = shape[0], in = shape[1], rest = shape.numel() / (out * in), rank = 2;
    const Tensor weight = made_up(shape, 1), a1 = made_up({in, rank}, 2), a2 = made_up({rank, in}, 3),
                 b1 = made_up({out, rank}, 4),
                 b2 = rest == 1 ? made_up({rank, in}, 5) : made_up({rank, in, shape[2], shape[3]}, 5);
    const Matrix w = of(weight), a = of(a1) * of(a2), b = of(b1) * of(b2);
    Matrix wanted = w;
    for (int64_t o = 0; o < out; ++o)
      for (int64_t j = 0; j < in; ++j)
        for (int64_t k = 0; k < rest; ++k) {
          double change = b(o, j * rest + k);
          for (int64_t i = 0; i < in; ++i) change += w(o, i * rest + k) * a(i, j);
          wanted(o, j * rest + k) += 0.5 * 3.0 / rank * change;
        }
    const LoraModule m{"m", {{"a1", a1}, {"a2", a2}, {"b1", b1}, {"b2", b2}, {"alpha", Tensor::full({}, 3.0f)}}};
    EXPECT_LE(error_of(apply_lora_module(m, weight, 0.5f), wanted), 1e-6) << shape.str();
  }
  // The first layout: W (I + a2 a1) + b2 b1.
  const Tensor weight = made_up({6, 4}, 1), a1 = made_up({2, 4}, 2), a2 = made_up({4, 2}, 3), b1 = made_up({2, 4}, 4),
               b2 = made_up({6, 2}, 5);
  const LoraModule old{"m", {{"a1", a1}, {"a2", a2}, {"b1", b1}, {"b2", b2}}};
  const Matrix w = of(weight);
  EXPECT_LE(error_of(apply_lora_module(old, weight, 1.0f), plus(plus(w, w * (of(a2) * of(a1)), 1), of(b2) * of(b1), 1)),
            1e-6);
}

// Lengths by columns, by rows (LyCORIS: before the change; PEFT: after it), and of columns or rows that are zero.
TEST(LoraKinds, DecompositionWithZeroColumnsAndRows) {
  const double least = static_cast<double>(std::numeric_limits<float>::epsilon());
  for (const int kind : {0, 1, 2}) {
    Tensor weight = made_up({6, 4}, 1), up = made_up({6, 2}, 2), down = made_up({2, 4}, 3);
    for (int64_t i = 0; i < 6; ++i) weight.f32()[i * 4 + 1] = 0;
    for (int64_t j = 0; j < 4; ++j) weight.f32()[2 * 4 + j] = 0;
    for (int64_t r = 0; r < 2; ++r) {
      down.f32()[r * 4 + 1] = 0;
      up.f32()[2 * 2 + r] = 0;
    }
    const int64_t count = kind == 0 ? 4 : 6;
    const Tensor scale = made_up(kind == 0 ? Shape{1, 4} : kind == 1 ? Shape{6, 1} : Shape{6}, 4);
    const Matrix w = of(weight), now = plus(w, of(up) * of(down), 1);
    Matrix wanted = w;
    for (int64_t n = 0; n < count; ++n) {
      double squares = 0;
      const Matrix& measured = kind == 1 ? w : now;
      for (int64_t i = 0; i < (kind == 0 ? 6 : 4); ++i)
        squares += std::pow(kind == 0 ? measured(i, n) : measured(n, i), 2);
      const double factor = static_cast<double>(scale.f32()[n]) / (std::sqrt(squares) + least);
      for (int64_t i = 0; i < (kind == 0 ? 6 : 4); ++i) {
        double& out = kind == 0 ? wanted(i, n) : wanted(n, i);
        out += 0.7 * ((kind == 0 ? now(i, n) : now(n, i)) * factor - out);
      }
    }
    const LoraModule m{"m", {{"lora_up", up}, {"lora_down", down}, {kind == 2 ? "magnitude" : "dora_scale", scale}}};
    const Tensor got = apply_lora_module(m, weight, 0.7f);
    for (int64_t i = 0; i < got.numel(); ++i) ASSERT_TRUE(std::isfinite(got.f32()[i])) << kind;
    EXPECT_LE(error_of(got, wanted), 1e-6) << kind;
  }
}

TEST(LoraKinds, WholeWeightsAndDifferences) {
  const Tensor weight = made_up({6, 4, 3, 3}, 1), other = made_up({6, 4, 3, 3}, 2);
  EXPECT_EQ(error_of(apply_lora_module({"m", {{"set_weight", other}}}, weight, 0.3f), of(other)), 0.0);
  for (const char* role : {"diff", "w_norm"})
    EXPECT_LE(error_of(apply_lora_module({"m", {{role, other}}}, weight, 0.3f), plus(of(weight), of(other), 0.3f)),
              1e-6);
  EXPECT_THROW(apply_lora_module({"m", {{"set_weight", made_up({6, 4}, 1)}}}, weight, 1.0f), Error);
}

// w1 and w2 both of factors, and w2 with a core for the kernel.
TEST(LoraKinds, KroneckerOfFactorsWithACore) {
  const Tensor w1a = made_up({2, 2}, 1), w1b = made_up({2, 2}, 2), core = made_up({2, 2, 3, 3}, 3),
               w2a = made_up({2, 3}, 4), w2b = made_up({2, 2}, 5), weight = made_up({6, 4, 3, 3}, 6);
  const Matrix first = of(w1a) * of(w1b);
  Matrix wanted = of(weight);
  for (int64_t o = 0; o < 6; ++o)
    for (int64_t c = 0; c < 4; ++c)
      for (int64_t k = 0; k < 9; ++k) {
        double second = 0;  // sum over i, j of core[i,j,k] w2b[j, c%2] w2a[i, o%3]
        for (int64_t i = 0; i < 2; ++i)
          for (int64_t j = 0; j < 2; ++j)
            second += static_cast<double>(core.f32()[(i * 2 + j) * 9 + k]) *
                      static_cast<double>(w2b.f32()[j * 2 + c % 2]) * static_cast<double>(w2a.f32()[i * 3 + o % 3]);
        wanted(o, c * 9 + k) += 0.5 * first(o / 3, c / 2) * second;  // alpha 1 by rank 2
      }
  const LoraModule m{"m",
                     {{"lokr_w1_a", w1a},
                      {"lokr_w1_b", w1b},
                      {"lokr_t2", core},
                      {"lokr_w2_a", w2a},
                      {"lokr_w2_b", w2b},
                      {"alpha", Tensor::full({}, 1.0f)}}};
  EXPECT_LE(error_of(apply_lora_module(m, weight, 1.0f), wanted), 1e-6);
}

// R of PEFT: I + 2Q + 2Q^2 + 2Q^3 + 2Q^4, Q skew with these numbers above its diagonal.
Matrix neumann(const Tensor& upper, int64_t row, int64_t b) {
  Matrix q(b, b), r(b, b);
  int64_t n = row * upper.dim(1);
  for (int64_t i = 0; i < b; ++i)
    for (int64_t j = i + 1; j < b; ++j, ++n) {
      q(i, j) = static_cast<double>(upper.f32()[n]);
      q(j, i) = -q(i, j);
    }
  for (int64_t i = 0; i < b; ++i) r(i, i) = 1;
  Matrix power = q;
  for (int i = 1; i <= 4; ++i, power = power * q) r = plus(r, power, 2);
  return r;
}

TEST(LoraKinds, PeftsRotationOfInputs) {
  for (const Shape& shape : {Shape{5, 12}, Shape{5, 3, 2, 2}})
    for (const auto& [b, shared] :
         std::vector<std::pair<int64_t, bool>>{{4, false}, {4, true}, {2, false}, {12, false}}) {
      const int64_t blocks = 12 / b;
      const Tensor weight = made_up(shape, 1),
                   upper = ops::affine(made_up({shared ? 1 : blocks, b * (b - 1) / 2}, 2), 0.2f, 0);
      const Matrix w = of(weight);
      Matrix turned(w.rows, w.columns);
      for (int64_t k = 0; k < blocks; ++k) {
        const Matrix r = neumann(upper, shared ? 0 : k, b);
        for (int64_t o = 0; o < w.rows; ++o)
          for (int64_t i = 0; i < b; ++i)
            for (int64_t j = 0; j < b; ++j) turned(o, k * b + i) += w(o, k * b + j) * r(i, j);
      }
      for (const float strength : {1.0f, -0.4f})
        EXPECT_LE(error_of(apply_lora_module({"m", {{"oft_r", upper}}}, weight, strength),
                           plus(w, plus(turned, w, -1), static_cast<double>(strength))),
                  2e-6)
            << shape.str() << " " << b;
    }
  for (const Shape& wrong : {Shape{3, 5}, Shape{2, 6}, Shape{3}, Shape{12, 1}})
    EXPECT_THROW(apply_lora_module({"m", {{"oft_r", made_up(wrong, 2)}}}, made_up({5, 12}, 1), 1.0f), Error)
        << wrong.str();
}

TEST(LoraKinds, FactorsOfOutputsAndInputs) {
  const auto expect = [](const Shape& shape, const Shape& factors, bool outputs) {
    const Tensor weight = made_up(shape, 1), by = made_up(factors, 2);
    Matrix wanted = of(weight);
    const int64_t kernel = wanted.columns / shape[1];
    for (int64_t o = 0; o < wanted.rows; ++o)
      for (int64_t i = 0; i < wanted.columns; ++i)
        wanted(o, i) *= 1 + 0.7 * (static_cast<double>(by.f32()[outputs ? o : i / kernel]) - 1);
    EXPECT_LE(error_of(apply_lora_module({"m", {{"ia3", by}}}, weight, 0.7f), wanted), 1e-6) << factors.str();
  };
  expect({6, 4}, {6, 1}, true);
  expect({6, 4}, {1, 4}, false);
  expect({4, 4}, {4, 1}, true);
  expect({4, 4}, {1, 4}, false);
  expect({6, 4, 3, 3}, {1, 6, 1, 1}, true);
  expect({6, 4, 3, 3}, {1, 4, 1, 1}, false);
  EXPECT_THROW(apply_lora_module({"m", {{"ia3", made_up({5, 1}, 2)}}}, made_up({6, 4}, 1), 1.0f), Error);
}

class LoraNames : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("easel-lora-names-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::shared_ptr<const Lora> write(const StoredTensors& tensors) {
    formats::write_safetensors(folder_ / "x.safetensors", tensors);
    return Lora::read(formats::open_model_file(folder_ / "x.safetensors"));
  }
  std::filesystem::path folder_;
  memory::Residency residency_;
};

TEST_F(LoraNames, OfTrainersSince2024) {
  const Checkpoint c =
      load_checkpoint(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"),
                      residency_, DType::kF32);
  const std::string unet = "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0.weight";
  const std::string ours = "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0";
  const std::string theirs = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0";
  const std::string flat = "down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0";
  const auto source = [](const ModelHandle& m) { return unet_of(m).source->weights(); };
  const Tensor before = convert(source(c.model).get(unet).tensor(), DType::kF32);
  const int64_t width = before.dim(0);
  const Tensor up = made_up({width, 2}, 1), down = made_up({2, width}, 2);
  const Matrix wanted = plus(of(before), of(up) * of(down), 0.5);
  const std::vector<std::tuple<std::string, const char*, const char*>> names = {
      {"lycoris_" + flat, ".lora_up.weight", ".lora_down.weight"},
      {"base_model.model." + theirs, ".lora_B.weight", ".lora_A.weight"},
      {"base_model.model." + theirs, ".lora_B.default.weight", ".lora_A.default.weight"},
      {"unet.base_model.model." + theirs, ".lora_B.default_0.weight", ".lora_A.default_0.weight"},
      {"unet." + theirs, ".lora_B.default.weight", ".lora_A.default.weight"},
      {"unet." + theirs, ".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"},
      {theirs, ".lora_B", ".lora_A"},
      {"diffusion_model." + ours, ".lora_B.weight", ".lora_A.weight"},
      {"model.diffusion_model." + ours, ".lora_up.weight", ".lora_down.weight"},
      {"lora_unet." + theirs, ".lora_up.weight", ".lora_down.weight"},
      {"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out", "_lora.up.weight",
       "_lora.down.weight"},
  };
  ClipHandle clip;
  clip.encoder = c.text;
  for (const auto& [module, u, d] : names) {
    StoredTensors t;
    t.set(module + u, up);
    t.set(module + d, down);
    const LoraResult r = apply_lora(write(t), c.model, clip, 0.5f, 1.0f, residency_);
    EXPECT_TRUE(r.unused.empty()) << module;
    EXPECT_LE(error_of(convert(source(r.model).get(unet).tensor(), DType::kF32), wanted), 1e-6) << module << u;
  }
  const std::string layer = "text_model.encoder.layers.1.self_attn.q_proj";
  const int64_t text = c.text->context_dim();
  for (const std::string& module :
       {"text_encoders.clip_l.transformer." + layer, "clip_l.transformer." + layer, "text_encoder." + layer,
        "text_encoder.base_model.model." + layer, "base_model.model." + layer, "lora_te1." + layer,
        std::string("lora_te1_text_model_encoder_layers_1_self_attn_q_proj"),
        std::string("text_encoder.text_model.encoder.layers.1.self_attn.to_q")}) {
    StoredTensors t;
    t.set(module + ".lora_B.weight", made_up({text, 2}, 1));
    t.set(module + ".lora_A.weight", made_up({2, text}, 2));
    const LoraResult r = apply_lora(write(t), c.model, clip, 1.0f, 1.0f, residency_);
    EXPECT_TRUE(r.unused.empty()) << module;
    EXPECT_NE(r.clip.encoder, clip.encoder) << module;
  }
  // The time embedding's rectangular factors, and a bias by its whole name.
  const Tensor time = convert(source(c.model).get("time_embed.0.weight").tensor(), DType::kF32),
               bias = convert(source(c.model).get("out.2.bias").tensor(), DType::kF32);
  const int64_t out = time.dim(0), in = time.dim(1);
  StoredTensors t;
  t.set("lycoris_time_embedding_linear_1.a1.weight", made_up({in, 2}, 1));
  t.set("lycoris_time_embedding_linear_1.a2.weight", made_up({2, in}, 2));
  t.set("lycoris_time_embedding_linear_1.b1.weight", made_up({out, 2}, 3));
  t.set("lycoris_time_embedding_linear_1.b2.weight", made_up({2, in}, 4));
  t.set("diffusion_model.out.2.bias.diff", made_up(bias.shape(), 5));
  const LoraResult r = apply_lora(write(t), c.model, clip, 1.0f, 1.0f, residency_);
  EXPECT_TRUE(r.unused.empty());
  const Matrix w = of(time);
  const Matrix changed = plus(plus(w, w * (of(made_up({in, 2}, 1)) * of(made_up({2, in}, 2))), 1),
                              of(made_up({out, 2}, 3)) * of(made_up({2, in}, 4)), 1);
  EXPECT_LE(error_of(convert(source(r.model).get("time_embed.0.weight").tensor(), DType::kF32), changed), 1e-6);
  EXPECT_LE(error_of(convert(source(r.model).get("out.2.bias").tensor(), DType::kF32),
                     plus(of(bias), of(made_up(bias.shape(), 5)), 1)),
            1e-6);
}

// What PEFT writes beside its factors.
TEST_F(LoraNames, OfPeftsOtherKinds) {
  const Checkpoint c =
      load_checkpoint(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"),
                      residency_, DType::kF32);
  const std::string ours = "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0";
  const std::string theirs = "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0";
  const auto value = [&](const ModelHandle& m, const std::string& name) {
    return convert(unet_of(m).source->weights().get(ours + name).tensor(), DType::kF32);
  };
  const Tensor weight = value(c.model, ".weight"), bias = value(c.model, ".bias");
  const int64_t width = weight.dim(0);
  ClipHandle clip;
  for (const std::string adapter : {"", ".default"}) {
    StoredTensors t;
    t.set(theirs + ".lora_B" + adapter + ".weight", made_up({width, 2}, 1));
    t.set(theirs + ".lora_B" + adapter + ".bias", made_up({width}, 3));
    t.set(theirs + ".lora_A" + adapter + ".weight", made_up({2, width}, 2));
    t.set(theirs + ".alpha", Tensor::full({}, 3.0f));
    LoraResult r = apply_lora(write(t), c.model, clip, 0.5f, 1.0f, residency_);
    EXPECT_TRUE(r.unused.empty()) << adapter;
    const double scale = 0.5 * 3.0 / 2;
    EXPECT_LE(error_of(value(r.model, ".weight"),
                       plus(of(weight), of(made_up({width, 2}, 1)) * of(made_up({2, width}, 2)), scale)),
              1e-6);
    EXPECT_LE(error_of(value(r.model, ".bias"), plus(of(bias), of(made_up({width}, 3)), scale)), 1e-6);

    StoredTensors factors;
    factors.set(theirs + ".ia3_l" + adapter, made_up({width, 1}, 4));
    r = apply_lora(write(factors), c.model, clip, 1.0f, 1.0f, residency_);
    EXPECT_TRUE(r.unused.empty()) << adapter;
    Matrix scaled = of(bias);
    for (int64_t i = 0; i < width; ++i) scaled.v[static_cast<size_t>(i)] *= made_up({width, 1}, 4).f32()[i];
    EXPECT_LE(error_of(value(r.model, ".bias"), scaled), 1e-6);

    StoredTensors turns;
    turns.set(theirs + ".oft_R" + adapter + ".weight", ops::affine(made_up({width / 4, 6}, 5), 0.1f, 0));
    r = apply_lora(write(turns), c.model, clip, 1.0f, 1.0f, residency_);
    EXPECT_TRUE(r.unused.empty()) << adapter;
    EXPECT_GT(error_of(value(r.model, ".weight"), of(weight)), 0.01);
  }
  // A layer without a bias cannot take one.
  StoredTensors t;
  const std::string query = "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";
  t.set(query + ".lora_B.weight", made_up({width, 2}, 1));
  t.set(query + ".lora_B.bias", made_up({width}, 3));
  t.set(query + ".lora_A.weight", made_up({2, width}, 2));
  try {
    apply_lora(write(t), c.model, clip, 1.0f, 1.0f, residency_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_NE(std::string(e.what()).find("has a bias"), std::string::npos) << e.what();
  }
}

TEST_F(LoraNames, KeysThatFitNothingAreDescribed) {
  const Checkpoint c =
      load_checkpoint(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"),
                      residency_, DType::kF32);
  const auto message = [&](const std::string& module, int64_t width) -> std::string {
    StoredTensors t;
    t.set(module + ".lora_up.weight", made_up({4, 2}, 1));
    t.set(module + ".lora_down.weight", made_up({2, width}, 2));
    try {
      apply_lora(write(t), c.model, {}, 1.0f, 1.0f, residency_);
    } catch (const Error& e) {
      return e.message();
    }
    return {};
  };
  const std::string flux = message("lora_unet_double_blocks_0_img_attn_proj", 4);
  EXPECT_NE(flux.find("its 2 keys begin with 'lora_unet_double_blocks_0_img_attn_proj.lora_"), std::string::npos)
      << flux;
  EXPECT_NE(flux.find("look like Flux"), std::string::npos) << flux;
  EXPECT_NE(message("lora_unet_input_blocks_99_1_transformer_blocks_0_attn2_to_k", 2048).find("look like SDXL"),
            std::string::npos);
  EXPECT_NE(message("lora_te2_text_model_encoder_layers_40_mlp_fc1", 4).find("look like SDXL"), std::string::npos);
  EXPECT_EQ(message("something_else", 4).find("look like"), std::string::npos);
}

}  // namespace
}  // namespace easel::models
