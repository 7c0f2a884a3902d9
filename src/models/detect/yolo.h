// Detectors of the YOLO family (Redmon et al. 2016; Jocher et al. 2023, "Ultralytics YOLOv8" and "YOLO11"), in the
// files that ultralytics saves: face_yolov8m.pt, hand_yolov8s.pt, person_yolov8m-seg.pt.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "image/detect/detections.h"
#include "memory/resident.h"
#include "models/detect/yolo_file.h"

namespace easel::models {

// What a file says of its network as a whole.
struct YoloConfig {
  std::vector<std::string> kinds;  // names of what it finds
  image::Size size;                // that it was made for
  int64_t step = 32;               // what it sees has sides of multiples of this
  bool masks = false;              // it gives masks as well as boxes
  std::string family;              // "DetectionModel", as the file names it

  std::string summary() const;  // "YOLO of ultralytics that finds boxes of face and hand"
};

class YoloNetwork {
 public:
  // The whole network, of whose modules one after another makes a map of earlier maps. Throws Error(kBadFile), or
  // Error(kUnsupported) naming a module that Easel does not run.
  explicit YoloNetwork(const YoloModule& root);
  ~YoloNetwork();

  // pixels [1,H,W,3] f32 from 0 to 1, with sides of multiples of YoloConfig::step; what it says is on the host.
  image::DetectorSaid forward(const Tensor& pixels) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate(image::Size size) const;
  const YoloConfig& config() const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

struct YoloHandle {
  std::string file;
  YoloConfig config;
  std::shared_ptr<memory::Resident<YoloNetwork>> model;

  const std::string& kind_name(int64_t kind) const { return config.kinds.at(static_cast<size_t>(kind)); }
};

// From names, shapes and attributes alone. Throws as load_yolo() does.
YoloConfig read_yolo_config(const formats::ModelFile& file);

// Throws Error(kUnsupported) naming the file when it is no network of these families, Error(kBadFile) when it is
// damaged. It computes in f32.
YoloHandle load_yolo(memory::Residency& residency, const formats::ModelFile& file);

// What it finds in a picture with red first, as ultralytics' predict does with all but the threshold as it comes.
std::vector<image::Detection> detect(memory::Residency& residency, const YoloHandle& handle,
                                     const image::BytePicture& picture, double threshold, bool with_masks);

}  // namespace easel::models
