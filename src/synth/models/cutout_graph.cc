// U2-Net (Qin et al. 2020), which says what of a picture is in front, as rembg's u2net.onnx has it.
#include "synth/models/onnx_graph.h"

namespace easel::synth {
namespace {

using Name = OnnxBuilder::Name;

class Builder {
 public:
  explicit Builder(OnnxBuilder& graph) : b_(graph) {}

  Name conv(const Name& x, const std::string& name, int64_t in, int64_t out, int64_t dilation = 1) {
    return b_.add("Relu", {b_.conv(x, name + ".conv_s1", in, out, {.size = 3, .dilation = dilation})});
  }
  Name joined(const Name& x, const Name& y) { return b_.add("Concat", {x, y}, {{"axis", whole(1)}}); }
  // As large as another map, whose size is only known when the graph runs.
  Name as_large(const Name& x, const Name& other) {
    const auto part = [&](const Name& of, int64_t from, int64_t to) {
      return b_.add("Slice", {b_.add("Shape", {of}), b_.constant(std::vector<int64_t>{from}),
                              b_.constant(std::vector<int64_t>{to}), b_.constant(std::vector<int64_t>{0})});
    };
    const Name sizes = b_.add("Concat", {part(x, 0, 2), part(other, 2, 4)}, {{"axis", whole(0)}});
    return b_.add("Resize", {x, "", "", sizes},
                  {{"mode", text("linear")}, {"coordinate_transformation_mode", text("pytorch_half_pixel")}});
  }

  // A small U of so many levels, with what went in added.
  Name block(const Name& x, const std::string& name, int levels, int64_t in, int64_t middle, int64_t out) {
    const Name first = conv(x, name + ".rebnconvin", in, out);
    std::vector<Name> maps;
    Name y = first;
    for (int i = 1; i < levels; ++i) {
      if (i > 1) y = b_.max_pool(y, 2, 2, /*ceil=*/true);
      y = conv(y, name + ".rebnconv" + std::to_string(i), i == 1 ? out : middle, middle);
      maps.push_back(y);
    }
    y = conv(y, name + ".rebnconv" + std::to_string(levels), middle, middle, 2);
    for (int i = levels - 1; i >= 1; --i) {
      const Name& here = maps[static_cast<size_t>(i - 1)];
      if (i < levels - 1) y = as_large(y, here);
      y = conv(joined(y, here), name + ".rebnconv" + std::to_string(i) + "d", 2 * middle, i == 1 ? out : middle);
    }
    return b_.add("Add", {y, first});
  }

  // The same without maps of other sizes: gaps between the pixels instead.
  Name wide_block(const Name& x, const std::string& name, int64_t in, int64_t middle, int64_t out) {
    const Name first = conv(x, name + ".rebnconvin", in, out);
    std::vector<Name> maps;
    Name y = first;
    for (int i = 1; i <= 4; ++i) {
      y = conv(y, name + ".rebnconv" + std::to_string(i), i == 1 ? out : middle, middle, int64_t{1} << (i - 1));
      maps.push_back(y);
    }
    for (int i = 3; i >= 1; --i)
      y = conv(joined(y, maps[static_cast<size_t>(i - 1)]), name + ".rebnconv" + std::to_string(i) + "d", 2 * middle,
               i == 1 ? out : middle, int64_t{1} << (i - 1));
    return b_.add("Add", {y, first});
  }

 private:
  OnnxBuilder& b_;
};

}  // namespace

OnnxPlan cutout_network(int64_t c) {
  constexpr int64_t kOpset = 13, kSide = 320;
  OnnxBuilder b(kOpset);
  Builder u(b);
  const auto half = [&](const Name& x) { return b.max_pool(x, 2, 2, /*ceil=*/true); };
  const Name one = u.block(b.input("input.1", {1, 3, kSide, kSide}), "stage1", 7, 3, c / 2, c);
  const Name two = u.block(half(one), "stage2", 6, c, c / 2, 2 * c);
  const Name three = u.block(half(two), "stage3", 5, 2 * c, c, 4 * c);
  const Name four = u.block(half(three), "stage4", 4, 4 * c, 2 * c, 8 * c);
  const Name five = u.wide_block(half(four), "stage5", 8 * c, 4 * c, 8 * c);
  const Name six = u.wide_block(half(five), "stage6", 8 * c, 4 * c, 8 * c);
  const auto back = [&](const Name& coarse, const Name& fine) { return u.joined(u.as_large(coarse, fine), fine); };
  const Name fifth = u.wide_block(back(six, five), "stage5d", 16 * c, 4 * c, 8 * c);
  const Name fourth = u.block(back(fifth, four), "stage4d", 4, 16 * c, 2 * c, 4 * c);
  const Name third = u.block(back(fourth, three), "stage3d", 5, 8 * c, c, 2 * c);
  const Name second = u.block(back(third, two), "stage2d", 6, 4 * c, c / 2, c);
  const Name first = u.block(back(second, one), "stage1d", 7, 2 * c, c / 4, c);
  const std::vector<std::pair<Name, int64_t>> levels{{first, c},      {second, c},    {third, 2 * c},
                                                     {fourth, 4 * c}, {fifth, 8 * c}, {six, 8 * c}};
  std::vector<Name> sides;
  for (size_t i = 0; i < levels.size(); ++i) {
    const Name side = b.conv(levels[i].first, "side" + std::to_string(i + 1), levels[i].second, 1, {.size = 3});
    sides.push_back(i == 0 ? side : u.as_large(side, sides[0]));
  }
  const Name all = b.conv(b.add("Concat", sides, {{"axis", whole(1)}}), "outconv", 6, 1, {});
  b.output(b.add("Sigmoid", {all}), "1959", {1, 1, kSide, kSide});
  for (size_t i = 0; i < sides.size(); ++i)
    b.output(b.add("Sigmoid", {sides[i]}), std::to_string(1960 + i), {1, 1, kSide, kSide});
  return b.finish();
}

}  // namespace easel::synth
