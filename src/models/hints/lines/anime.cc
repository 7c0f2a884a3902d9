// pix2pix' UNet (Isola et al. 2017): each level halves the map, and the level below is joined to it on the way back.
#include "models/hints/lines/part.h"
#include "models/layers/convolutions.h"
#include "models/text/clip_encoder.h"

namespace easel::models::lines {
namespace {

using layers::Convolution, layers::InstanceNorm, layers::relu, layers::TurnedConvolution;

constexpr int64_t kColours = 3, kWindow = 4;
constexpr size_t kMostLevels = 8;  // of which pictures are brought to multiples

struct Level {
  Convolution down;
  TurnedConvolution up;
  InstanceNorm inner, outer;
};

class Anime : public LineNetwork::Part {
 public:
  explicit Anime(const nn::Weights& w) : device_(w.packer().device()) {
    // The outermost level is [down, level, rectified, up], those inside [rectified, down, norm, level, rectified, up,
    // norm], the innermost has neither norm nor level between.
    nn::Weights level = w["model"]["model"];
    int64_t outer = kColours;
    for (;;) {
      const bool outermost = levels_.empty();
      const nn::Weights down = level[outermost ? 0 : 1], below = level[outermost ? 1 : 3]["model"];
      const bool innermost = !below.has("1.weight");
      const int64_t inner = shape_of_rank(down, "weight", 4)[0], back = outermost ? 1 : outer;
      Level made;
      made.down = Convolution(down, outer, inner, {.size = kWindow, .stride = 2, .before = 1, .after = 1});
      made.up = TurnedConvolution(level[outermost   ? 3
                                        : innermost ? 3
                                                    : 5],
                                  innermost ? inner : 2 * inner, back, kWindow, 1);
      made.inner = InstanceNorm(inner, device_);
      made.outer = InstanceNorm(back, device_);
      levels_.push_back(std::move(made));
      if (outermost) width_ = inner;
      if (innermost) break;
      if (levels_.size() >= kMostLevels)
        throw Error(Fault::kBadFile, "has more levels than such a network has").in_file(w.file());
      outer = inner;
      level = below;
    }
    w.require_all();
  }

  LineKind kind() const override { return LineKind::kAnime; }
  int64_t multiple() const override { return int64_t{1} << levels_.size(); }
  Tensor forward(const Tensor& pixels) const override { return layers::tanh(level(0, pixels.to(device_))); }
  size_t bytes_of_pixel() const override { return static_cast<size_t>(width_) * 5 * sizeof(float); }
  size_t bytes() const override {
    size_t total = 0;
    for (const Level& l : levels_) total += l.down.bytes() + l.up.bytes();
    return total;
  }

 private:
  // What level i makes of a map; all but the outermost with the map itself before it.
  Tensor level(size_t i, const Tensor& x) const {
    constexpr float kSlope = 0.2f;
    const Level& l = levels_[i];
    const bool innermost = i + 1 == levels_.size();
    Tensor inner = l.down(i == 0 ? x : layers::leaky(x, kSlope));
    if (i > 0 && !innermost) inner = l.inner(inner);
    if (!innermost) inner = level(i + 1, inner);
    const Tensor out = l.up(relu(inner));
    return i == 0 ? out : ops::concat({x, l.outer(out)}, -1);
  }

  Device device_;
  int64_t width_ = 0;
  std::vector<Level> levels_;
};

}  // namespace

PartPtr anime(const nn::Weights& w) { return std::make_unique<const Anime>(w); }

}  // namespace easel::models::lines
