// Noise, morphology and another space of colours for pictures.
#include <algorithm>
#include <bit>
#include <utility>

#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/elementwise.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

struct AddGrain {
  Linked<Image> image;
  uint64_t seed = 0;
  double strength = 0.5;
};

Results<Image> add_grain(const AddGrain& in) {
  // Drawn in the order of the picture's own values, whatever their places mean.
  const Tensor noise = sampling::TorchGenerator(in.seed).randn(Shape{in.image->numel()}).view(in.image->shape());
  return {ops::map([by = static_cast<float>(in.strength)](auto v, auto n) { return clamp(v + by * n, 0.0f, 1.0f); },
                   *in.image, noise)};
}

// --- Morphology ---

enum class Shaped { kErode, kDilate, kOpen, kClose, kGradient, kBottomHat, kTopHat };

struct Morphology {
  Linked<Image> image;
  Shaped operation = Shaped::kErode;
  int64_t kernel_size = 3;
};

// Every pixel `by` further along one side; those beyond it are repeated from its end.
Tensor shifted(const Tensor& picture, int side, int64_t by) {
  const auto taps = [&](int which) {
    ops::Taps out;
    const int64_t size = picture.dim(which), step = which == side ? by : 0;
    for (int64_t i = 0; i < size; ++i) out.index.push_back(std::clamp<int64_t>(i + step, 0, size - 1));
    return out;
  };
  return ops::resample(picture, taps(1), taps(2));
}

Tensor larger(const Tensor& a, const Tensor& b) {
  return ops::map([](auto x, auto y) { return max(x, y); }, a, b);
}

// The largest of `length` pixels from each on, in one direction along a side: windows twice as long each time, then two
// that overlap. What is beyond the border does not count.
Tensor largest_ahead(const Tensor& picture, int side, int64_t length, int64_t direction) {
  const auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(length)));
  Tensor out = picture;
  for (int64_t have = 1; have < power; have *= 2) out = larger(out, shifted(out, side, direction * have));
  return power == length ? out : larger(out, shifted(out, side, direction * (length - power)));
}

// The largest of a square around each pixel, which has one more before it than behind when `size` is even.
Tensor dilated(Tensor picture, int64_t size) {
  const int64_t before = size / 2, behind = size - before - 1;
  for (const int side : {1, 2}) {
    const int64_t most = picture.dim(side);
    picture = larger(largest_ahead(picture, side, std::min(before + 1, most), -1),
                     largest_ahead(picture, side, std::min(behind + 1, most), 1));
  }
  return picture;
}

Tensor negated(const Tensor& picture) {
  return ops::map([](auto v) { return -1.0f * v; }, picture);
}
Tensor eroded(const Tensor& picture, int64_t size) { return negated(dilated(negated(picture), size)); }
Tensor difference(const Tensor& a, const Tensor& b) {
  return ops::map([](auto x, auto y) { return x - y; }, a, b);
}

Results<Image> shape_picture(const Morphology& in) {
  const Tensor picture = contiguous(*in.image);
  const int64_t size = in.kernel_size;
  switch (in.operation) {
    case Shaped::kErode: return {eroded(picture, size)};
    case Shaped::kDilate: return {dilated(picture, size)};
    case Shaped::kOpen: return {dilated(eroded(picture, size), size)};
    case Shaped::kClose: return {eroded(dilated(picture, size), size)};
    case Shaped::kGradient: return {difference(dilated(picture, size), eroded(picture, size))};
    case Shaped::kTopHat: return {difference(picture, dilated(eroded(picture, size), size))};
    case Shaped::kBottomHat: break;
  }
  return {difference(eroded(dilated(picture, size), size), picture)};
}

// --- Luminance and colour ---

struct Apart {
  Linked<Image> image;
};

Tensor channel(const Tensor& picture, int64_t which) { return picture.slice(3, which, 1); }

Tensor grey(const Tensor& values) { return ops::concat({values, values, values}, 3); }

Results<Image, Image, Image> take_apart(const Apart& in) {
  if (in.image->dim(3) < 3)
    throw Error(Fault::kMismatch, "a picture without colours has no luminance of its own").at_input("image");
  const Tensor red = channel(*in.image, 0), green = channel(*in.image, 1), blue = channel(*in.image, 2);
  const Tensor luminance =
      ops::map([](auto r, auto g, auto b) { return 0.299f * r + 0.587f * g + 0.114f * b; }, red, green, blue);
  const auto away = [&](const Tensor& of, float by) {
    return ops::map([=](auto v, auto y) { return (v - y) * by + 0.5f; }, of, luminance);
  };
  return {grey(luminance), grey(away(blue, 0.564f)), grey(away(red, 0.713f))};
}

struct Together {
  Linked<Image> Y, U, V;
};

Results<Image> put_together(const Together& in) {
  const auto mean = [](const Tensor& picture) {
    return ops::reduce(picture.slice(3, 0, std::min<int64_t>(3, picture.dim(3))), ops::Reduction::kMean, 3, 3);
  };
  for (const Linked<Image>* other : {&in.U, &in.V})
    for (int d = 0; d < 3; ++d)
      if ((*other)->dim(d) != in.Y->dim(d))
        throw Error(Fault::kMismatch, "Y, U and V are pictures of different sizes or numbers")
            .at_input(other == &in.U ? "U" : "V")
            .fix("Link three pictures of one size");
  const Tensor y = mean(*in.Y), u = mean(*in.U), v = mean(*in.V);
  const auto bound = [](auto value) { return clamp(value, 0.0f, 1.0f); };
  return {ops::concat(
      {ops::map([=](auto l, auto cr) { return bound(l + 1.403f * (cr - 0.5f)); }, y, v),
       ops::map([=](auto l, auto cb, auto cr) { return bound(l - 0.714f * (cr - 0.5f) - 0.344f * (cb - 0.5f)); }, y, u,
                v),
       ops::map([=](auto l, auto cb) { return bound(l + 1.773f * (cb - 0.5f)); }, y, u)},
      3)};
}

}  // namespace

void register_picture_maths_nodes(Table& table) {
  table.add(NodeOf<AddGrain>{.name = "ImageAddNoise",
                             .category = "image",
                             .description = "Adds noise of a normal distribution to a picture.",
                             .inputs = {Link("image", &AddGrain::image), Seed("seed", &AddGrain::seed),
                                        Float("strength", &AddGrain::strength).range(0.0, 1.0).step(0.01)},
                             .run = add_grain,
                             .foresee = like<AddGrain>(&AddGrain::image)});
  table.add(NodeOf<Morphology>{
      .name = "Morphology",
      .display = "ImageMorphology",
      .category = "image/postprocessing",
      .description = "Makes bright parts of a picture smaller (erode) or larger (dilate), or shows what that changes.",
      .inputs = {Link("image", &Morphology::image),
                 Choice("operation", &Morphology::operation,
                        {{"erode", Shaped::kErode},
                         {"dilate", Shaped::kDilate},
                         {"open", Shaped::kOpen},
                         {"close", Shaped::kClose},
                         {"gradient", Shaped::kGradient},
                         {"bottom_hat", Shaped::kBottomHat},
                         {"top_hat", Shaped::kTopHat}}),
                 Int("kernel_size", &Morphology::kernel_size).range(3, 999).step(1)},
      .run = shape_picture,
      .foresee = like<Morphology>(&Morphology::image)});
  const auto three = [](const ForeseenPicture& known) {
    ForeseenPicture out = known;
    out.channels = 3;
    return out;
  };
  table.add(NodeOf<Apart>{.name = "ImageRGBToYUV",
                          .display = "Image RGB to YUV",
                          .category = "image/color",
                          .description = "A picture's luminance, and how far blue and red are away from it.",
                          .inputs = {Link("image", &Apart::image)},
                          .outputs = {{.name = "Y"}, {.name = "U"}, {.name = "V"}},
                          .run = take_apart,
                          .foresee = [=](const Known<Apart>& in) -> Foreseen<Image, Image, Image> {
                            const ForeseenPicture* known = in(&Apart::image);
                            if (!known) return {};
                            return {three(*known), three(*known), three(*known)};
                          }});
  table.add(NodeOf<Together>{.name = "ImageYUVToRGB",
                             .display = "Image YUV to RGB",
                             .category = "image/color",
                             .description = "A picture from its luminance and colour differences.",
                             .inputs = {Link("Y", &Together::Y), Link("U", &Together::U), Link("V", &Together::V)},
                             .run = put_together,
                             .foresee = [=](const Known<Together>& in) -> Foreseen<Image> {
                               const ForeseenPicture* known = in(&Together::Y);
                               if (!known) return {};
                               return {three(*known)};
                             }});
}

}  // namespace easel::nodes
