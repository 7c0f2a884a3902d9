// The networks of ultralytics' YOLOv8 and YOLO11, module by module with the attributes that their files have.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/tensors/torch_writer.h"

namespace easel::synth {

// How a size ("n", "m") differs from what the networks are described with.
struct YoloScale {
  double width = 1, depth = 1;
  int64_t most = 1024;  // channels, before `width`
};

// A detector of these kinds of things, with `masks` of their masks as well.
formats::TorchModule yolov8(const YoloScale& scale, const std::vector<std::string>& kinds, bool masks);
formats::TorchModule yolo11(const YoloScale& scale, const std::vector<std::string>& kinds, bool masks);

}  // namespace easel::synth
