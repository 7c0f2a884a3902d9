// People in pictures, found by OpenPose's networks.
#pragma once

#include <vector>

#include "image/pose/people.h"
#include "models/hints/pose_network.h"

namespace easel::models {

struct PeopleFinders {
  PoseHandle body;
  PoseHandle hand, face;  // without a model: not looked for
};

// Everyone in the picture, with red first; places are parts of its sides. Resizing, thresholds and what is put together
// are those of comfyui_controlnet_aux.
std::vector<image::Person> find_people(memory::Residency& residency, const PeopleFinders& finders,
                                       const image::BytePicture& picture);

// What a network of hands or faces finds in a square of the picture.
image::SmallParts hand_in(memory::Residency& residency, const PoseHandle& finder, const image::BytePicture& picture,
                          const image::Square& place);
image::SmallParts face_in(memory::Residency& residency, const PoseHandle& finder, const image::BytePicture& picture,
                          const image::Square& place);

}  // namespace easel::models
