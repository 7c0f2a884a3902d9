// OpenPose's networks for bodies, hands and faces (Wei et al. 2016, "Convolutional Pose Machines"; Cao et al. 2017;
// Simon et al. 2017), in the layout of body_pose_model.pth, hand_pose_model.pth and facenet.pth.
#pragma once

#include <memory>
#include <string>

#include "memory/resident.h"
#include "nn/weights.h"

namespace easel::models {

enum class PoseKind { kNone, kBody, kHand, kFace };
// Which of the networks a file holds, by its keys and shapes.
PoseKind pose_kind(const StoredTensors& file);
const char* pose_kind_name(PoseKind kind);

// What the last stage says of the picture, [1,H/8,W/8,C] f32 on the host.
struct PoseMaps {
  Tensor heat;    // 19 channels of a body, 22 of a hand, 71 of a face: the places of parts
  Tensor fields;  // 38, of a body: the directions of limbs; else undefined
};

class PoseNetwork {
 public:
  // Throws Error(kBadFile).
  explicit PoseNetwork(const nn::Weights& w);
  ~PoseNetwork();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // pixels [1,H,W,3] f32 from -0.5 to 0.5, blue first; sides are multiples of 8.
  PoseMaps forward(const Tensor& pixels) const;
  // Working memory of forward(). Estimated from above.
  static size_t memory_estimate(int64_t height, int64_t width);
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

struct PoseHandle {
  std::string file;
  PoseKind kind = PoseKind::kNone;
  std::shared_ptr<memory::Resident<PoseNetwork>> model;
};

// Throws Error(kUnsupported) naming the file if it is no network of the wanted kind, Error(kBadFile) if it is damaged.
// It computes in f32, as the original does whatever the card.
PoseHandle load_pose_network(memory::Residency& residency, const StoredTensors& file, PoseKind wanted,
                             const std::string& file_name);

}  // namespace easel::models
