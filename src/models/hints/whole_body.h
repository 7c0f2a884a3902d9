// People with their hands and faces, found by DWPose's two networks.
#pragma once

#include <vector>

#include "image/pose/whole_body.h"
#include "models/onnx/network.h"

namespace easel::models {

struct WholeBodyFinders {
  OnnxHandle detector;  // without a model: the whole picture is taken for one person
  OnnxHandle estimator;
  image::Size network;  // the size of what the estimator takes
};

// Everyone in the picture, with red first, the likeliest first; places are pixels. Throws Error(kUnsupported) naming
// the file when a network gives something else than DWPose's.
std::vector<image::Person> find_whole_people(memory::Residency& residency, const WholeBodyFinders& finders,
                                             const image::BytePicture& picture);

}  // namespace easel::models
