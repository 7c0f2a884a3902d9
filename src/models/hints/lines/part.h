// What LineNetwork is made of: one of these.
#pragma once

#include "models/hints/lines/line_network.h"

namespace easel::models {

class LineNetwork::Part {
 public:
  virtual ~Part() = default;
  virtual LineKind kind() const = 0;
  virtual Tensor forward(const Tensor& pixels) const = 0;
  // Bytes that forward() needs for each pixel, at most.
  virtual size_t bytes_of_pixel() const = 0;
  virtual size_t bytes() const = 0;
  // Sides of what forward() takes are multiples of it, its channels as many.
  virtual int64_t multiple() const = 0;
  virtual int64_t channels() const { return 3; }
};

namespace lines {
using PartPtr = std::unique_ptr<const LineNetwork::Part>;
// Throw Error(kBadFile).
PartPtr drawing(const nn::Weights& w);
PartPtr anime(const nn::Weights& w);
PartPtr differences(const nn::Weights& w);
PartPtr tiny(const nn::Weights& w);
PartPtr straight(const nn::Weights& w);
}  // namespace lines

}  // namespace easel::models
