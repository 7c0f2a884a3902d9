#include "nodes/extensions/krita/pose_keypoints.h"

#include <nlohmann/json.hpp>

namespace easel::nodes {
namespace {

using Json = nlohmann::ordered_json;

Json parts_of(const image::Body& body) {
  Json out = Json::array();
  for (const auto& part : body.parts)
    for (const double v : {part ? part->x : 0.0, part ? part->y : 0.0, part ? 1.0 : 0.0}) out.push_back(v);
  return out;
}

Json parts_of(const image::SmallParts& parts) {
  if (parts.empty()) return nullptr;
  Json out = Json::array();
  for (const image::SmallPart& part : parts)
    for (const double v : {static_cast<double>(part.x), static_cast<double>(part.y), 1.0})
      out.push_back(part.found ? v : 0.0);
  return out;
}

}  // namespace

std::string keypoints_as_json(const PoseKeypoints& keypoints) {
  Json out = Json::array();
  for (const PoseKeypoints::Frame& frame : keypoints.frames) {
    Json people = Json::array();
    for (const image::Person& person : frame.people)
      people.push_back({{"pose_keypoints_2d", parts_of(person.body)},
                        {"face_keypoints_2d", parts_of(person.face)},
                        {"hand_left_keypoints_2d", parts_of(person.left_hand)},
                        {"hand_right_keypoints_2d", parts_of(person.right_hand)}});
    out.push_back({{"people", std::move(people)}, {"canvas_height", frame.height}, {"canvas_width", frame.width}});
  }
  return out.dump(4);
}

}  // namespace easel::nodes
