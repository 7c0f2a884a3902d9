// Normal numbers as torch draws them on a graphics card, for workflows that were made with such noise.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace easel::sampling {

// torch.randn(n, device="cuda") after torch.cuda.manual_seed(seed) and as many draws `before`: value i is the first of
// the four that counter i gives by Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3")
// and the Box-Muller transform of curand. A card that has fewer threads than n has values draws the rest otherwise;
// cards that run diffusion models have more than 65,536.
void philox_randn(uint64_t seed, std::span<float> out, uint32_t before = 0);

// The same for a channels-last shape [N,h,w,C], drawn in torch's order of [N,C,h,w].
Tensor philox_randn(uint64_t seed, const Shape& shape, uint32_t before = 0);

}  // namespace easel::sampling
