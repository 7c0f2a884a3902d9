#include "ops/arithmetic/reduce.h"

#include "ops/check.h"
#include "ops/counters.h"

namespace easel::ops {

Tensor reduce(const Tensor& x, Reduction how, int first, int last) {
  check_float("reduce", x);
  if (first < 0) first += x.rank();
  if (last < 0) last += x.rank();
  if (first < 0 || last >= x.rank() || first > last || x.numel() == 0)
    reject("reduce", x.str() + " over dimensions " + std::to_string(first) + " to " + std::to_string(last));
  Shape shape = x.shape();
  int64_t inner = 1, reduced = 1;
  for (int d = first; d <= last; ++d) {
    reduced *= shape[d];
    shape[d] = 1;
  }
  for (int d = last + 1; d < shape.rank(); ++d) inner *= shape[d];
  const Backend& backend = backend_of("reduce", x);
  CountOp count(OpKind::kPointwise);
  Tensor out(shape, DType::kF32, x.device());
  backend.reduce(contiguous(x).view({-1, reduced, inner}), how, out);
  count.add(0, 0, x.nbytes() + out.nbytes());
  return out;
}

std::vector<float> read(const Tensor& x) {
  check_float("read", x);
  const Tensor here = contiguous(convert(x, DType::kF32)).to(kHost);
  return {here.values().begin(), here.values().end()};
}

float item(const Tensor& x) {
  if (!x.defined() || x.numel() != 1) reject("item", x.defined() ? x.str() : "nothing");
  return read(x)[0];
}

}  // namespace easel::ops
