#include "models/hints/whole_body.h"

namespace easel::models {
namespace {

// The first maps are the largest: half as high and wide as the input, of 64 channels, a few of them at a time.
size_t working(const Tensor& pixels) {
  constexpr int64_t kValuesOfPixel = 64;
  return static_cast<size_t>(pixels.dim(2) * pixels.dim(3) * kValuesOfPixel) * sizeof(float);
}

// What a network gives, of which `count` outputs are wanted, through what reads them.
template <class Read>
auto read_of(memory::Residency& residency, const OnnxHandle& handle, const Tensor& pixels, size_t count,
             const Read& read) {
  const std::vector<Tensor> said = handle.run(residency, pixels, working(pixels));
  try {
    if (said.size() < count)
      throw Error(Fault::kBadFile,
                  "gives " + std::to_string(said.size()) + " outputs, where DWPose gives " + std::to_string(count));
    return read(said);
  } catch (Error& e) {
    if (e.fault() != Fault::kBadFile && e.fault() != Fault::kUnsupported) throw;
    throw Error(Fault::kUnsupported, "this is no network of DWPose: it " + e.message()).in_file(handle.file);
  }
}

}  // namespace

std::vector<image::Person> find_whole_people(memory::Residency& residency, const WholeBodyFinders& finders,
                                             const image::BytePicture& picture) {
  std::vector<image::Box> boxes;
  if (finders.detector.model) {
    double ratio = 1;
    const Tensor pixels = image::detector_pixels(picture, ratio);
    boxes = read_of(residency, finders.detector, pixels, 1,
                    [&](const std::vector<Tensor>& said) { return image::people_boxes(said[0], ratio); });
  } else {
    boxes = {{0, 0, static_cast<float>(picture.width), static_cast<float>(picture.height)}};
  }
  std::vector<image::Person> out;
  for (const image::Box& box : boxes) {
    const image::PosePiece piece = image::pose_piece(picture, box, finders.network);
    out.push_back(read_of(residency, finders.estimator, piece.pixels, 2, [&](const std::vector<Tensor>& said) {
      return image::person_of(said[0], said[1], piece, finders.network);
    }));
  }
  return out;
}

}  // namespace easel::models
