#include "image/pose/whole_body.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/cancel.h"
#include "base/error.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

constexpr int64_t kKinds = 80, kOfCell = kKinds + 5, kParts = 133;
constexpr std::array<int64_t, 3> kStrides{8, 16, 32};

// --- The detector ---

float overlap(const Box& a, const Box& b) {
  const auto area = [](const Box& box) { return (box.right - box.left + 1) * (box.bottom - box.top + 1); };
  const float w = std::max(0.0f, std::min(a.right, b.right) - std::max(a.left, b.left) + 1),
              h = std::max(0.0f, std::min(a.bottom, b.bottom) - std::max(a.top, b.top) + 1);
  return w * h / (area(a) + area(b) - w * h);
}

// --- The estimator ---

// A byte picture under OpenCV's warpAffine() with INTER_LINEAR: places in 32nds of pixels, black outside. `from` maps
// new pixels to old ones: x -> scale x + shift.
struct Mapping {
  double scale = 1, shift = 0;
};

BytePicture warped(const BytePicture& in, Size size, const Mapping& x_map, const Mapping& y_map) {
  constexpr int kPlaceBits = 10, kPartBits = 5, kSteps = 1 << kPartBits;
  constexpr double kPlace = 1 << kPlaceBits;
  const auto whole = [](double v) { return static_cast<int64_t>(std::nearbyint(v)); };
  BytePicture out(size.height, size.width, in.channels);
  for (int64_t y = 0; y < size.height; ++y) {
    poll_cancelled();
    constexpr int64_t kHalf = 1 << (kPlaceBits - kPartBits - 1);
    const int64_t row =
        (whole((y_map.scale * static_cast<double>(y) + y_map.shift) * kPlace) + kHalf) >> (kPlaceBits - kPartBits);
    for (int64_t x = 0; x < size.width; ++x) {
      const int64_t column =
          (whole(x_map.shift * kPlace) + kHalf + whole(x_map.scale * static_cast<double>(x) * kPlace)) >>
          (kPlaceBits - kPartBits);
      const int64_t top = row >> kPartBits, left = column >> kPartBits, down = row & (kSteps - 1),
                    right = column & (kSteps - 1);
      for (int64_t c = 0; c < in.channels; ++c) {
        const auto pixel = [&](int64_t r, int64_t k) -> int64_t {
          return r < 0 || k < 0 || r >= in.height || k >= in.width ? 0 : in.at(r, k)[c];
        };
        const int64_t sum = (kSteps - down) * ((kSteps - right) * pixel(top, left) + right * pixel(top, left + 1)) +
                            down * ((kSteps - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1));
        out.at(y, x)[c] = static_cast<uint8_t>((sum + kSteps * kSteps / 2) / (kSteps * kSteps));
      }
    }
  }
  return out;
}

struct Found {
  double x = 0, y = 0;
  double score = 0;
};

// Where a row is highest.
std::pair<int64_t, float> highest(const float* row, int64_t count) {
  const float* at = std::max_element(row, row + count);
  return {at - row, *at};
}

SmallParts small_parts(const std::vector<Found>& all, size_t first, size_t count) {
  constexpr double kSure = 0.3;
  SmallParts out;
  bool any = false;
  for (size_t i = first; i < first + count; ++i) {
    const bool found = all[i].score >= kSure;
    any = any || found;
    out.push_back(found ? SmallPart{static_cast<float>(all[i].x), static_cast<float>(all[i].y)}
                        : SmallPart{-1, -1, false});
  }
  return any ? out : SmallParts{};
}

}  // namespace

Tensor detector_pixels(const BytePicture& picture, double& ratio) {
  const auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
  ratio = std::min(static_cast<double>(kDetectorSide) / height, static_cast<double>(kDetectorSide) / width);
  const Size size{static_cast<int64_t>(width * ratio), static_cast<int64_t>(height * ratio)};
  if (size.width < 1 || size.height < 1)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(picture.width) + " x " +
                                     std::to_string(picture.height) + " pixels is too narrow to look for people in");
  const BytePicture shown = resized(picture, size, ByteFilter::kLinear);
  constexpr float kGrey = 114;
  Tensor out = Tensor::full({1, 3, kDetectorSide, kDetectorSide}, kGrey);
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < size.height; ++y)
      for (int64_t x = 0; x < size.width; ++x)
        out.f32()[(c * kDetectorSide + y) * kDetectorSide + x] = static_cast<float>(shown.at(y, x)[c]);
  return out;
}

std::vector<Box> people_boxes(const Tensor& said, double ratio) {
  int64_t cells = 0;
  for (const int64_t stride : kStrides) cells += (kDetectorSide / stride) * (kDetectorSide / stride);
  if (!(said.shape() == Shape{1, cells, kOfCell}))
    throw Error(Fault::kBadFile,
                "gives " + said.shape().str() + ", where YOLOX gives " + Shape{1, cells, kOfCell}.str());
  const Tensor dense = contiguous(said);
  const float* cell = dense.f32();
  const auto by = static_cast<float>(ratio);
  std::vector<Box> boxes;
  std::vector<float> scores;
  constexpr float kLikely = 0.1f, kSure = 0.3f, kSame = 0.45f;
  for (const int64_t stride : kStrides)
    for (int64_t y = 0; y < kDetectorSide / stride; ++y)
      for (int64_t x = 0; x < kDetectorSide / stride; ++x, cell += kOfCell) {
        const float score = cell[4] * cell[5];  // of a thing, and of a person among things
        if (!(score > kLikely)) continue;
        const auto placed = [&](float v, int64_t at) {
          return static_cast<float>((static_cast<double>(v) + static_cast<double>(at)) * static_cast<double>(stride));
        };
        const float cx = placed(cell[0], x), cy = placed(cell[1], y);
        const float w = std::exp(cell[2]) * static_cast<float>(stride),
                    h = std::exp(cell[3]) * static_cast<float>(stride);
        boxes.push_back({(cx - w / 2) / by, (cy - h / 2) / by, (cx + w / 2) / by, (cy + h / 2) / by});
        scores.push_back(score);
      }
  std::vector<size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  std::reverse(order.begin(), order.end());
  constexpr size_t kMost = 1000;
  constexpr float kFar = 1e6f;
  std::vector<Box> out;
  for (const size_t i : order) {
    poll_cancelled();
    if (!(scores[i] > kSure)) break;  // what is less likely takes no box from those before
    const Box& box = boxes[i];
    const auto near = [](float v) { return std::abs(v) < kFar; };
    if (!near(box.left) || !near(box.top) || !near(box.right) || !near(box.bottom)) continue;
    if (!std::all_of(out.begin(), out.end(), [&](const Box& kept) { return overlap(kept, box) <= kSame; })) continue;
    if (out.size() == kMost)
      throw Error(Fault::kUnsupported, "finds more than " + std::to_string(kMost) + " people in one picture");
    out.push_back(box);
  }
  return out;
}

PosePiece pose_piece(const BytePicture& picture, const Box& box, Size network) {
  constexpr float kMargin = 1.25f;
  const float aspect = static_cast<float>(network.width) / static_cast<float>(network.height);
  const float cx = (box.left + box.right) * 0.5f, cy = (box.top + box.bottom) * 0.5f;
  float w = (box.right - box.left) * kMargin, h = (box.bottom - box.top) * kMargin;
  if (w > h * aspect) h = w / aspect;
  else w = h * aspect;
  PosePiece out;
  out.centre = {static_cast<double>(cx), static_cast<double>(cy)};
  out.size = {static_cast<double>(w), static_cast<double>(h)};
  // Three points that OpenCV's getAffineTransform() is given, as f32: the centre, the middle of the upper side, and a
  // corner beside it. The width decides the scale of both sides.
  const float up = cy - w * 0.5f, beside = cx - (cy - up);
  const double half = 0.5 * static_cast<double>(network.width);
  constexpr double kLeast = 1e-3;  // pixels: less than that is no box
  const double step_y = std::max((static_cast<double>(cy) - static_cast<double>(up)) / half, kLeast / half),
               step_x = std::max((static_cast<double>(cx) - static_cast<double>(beside)) / half, kLeast / half);
  const auto shift = [](float centre, int64_t side, double step) {
    return static_cast<double>(centre) - 0.5 * static_cast<double>(side) * step;
  };
  // Places far beyond any picture are as black as those just outside, and would overflow.
  constexpr double kFar = 1e9;
  const auto bounded = [=](double v) { return std::clamp(v, -kFar, kFar); };
  const BytePicture piece = warped(picture, network, {bounded(step_x), bounded(shift(cx, network.width, step_x))},
                                   {bounded(step_y), bounded(shift(cy, network.height, step_y))});
  constexpr std::array<double, 3> kMean{123.675, 116.28, 103.53}, kDeviation{58.395, 57.12, 57.375};
  out.pixels = Tensor({1, 3, network.height, network.width});
  for (size_t c = 0; c < kMean.size(); ++c)
    for (int64_t y = 0; y < network.height; ++y)
      for (int64_t x = 0; x < network.width; ++x)
        out.pixels.f32()[(static_cast<int64_t>(c) * network.height + y) * network.width + x] =
            static_cast<float>((static_cast<double>(piece.at(y, x)[c]) - kMean[c]) / kDeviation[c]);
  return out;
}

Person person_of(const Tensor& along_x, const Tensor& along_y, const PosePiece& piece, Size network) {
  const Shape wanted_x{1, kParts, 2 * network.width}, wanted_y{1, kParts, 2 * network.height};
  if (!(along_x.shape() == wanted_x) || !(along_y.shape() == wanted_y))
    throw Error(Fault::kBadFile, "gives " + along_x.shape().str() + " and " + along_y.shape().str() +
                                     ", where DWPose gives " + wanted_x.str() + " and " + wanted_y.str());
  const Tensor xs = contiguous(along_x), ys = contiguous(along_y);
  std::vector<Found> parts;
  for (int64_t i = 0; i < kParts; ++i) {
    const auto [x, x_score] = highest(xs.f32() + i * wanted_x[2], wanted_x[2]);
    const auto [y, y_score] = highest(ys.f32() + i * wanted_y[2], wanted_y[2]);
    const float score = std::min(x_score, y_score);
    const auto place = [&](int64_t at, int64_t side, size_t d) {
      const double here = score > 0 ? static_cast<double>(at) / 2 : -0.5;
      return here / static_cast<double>(side) * piece.size[d] + piece.centre[d] - piece.size[d] / 2;
    };
    parts.push_back({place(x, network.width, 0), place(y, network.height, 1), static_cast<double>(score)});
  }
  // The neck is between the shoulders, and is there when both are; then come the parts of the feet, the face, the
  // hands.
  constexpr size_t kNeck = 17, kLeftShoulder = 5, kRightShoulder = 6;
  constexpr double kSure = 0.3;
  const Found &left = parts[kLeftShoulder], &right = parts[kRightShoulder];
  parts.insert(parts.begin() + kNeck, Found{(left.x + right.x) / 2, (left.y + right.y) / 2,
                                            left.score > kSure && right.score > kSure ? 1.0 : 0.0});
  // Of OpenPose's 18 parts in COCO's order with the neck behind them.
  constexpr std::array<size_t, kBodyParts> kOrder{0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3};
  Person out;
  for (size_t i = 0; i < kOrder.size(); ++i)
    if (const Found& part = parts[kOrder[i]]; part.score >= kSure)
      out.body.parts[i] = Keypoint{part.x, part.y, part.score};
  constexpr size_t kFace = 24, kFaceParts = 68, kLeftHand = 92, kRightHand = 113;
  out.face = small_parts(parts, kFace, kFaceParts);
  out.left_hand = small_parts(parts, kLeftHand, kHandParts);
  out.right_hand = small_parts(parts, kRightHand, kHandParts);
  // OpenPose's faces have the eyes as well.
  constexpr std::array<size_t, 2> kEyes{14, 15};
  if (!out.face.empty())
    for (const size_t eye : kEyes) {
      const auto& part = out.body.parts[eye];
      out.face.push_back(part ? SmallPart{static_cast<float>(part->x), static_cast<float>(part->y)}
                              : SmallPart{-1, -1, false});
    }
  return out;
}

}  // namespace easel::image
