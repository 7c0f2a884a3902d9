// Python's and CUDA's random numbers, against values that those print.
#include <gtest/gtest.h>

#include <array>

#include "sampling/random/philox.h"
#include "sampling/random/python_random.h"

namespace easel::sampling {
namespace {

// python3 -c "import random; random.seed(SEED); print(random.random(), random.randint(1, 100), ...)"
TEST(PythonRandom, DrawsWhatPythonDraws) {
  PythonRandom small(42);
  EXPECT_DOUBLE_EQ(small.random(), 0.6394267984578837);
  EXPECT_EQ(small.randint(1, 100), 4);
  EXPECT_EQ(small.choice(7), size_t{5});
  EXPECT_DOUBLE_EQ(small.uniform(-2, 3), -0.6248534081544037);
  EXPECT_EQ(small.randint(0, (int64_t{1} << 40) - 1), 305901360862);
  PythonRandom large(1125899906842624123u);
  EXPECT_DOUBLE_EQ(large.random(), 0.4710001972135105);
  std::vector<int> list{0, 1, 2, 3, 4, 5, 6, 7};
  large.shuffle(list);
  EXPECT_EQ(list, (std::vector<int>{0, 7, 5, 4, 3, 2, 6, 1}));
}

// torch.manual_seed(0); torch.randn(12, device="cuda"), as published with other programs that reproduce it.
TEST(Philox, DrawsWhatTorchDrawsOnACard) {
  std::array<float, 12> drawn{};
  philox_randn(0, drawn);
  const std::array<float, 12> expected{-0.92466259f, -0.42534415f, -2.6438457f,  0.14518388f,
                                       -0.12086647f, -0.57972564f, -0.62285122f, -0.32838709f,
                                       -1.07454231f, -0.36314407f, -1.67105067f, 2.26550497f};
  for (size_t i = 0; i < drawn.size(); ++i) EXPECT_NEAR(drawn[i], expected[i], 2e-7f) << i;
}

TEST(Philox, IsDrawnInTorchsOrder) {
  const Tensor made = philox_randn(0, Shape{1, 1, 3, 4});  // [N,h,w,C]: channel c holds values 3c, 3c + 1, 3c + 2
  EXPECT_NEAR(made.f32()[1], 0.14518388f, 2e-7f);
  EXPECT_NEAR(made.f32()[4], -0.42534415f, 2e-7f);
}

}  // namespace
}  // namespace easel::sampling
