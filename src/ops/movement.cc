// Concatenation, repetition, resampling: ops that move values and compute little or nothing.
#include "ops/check.h"
#include "ops/counters.h"
#include "ops/elementwise.h"

namespace easel::ops {
namespace {

void check_map(const char* op, const Tensor& x) {
  check_float(op, x);
  if (x.rank() != 4) reject(op, x.str() + " is not [N,H,W,C]");
}

// Counts and computes an op that moves the values of x into an output of `shape`.
template <class Compute>
Tensor moved(const char* op, const Tensor& x, const Shape& shape, const Compute& compute) {
  const Backend& backend = backend_of(op, x);
  CountOp count(OpKind::kMovement);
  Tensor out(shape, x.dtype(), x.device());
  if (out.numel() == 0) return out;
  compute(backend, out);
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

}  // namespace

Tensor concat(std::span<const Tensor> parts, int dim) {
  if (parts.empty()) reject("concat", "nothing to join");
  Shape shape = parts[0].shape();
  if (dim < 0) dim += shape.rank();
  if (dim < 0 || dim >= shape.rank()) reject("concat", "dimension of " + parts[0].str());
  shape[dim] = 0;
  for (const Tensor& t : parts) {
    bool fits = t.rank() == shape.rank() && t.dtype() == parts[0].dtype();
    for (int d = 0; fits && d < shape.rank(); ++d) fits = d == dim || t.dim(d) == shape[d];
    if (!fits) reject("concat", t.str() + " beside " + parts[0].str());
    backend_of("concat", parts[0], t);
    shape[dim] += t.dim(dim);
  }
  return moved("concat", parts[0], shape,
               [&](const Backend& backend, Tensor& out) { backend.concat(parts, dim, out); });
}

Tensor concat(std::initializer_list<Tensor> parts, int dim) {
  return concat(std::span<const Tensor>(parts.begin(), parts.size()), dim);
}

Tensor repeat(const Tensor& x, int64_t times) {
  if (!x.defined() || x.rank() < 1 || times < 0) reject("repeat", x.str());
  Shape shape = x.shape();
  shape[0] *= times;
  return moved("repeat", x, shape, [&](const Backend& backend, Tensor& out) { backend.repeat(x, times, out); });
}

Tensor upsample_nearest2x(const Tensor& x) {
  check_map("upsample_nearest2x", x);
  return moved("upsample_nearest2x", x, {x.dim(0), 2 * x.dim(1), 2 * x.dim(2), x.dim(3)},
               [&](const Backend& backend, Tensor& out) { backend.upsample_nearest2x(x, out); });
}

Tensor avg_pool2x(const Tensor& x) {
  check_map("avg_pool2x", x);
  return moved("avg_pool2x", x, {x.dim(0), x.dim(1) / 2, x.dim(2) / 2, x.dim(3)},
               [&](const Backend& backend, Tensor& out) { backend.avg_pool2x(x, out); });
}

Tensor pixel_unshuffle(const Tensor& x, int64_t r) {
  check_map("pixel_unshuffle", x);
  if (r < 1 || x.dim(1) % r != 0 || x.dim(2) % r != 0) reject("pixel_unshuffle", x.str() + " by " + std::to_string(r));
  return moved("pixel_unshuffle", x, {x.dim(0), x.dim(1) / r, x.dim(2) / r, x.dim(3) * r * r},
               [&](const Backend& backend, Tensor& out) { backend.pixel_unshuffle(x, r, out); });
}

Tensor pixel_shuffle(const Tensor& x, int64_t r) {
  check_map("pixel_shuffle", x);
  if (r < 1 || x.dim(3) % (r * r) != 0) reject("pixel_shuffle", x.str() + " by " + std::to_string(r));
  return moved("pixel_shuffle", x, {x.dim(0), x.dim(1) * r, x.dim(2) * r, x.dim(3) / (r * r)},
               [&](const Backend& backend, Tensor& out) { backend.pixel_shuffle(x, r, out); });
}

Tensor embedding(const StoredTensor& table, std::span<const int32_t> ids, DType dtype, Device device) {
  if (!table.defined() || table.rank() != 2 || !table.is_float()) reject("embedding", "table " + table.str());
  for (const int32_t id : ids)
    if (id < 0 || id >= table.dim(0))
      reject("embedding", "row " + std::to_string(id) + " of " + std::to_string(table.dim(0)));
  const Backend& computes = backend(device);
  CountOp count(OpKind::kMovement);
  Tensor out({static_cast<int64_t>(ids.size()), table.dim(1)}, dtype, device);
  if (out.numel() == 0) return out;
  computes.embedding(table, ids, out);
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

Tensor timestep_embedding(std::span<const float> t, int64_t dim, float max_period, Device device) {
  if (dim < 2) reject("timestep_embedding", "width " + std::to_string(dim));
  const Backend& computes = backend(device);
  Tensor out({static_cast<int64_t>(t.size()), dim}, DType::kF32, device);
  if (out.numel() > 0) computes.timestep_embedding(t, max_period, out);
  return out;
}

}  // namespace easel::ops
