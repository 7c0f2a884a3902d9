#include "ops/cpu/product.h"

#include "ops/cpu/cpu_features.h"
#include "ops/cpu/dnnl.h"

namespace easel::ops::cpu {
namespace {

// Matrix registers multiply bf16 several times faster than vectors do; oneDNN has kernels for them.
bool prefer_dnnl(DType compute) { return compute == DType::kBF16 && has_amx_bf16() && isa() == Isa::kAvx512Bf16; }

}  // namespace

PackedLinearPtr make_linear(const Tensor& weight, const Tensor& bias, DType compute, bool geglu) {
  return prefer_dnnl(compute) ? make_dnnl_linear(weight, bias, compute, geglu)
                              : make_panel_linear(weight, bias, compute, geglu);
}

PackedConvPtr make_conv(const Tensor& weight, const Tensor& bias, const ConvShape& shape, DType compute) {
  return prefer_dnnl(compute) ? make_dnnl_conv(weight, bias, shape, compute)
                              : make_panel_conv(weight, bias, shape, compute);
}

}  // namespace easel::ops::cpu
