#include "models/ip_adapter/ip_embeds.h"

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

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

Tensor combine_embeds(const Tensor& embeds, IpCombine how) {
  const int64_t n = embeds.dim(0);
  if (how == IpCombine::kConcat || n == 1) return embeds;
  const Tensor x = contiguous(convert(embeds, DType::kF32));
  Tensor sum = ops::reduce(x, ops::Reduction::kSum, 0, 0);
  const auto count = static_cast<float>(n);
  switch (how) {
    case IpCombine::kConcat: break;
    case IpCombine::kAdd: return sum;
    case IpCombine::kSubtract:
      return ops::map([=](auto first, auto all) { return first - (all - first) / (count - 1); }, x.slice(0, 0, 1), sum);
    case IpCombine::kAverage: return ops::reduce(x, ops::Reduction::kMean, 0, 0);
    case IpCombine::kNormAverage: {
      const Tensor squares = ops::reduce(ops::mul(x, x), ops::Reduction::kSum, 0, 0);
      return ops::map([=](auto all, auto square) { return select(square > 0, all / sqrt(square) / count, 0); }, sum,
                      squares);
    }
    case IpCombine::kMax: return ops::reduce(x, ops::Reduction::kMax, 0, 0);
    case IpCombine::kMin: return ops::reduce(x, ops::Reduction::kMin, 0, 0);
  }
  return embeds;
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
