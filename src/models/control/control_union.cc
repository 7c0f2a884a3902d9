#include "models/control/control_union.h"

#include "models/unet/unet_blocks.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kHeads = 8;

// A linear layer in f32 of these widths.
nn::Linear linear(const nn::Weights& w, int64_t in, int64_t out) {
  expect_shape(w, "weight", {out, in});
  expect_shape(w, "bias", {out});
  return linear_f32(w);
}

}  // namespace

int64_t count_hint_kinds(const nn::Weights& w) {
  const auto tasks = w.shape("task_embedding");
  return tasks && tasks->rank() == 2 ? (*tasks)[0] : 0;
}

ControlUnion::ControlUnion(const nn::Weights& w, int64_t features, int64_t embedding) : kinds_(count_hint_kinds(w)) {
  if (kinds_ == 0) return;
  const auto coded = w.shape("control_add_embedding.linear_1.weight");
  const int64_t in = coded && coded->rank() == 2 ? (*coded)[1] : 2 * kinds_;
  if ((*w.shape("task_embedding"))[1] != features || features % kHeads != 0 || in == 0 || in % (2 * kinds_) != 0)
    throw Error(Fault::kBadFile,
                "the tensors that tell kinds of hints apart do not fit " + std::to_string(features) + " channels")
        .in_file(w.file());
  tasks_ = checked_parameter(w, "task_embedding", {kinds_, features});
  encoder_ = ClipEncoder(w["union"], {features, kHeads, numbered_children(w["union"]["layers"]),
                                      ops::Activation::kQuickGelu, /*causal=*/false});
  channels_ = linear(w["spatial_ch_projs"], features, features);
  kind_in_ = linear(w["control_add_embedding"]["linear_1"], in, embedding);
  kind_out_ = linear(w["control_add_embedding"]["linear_2"], embedding, embedding);
}

Tensor ControlUnion::mark(const Tensor& picture, int64_t kind) const {
  const int64_t n = picture.dim(0), c = picture.dim(3);
  const Tensor state =
      ops::add(ops::reduce(picture, ops::Reduction::kMean, 1, 2).view({n, c}), tasks_.slice(0, kind, 1));
  const Tensor added = channels_(encoder_(state.view({n, 1, c})).last);
  return ops::add(picture, added.view({n, 1, 1, c}));
}

Tensor ControlUnion::embedding(int64_t kind) const {
  std::vector<float> chosen(static_cast<size_t>(kinds_), 0.0f);
  if (kind >= 0) chosen[static_cast<size_t>(kind)] = 1.0f;
  const Tensor coded = ops::timestep_embedding(chosen, kind_in_.in_features() / kinds_, 10000.0f, tasks_.device());
  return kind_out_(kind_in_(coded.view({1, kind_in_.in_features()}), {.activation = ops::Activation::kSilu}));
}

size_t ControlUnion::bytes() const {
  return tasks_.defined()
             ? tasks_.nbytes() + encoder_.bytes() + channels_.bytes() + kind_in_.bytes() + kind_out_.bytes()
             : 0;
}

}  // namespace easel::models
