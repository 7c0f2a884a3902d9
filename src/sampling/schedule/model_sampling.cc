#include "sampling/schedule/model_sampling.h"

#include <algorithm>
#include <cmath>

namespace easel::sampling {

bool ModelSampling::is_pure_noise(float sigma) const {
  const double highest = sigma_max(), level = sigma;
  return level > highest || std::fabs(highest - level) <= 1e-5 * std::max(highest, level);
}

}  // namespace easel::sampling
