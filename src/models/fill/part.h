// What HoleFiller is made of: one of these.
#pragma once

#include <vector>

#include "models/fill/hole_filler.h"

namespace easel::models {

class HoleFiller::Part {
 public:
  virtual ~Part() = default;
  virtual FillerKind kind() const = 0;
  virtual int64_t side() const = 0;
  // picture and mask as HoleFiller has them; what stands in the holes, elsewhere anything.
  virtual Tensor forward(const Tensor& picture, const Tensor& mask, uint64_t seed) const = 0;
  virtual size_t memory_estimate() const = 0;
  virtual size_t bytes() const = 0;
};

namespace fill {
using PartPtr = std::unique_ptr<const HoleFiller::Part>;
// Throw Error(kBadFile).
PartPtr lama(const nn::Weights& w);
PartPtr mat(const nn::Weights& w);
}  // namespace fill

}  // namespace easel::models
