// POSE_KEYPOINT: where people are in pictures.
#pragma once

#include <string>
#include <vector>

#include "image/pose/people.h"
#include "node_api/value.h"

namespace easel::nodes {

struct PoseKeypoints {
  struct Frame {
    std::vector<image::Person> people;
    int64_t height = 0, width = 0;  // of the hint, or of the picture where places are in its pixels
  };
  std::vector<Frame> frames;
};

template <>
struct LinkType<PoseKeypoints> {
  static constexpr const char* kName = "POSE_KEYPOINT";
  using Held = PoseKeypoints;
  using Foreseen = void;
  static size_t bytes(const Held& held) {
    size_t out = 0;
    for (const Held::Frame& frame : held.frames)
      for (const image::Person& person : frame.people)
        out += sizeof person +
               (person.left_hand.size() + person.right_hand.size() + person.face.size()) * sizeof(image::SmallPart);
    return out;
  }
};

// As OpenPose writes them: for each picture its people with x, y and 1 for each part, 0 for those that are not there.
std::string keypoints_as_json(const PoseKeypoints& keypoints);

}  // namespace easel::nodes
