#include "models/hints/people.h"

#include <array>

#include "image/pose/score_maps.h"
#include "image/scale/aligned.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

using image::BytePicture;
using image::Size;

constexpr double kBox = 368;  // pixels; the networks were trained on people of about this size
constexpr int64_t kStride = 8;

PoseMaps maps_of(memory::Residency& residency, const PoseHandle& handle, const BytePicture& picture) {
  const Tensor pixels = image::pose_pixels(picture);
  const auto model = handle.model->get();
  const auto working = residency.hold(PoseNetwork::memory_estimate(pixels.dim(1), pixels.dim(2)), "OpenPose at work");
  return model->forward(pixels);
}

// A map at the size of the picture that it was made of, then at another.
Tensor at_size(const Tensor& map, Size shown, Size size) {
  const Tensor one = map.view({map.dim(1), map.dim(2), map.dim(3)});
  const Tensor large = image::pose_resized(one, {one.dim(1) * kStride, one.dim(0) * kStride});
  return image::pose_resized(large.slice(0, 0, shown.height).slice(1, 0, shown.width), size);
}

std::vector<image::Body> bodies(memory::Residency& residency, const PoseHandle& finder, const BytePicture& picture) {
  const double scale = 0.5 * kBox / static_cast<double>(picture.height);
  const Size shown{static_cast<int64_t>(static_cast<double>(picture.width) * scale),
                   static_cast<int64_t>(static_cast<double>(picture.height) * scale)};
  if (shown.width < 1)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(picture.width) + " x " +
                                     std::to_string(picture.height) + " pixels is too narrow to look for people in");
  const PoseMaps maps = maps_of(residency, finder, image::pose_resized(picture, shown));
  const Size size{picture.width, picture.height};
  return image::find_bodies(at_size(maps.heat, shown, size), at_size(maps.fields, shown, size));
}

}  // namespace

image::SmallParts hand_in(memory::Residency& residency, const PoseHandle& finder, const BytePicture& picture,
                          const image::Square& place) {
  const BytePicture piece = image::cut_out(picture, place.x, place.y, place.side, place.side);
  const BytePicture soft = image::slightly_blurred(piece);
  constexpr std::array<double, 4> kSizes{0.5, 1.0, 1.5, 2.0};
  constexpr int64_t kMap = 128;
  Tensor mean;
  for (const double size : kSizes) {
    const auto side = static_cast<int64_t>(size * kBox);
    const PoseMaps maps = maps_of(residency, finder, image::pose_resized(soft, {side, side}));
    const Tensor part =
        ops::affine(at_size(maps.heat, {side, side}, {kMap, kMap}), 1.0f / static_cast<float>(kSizes.size()));
    mean = mean.defined() ? ops::add(mean, part) : part;
  }
  return image::in_picture(image::hand_peaks(mean, piece.height, piece.width), place.x, place.y, picture.height,
                           picture.width);
}

image::SmallParts face_in(memory::Residency& residency, const PoseHandle& finder, const BytePicture& picture,
                          const image::Square& place) {
  const BytePicture piece = image::cut_out(picture, place.x, place.y, place.side, place.side);
  constexpr int64_t kSide = 384;
  const PoseMaps maps = maps_of(residency, finder, image::pose_resized(piece, {kSide, kSide}));
  const Tensor heat = image::resize_aligned(maps.heat, {piece.width, piece.height}, false);
  return image::in_picture(image::face_peaks(heat.view({heat.dim(1), heat.dim(2), heat.dim(3)})), place.x, place.y,
                           picture.height, picture.width);
}

std::vector<image::Person> find_people(memory::Residency& residency, const PeopleFinders& finders,
                                       const BytePicture& picture) {
  std::vector<image::Person> out;
  for (const image::Body& body : bodies(residency, finders.body, picture)) {
    image::Person person;
    if (finders.hand.model) {
      const image::HandPlaces places = image::hand_places(body, picture.height, picture.width);
      if (places.left) person.left_hand = hand_in(residency, finders.hand, picture, *places.left);
      if (places.right) person.right_hand = hand_in(residency, finders.hand, picture, *places.right);
    }
    if (finders.face.model)
      if (const auto place = image::face_place(body, picture.height, picture.width))
        person.face = face_in(residency, finders.face, picture, *place);
    for (size_t i = 0; i < image::kBodyParts; ++i)
      if (const auto& part = body.parts[i])
        person.body.parts[i] = image::Keypoint{part->x / static_cast<double>(picture.width),
                                               part->y / static_cast<double>(picture.height), part->score};
    out.push_back(std::move(person));
  }
  return out;
}

}  // namespace easel::models
