// Concatenation, repetition and resampling on the CPU, under the contracts of ops/backend.h.
#pragma once

#include <span>

#include "tensor/stored_tensor.h"

namespace easel::ops::cpu {

void concat(std::span<const Tensor> parts, int dim, Tensor& out);
void repeat(const Tensor& x, int64_t times, Tensor& out);
void upsample_nearest2x(const Tensor& x, Tensor& out);
void avg_pool2x(const Tensor& x, Tensor& out);
void pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out);
void pixel_shuffle(const Tensor& x, int64_t r, Tensor& out);
void embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out);
void timestep_embedding(std::span<const float> t, float max_period, Tensor& out);

}  // namespace easel::ops::cpu
