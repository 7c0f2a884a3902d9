#include "models/ip_adapter/ip_embeds.h"

#include <algorithm>
#include <cmath>

namespace easel::models {

Tensor ip_encode_images(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states, const Tensor& mask) {
  const ClipVisionOutput out =
      mask.defined() ? encode_masked_images(vision, images, mask) : encode_images(vision, images);
  return hidden_states ? out.penultimate_hidden_states : out.image_embeds;
}

IpEmbeds ip_embeds(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states, const Tensor& negative,
                   const Tensor& mask) {
  IpEmbeds out;
  out.cond = ip_encode_images(vision, images, hidden_states, mask);
  if (negative.defined()) {
    out.uncond = ip_encode_images(vision, negative, hidden_states);
  } else if (hidden_states) {
    const Tensor black = Tensor::zeros({1, vision.image_size, vision.image_size, 3});
    out.uncond = ip_encode_images(vision, black, hidden_states);
  } else {
    out.uncond = Tensor::zeros(out.cond.shape());
  }
  const int64_t wanted = out.cond.dim(0), given = out.uncond.dim(0);
  if (given > wanted) out.uncond = contiguous(out.uncond.slice(0, 0, wanted));
  if (given < wanted)
    out.uncond = ops::concat({out.uncond, ops::repeat(out.uncond.slice(0, given - 1, 1), wanted - given)}, 0);
  return out;
}

IpCombine ip_combine(std::string_view name) {
  if (name == "concat") return IpCombine::kConcat;
  if (name == "add") return IpCombine::kAdd;
  if (name == "subtract") return IpCombine::kSubtract;
  if (name == "average") return IpCombine::kAverage;
  if (name == "norm average") return IpCombine::kNormAverage;
  if (name == "max") return IpCombine::kMax;
  if (name == "min") return IpCombine::kMin;
  throw Error(Fault::kInvalid, "'" + std::string(name) + "' is no way to combine image embeds");
}

namespace {

// One element of the result from that element of n images, `stride` apart.
float combine_one(const float* x, int64_t n, int64_t stride, IpCombine how) {
  float sum = 0, squares = 0, largest = x[0], smallest = x[0];
  for (int64_t i = 0; i < n; ++i) {
    const float v = x[i * stride];
    sum += v;
    squares += v * v;
    largest = std::max(largest, v);
    smallest = std::min(smallest, v);
  }
  const auto count = static_cast<float>(n);
  switch (how) {
    case IpCombine::kConcat: break;
    case IpCombine::kAdd: return sum;
    case IpCombine::kSubtract: return x[0] - (sum - x[0]) / (count - 1);
    case IpCombine::kAverage: return sum / count;
    case IpCombine::kNormAverage: return squares > 0 ? sum / std::sqrt(squares) / count : 0.0f;
    case IpCombine::kMax: return largest;
    case IpCombine::kMin: return smallest;
  }
  return 0;
}

}  // namespace

Tensor combine_embeds(const Tensor& embeds, IpCombine how) {
  const int64_t n = embeds.dim(0);
  if (how == IpCombine::kConcat || n == 1) return embeds;
  const Tensor x = contiguous(convert(embeds, DType::kF32));
  Tensor out = clone(x.slice(0, 0, 1));
  const int64_t stride = out.numel();
  for (int64_t i = 0; i < stride; ++i) out.f32()[i] = combine_one(x.f32() + i, n, stride, how);
  return out;
}

IpTokens ip_tokens(const IpAdapterHandle& adapter, const IpEmbeds& embeds, IpCombine how, const Tensor& composition) {
  const auto model = adapter.model->get();
  const bool one = how != IpCombine::kConcat && embeds.cond.dim(0) > 1;
  IpTokens out;
  out.cond = model->tokens(combine_embeds(embeds.cond, how));
  out.uncond = model->tokens(one ? contiguous(embeds.uncond.slice(0, 0, 1)) : embeds.uncond);
  if (composition.defined()) out.composition = model->tokens(one ? combine_embeds(composition, how) : composition);
  return out;
}

}  // namespace easel::models
