#include "ops/norm.h"

#include "ops/check.h"
#include "ops/counters.h"

namespace easel::ops {
namespace {

void check_parameter(const char* op, const Tensor& t, int64_t width) {
  if (t.dtype() != DType::kF32 || t.rank() != 1 || t.dim(0) != width || !t.contiguous())
    reject(op, "parameter " + t.str() + " for width " + std::to_string(width));
}

}  // namespace

Tensor group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                  Activation activation, std::optional<DType> type) {
  check_float("group_norm", x);
  if (x.rank() < 2 || !x.contiguous() || groups < 1 || x.dim(-1) % groups != 0)
    reject("group_norm", x.str() + " in " + std::to_string(groups) + " groups");
  if (activation != Activation::kNone && activation != Activation::kSilu) reject("group_norm", "activation");
  check_parameter("group_norm", weight, x.dim(-1));
  check_parameter("group_norm", bias, x.dim(-1));
  const Backend& backend = backend_of("group_norm", x, weight, bias);
  Tensor out(x.shape(), type.value_or(x.dtype()), x.device());
  if (x.numel() == 0) return out;
  CountOp count(OpKind::kNorm);
  count.add(0, 0, 2 * x.nbytes() + out.nbytes());
  backend.group_norm(x, weight, bias, groups, eps, activation, out);
  return out;
}

Tensor layer_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, float eps, std::optional<DType> type) {
  check_float("layer_norm", input);
  if (input.rank() < 1) reject("layer_norm", input.str());
  const Tensor x = contiguous(input);
  const int64_t c = x.dim(-1);
  if (weight.defined()) check_parameter("layer_norm", weight, c);
  if (bias.defined()) check_parameter("layer_norm", bias, c);
  const Backend& backend = backend_of("layer_norm", x, weight, bias);
  Tensor out(x.shape(), type.value_or(x.dtype()), x.device());
  if (x.numel() == 0) return out;
  CountOp count(OpKind::kNorm);
  count.add(0, 0, x.nbytes() + out.nbytes());
  backend.layer_norm(x, weight, bias, eps, out);
  return out;
}

}  // namespace easel::ops
