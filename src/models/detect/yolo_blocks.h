// The blocks that ultralytics' YOLO networks are made of.
#pragma once

#include <memory>
#include <vector>

#include "models/detect/yolo_file.h"
#include "tensor/tensor.h"

namespace easel::models {

// A module that makes one map of another, [N,H,W,C] f32.
class YoloBlock {
 public:
  virtual ~YoloBlock() = default;
  virtual Tensor operator()(const Tensor& x) const = 0;
  virtual size_t bytes() const = 0;

  int64_t width = 0;   // channels of the result
  int64_t widest = 0;  // channels that are in memory while it computes, of maps of its input's size
  // Its result has sides of the input's times `up`, divided by `down`, rounded up.
  int64_t up = 1, down = 1;
};
using YoloBlockPtr = std::shared_ptr<const YoloBlock>;

// The block of a module that takes `in` channels. Batch norms become part of their convolutions. Throws
// Error(kUnsupported) naming the module for a class that Easel does not run, Error(kBadFile) for one whose tensors do
// not fit.
YoloBlockPtr make_yolo_block(const YoloModule& module, int64_t in);

}  // namespace easel::models
