// Finding out how much memory a model's packed weights will take without packing them.
#pragma once

namespace easel::ops {

// While it lives, linear layers and convolutions that are packed on this thread get their shapes and their exact
// `bytes`, but no memory and no values; they must not be computed with.
class MeasuringScope {
 public:
  MeasuringScope();
  ~MeasuringScope();
  MeasuringScope(const MeasuringScope&) = delete;
  MeasuringScope& operator=(const MeasuringScope&) = delete;

 private:
  bool before_;
};

// Whether a MeasuringScope lives on this thread.
bool measuring();

}  // namespace easel::ops
