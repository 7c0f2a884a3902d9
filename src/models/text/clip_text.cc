#include "models/text/clip_text.h"

#include <algorithm>

#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/formula.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

constexpr int64_t kHeadWidth = 64;

Shape matrix_shape(const nn::Weights& w, const std::string& name) {
  const auto shape = w.shape(name);
  if (!shape) throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "' is missing").in_file(w.file());
  if (shape->rank() != 2 || (*shape)[0] < 1 || (*shape)[1] < 1)
    throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "' should be a matrix, but has shape " + shape->str())
        .in_file(w.file());
  return *shape;
}

}  // namespace

ClipTextConfig read_clip_text_config(const nn::Weights& w) {
  const nn::Weights model = w["text_model"], tables = model["embeddings"];
  ClipTextConfig c;
  const Shape tokens = matrix_shape(tables, "token_embedding.weight");
  const Shape positions = matrix_shape(tables, "position_embedding.weight");
  c.vocabulary = tokens[0];
  c.width = tokens[1];
  c.positions = positions[0];
  if (positions[1] != c.width || c.width % kHeadWidth != 0)
    throw Error(Fault::kBadFile, "the text encoder's tables are " + tokens.str() + " and " + positions.str() +
                                     ": one width, a multiple of 64, is expected")
        .in_file(w.file());
  c.heads = c.width / kHeadWidth;
  c.layers = numbered_children(model["encoder"]["layers"]);
  c.nominal_layers = c.layers == 23 ? 24 : c.layers;
  c.activation = c.layers < 23 ? ops::Activation::kQuickGelu : ops::Activation::kGelu;
  c.projected = w.has("text_projection.weight");
  c.projection = c.projected ? matrix_shape(w, "text_projection.weight")[0] : c.width;
  return c;
}

ClipTextModel::ClipTextModel(const nn::Weights& w) : config_(read_clip_text_config(w)), compute_(w.compute()) {
  const nn::Weights model = w["text_model"], tables = model["embeddings"];
  token_table_ = tables.get("token_embedding.weight");
  position_table_ = checked_parameter(tables, "position_embedding.weight", {config_.positions, config_.width});
  encoder_ = ClipEncoder(model["encoder"],
                         {config_.width, config_.heads, config_.layers, config_.activation, /*causal=*/true});
  final_norm_ = checked_norm(model["final_layer_norm"], config_.width);
  if (config_.projected)
    projection_ = checked_linear(w["text_projection"], config_.width, config_.projection, /*bias=*/false);
  w.require_all();
}

void ClipTextModel::check(const nn::Weights& w) { const ClipTextModel probed(w.probe()); }

Tensor ClipTextModel::embed(const text::Chunk& chunk) const {
  const auto length = static_cast<int64_t>(chunk.size());
  if (length < 1 || length > config_.positions)
    throw Error(Fault::kInvalid, "a chunk of " + std::to_string(length) + " tokens does not fit the text encoder's " +
                                     std::to_string(config_.positions) + " positions");
  std::vector<int32_t> ids;
  for (const text::Token& t : chunk) {
    ids.push_back(t.embedding ? 0 : t.id);
    if (ids.back() < 0 || ids.back() >= config_.vocabulary)
      throw Error(Fault::kInvalid, "token " + std::to_string(t.id) + " is not in the text encoder's vocabulary of " +
                                       std::to_string(config_.vocabulary));
  }
  const Tensor rows = ops::embedding(token_table_, ids, DType::kF32);
  require_unchanged(token_table_.storage());  // the one table that stays in the file
  for (int64_t i = 0; i < length; ++i) {
    const auto& given = chunk[static_cast<size_t>(i)].embedding;
    if (!given) continue;
    if (given->numel() != config_.width)
      throw Error(Fault::kMismatch, "an embedding of width " + std::to_string(given->numel()) +
                                        " does not fit a text encoder of width " + std::to_string(config_.width));
    ops::copy(contiguous(convert(*given, DType::kF32)).view({1, config_.width}), rows.slice(0, i, 1));
  }
  return ops::add(rows.to(position_table_.device()), position_table_.slice(0, 0, length))
      .view({1, length, config_.width});
}

ClipTextModel::Output ClipTextModel::encode(const text::Chunk& chunk, const Layer& layer) const {
  int64_t keep = -1;  // the layer whose result is wanted; stays -1 for the last one, normed
  if (layer.index && std::abs(*layer.index) <= config_.nominal_layers) {
    keep = *layer.index < 0 ? config_.nominal_layers + *layer.index : *layer.index;
    keep = std::min(keep, config_.layers - 1);
  }
  const auto states = encoder_(embed(chunk), keep);
  const Tensor last = final_norm_(states.last);

  // The end mark is the vocabulary's last entry. If there is none, the highest id counts, as in the reference.
  const auto end = std::find_if(chunk.begin(), chunk.end(),
                                [&](const text::Token& t) { return !t.embedding && t.id == config_.vocabulary - 1; });
  const auto largest =
      std::max_element(chunk.begin(), chunk.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const int64_t position = (end != chunk.end() ? end : largest) - chunk.begin();

  Output out;
  out.pooled = clone(last.slice(1, position, 1)).view({1, config_.width});
  out.state = out.pooled.to(kHost);
  if (projection_) out.pooled = projection_(convert(out.pooled, compute_), {.f32_out = true});
  const Tensor hidden = keep < 0 ? last : layer.normed ? final_norm_(states.intermediate) : states.intermediate;
  out.hidden = hidden.view({static_cast<int64_t>(chunk.size()), config_.width}).to(kHost);
  out.pooled = out.pooled.to(kHost);
  return out;
}

size_t ClipTextModel::bytes() const { return encoder_.bytes() + projection_.bytes() + position_table_.nbytes(); }

std::shared_ptr<memory::Resident<ClipTextModel>> make_text_tower(memory::Residency& residency,
                                                                 const TextTowerTensors& tower, DType compute,
                                                                 const std::string& file,
                                                                 const std::vector<nn::WeightPatchPtr>& patches) {
  const std::string kind = text_tower_name(tower.kind);
  return packed_model<ClipTextModel>(
      residency, kind + " of " + file, {kind, tower.tensors, compute, patches},
      [=, tensors = tower.tensors](const ops::Packer& packer) {
        return std::make_shared<const ClipTextModel>(nn::Weights(tensors, compute, file, packer).patched(patches));
      });
}

}  // namespace easel::models
