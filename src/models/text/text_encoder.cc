#include "models/text/text_encoder.h"

#include <algorithm>
#include <cstring>

#include "base/lru.h"
#include "base/mutex.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/formula.h"
#include "tensor/fingerprint.h"
#include "text/tokenizer.h"

namespace easel::models {
namespace {

using text::Chunk;
using text::Token;

constexpr int32_t kStart = text::Tokenizer::kStartToken, kEnd = text::Tokenizer::kEndToken;

// The reference's settings for each tower: of its tokenizer, and which layer it uses.
struct TowerStyle {
  text::TokenizerStyle tokenizer;
  ClipTextModel::Layer layer;
};

TowerStyle tower_style(TextTowerKind kind, bool beside_another, int64_t width) {
  switch (kind) {
    case TextTowerKind::kL:
      if (beside_another) return {{kEnd, width, "clip_l"}, {-2, false}};
      return {{kEnd, width, "clip_l"}, {std::nullopt, true}};
    case TextTowerKind::kH: return {{0, width, "clip_h"}, {-2, true}};
    case TextTowerKind::kG: return {{0, width, "clip_g"}, {-2, false}};
  }
  return {};
}

// Everything that a chunk's encoding depends on besides the tower, as bytes.
std::string chunk_key(const Chunk& chunk, const ClipTextModel::Layer& layer) {
  std::string key;
  const auto add = [&key](const void* data, size_t bytes) { key.append(static_cast<const char*>(data), bytes); };
  const int index = layer.index.value_or(1 << 20);
  add(&index, sizeof index);
  for (const Token& t : chunk) {
    add(&t.id, sizeof t.id);
    if (!t.embedding) continue;
    const Fingerprint vector = fingerprint(*t.embedding);
    add(&vector, sizeof vector);
  }
  return key;
}

Chunk empty_chunk(const text::TokenizerStyle& style, size_t length) {
  Chunk chunk(length, Token{style.pad_token, 1.0f, nullptr});
  chunk[0].id = kStart;
  if (length > 1) chunk[1].id = kEnd;
  return chunk;
}

// Moves each token's vector away from the empty prompt's by the token's weight: (z - e) * w + e.
Tensor weighted(const Chunk& chunk, const Tensor& empty, const Tensor& z) {
  std::vector<float> weights;
  for (const Token& t : chunk) weights.push_back(t.weight);
  return ops::map([](auto own, auto e, auto w) { return select(w == 1, own, (own - e) * w + e); }, z, empty,
                  Tensor::of({z.dim(0), 1}, weights));
}

// The reference keeps text encoders in half precision on a CPU, all but their embeddings, so a weight that all patches
// together have changed is rounded to it.
class RoundedPatch final : public nn::WeightPatch {
 public:
  explicit RoundedPatch(std::vector<nn::WeightPatchPtr> patches) : patches_(std::move(patches)) {}

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    StoredTensor out = weight;
    for (const nn::WeightPatchPtr& patch : patches_) out = patch->apply(name, out);
    const bool changed = out.data() != weight.data();
    return changed && name.find("embeddings.") == std::string::npos ? convert(out.tensor(), DType::kF16) : out;
  }
  std::string key() const override {
    std::string out = "rounded";
    for (const nn::WeightPatchPtr& patch : patches_) out += " (" + patch->key() + ")";
    return out;
  }

 private:
  std::vector<nn::WeightPatchPtr> patches_;
};

}  // namespace

struct TextEncoder::Tower {
  TextTowerTensors tensors;
  TowerStyle style;
  int64_t width = 0;
  std::vector<nn::WeightPatchPtr> patches;  // in order, before rounding
  std::shared_ptr<memory::Resident<ClipTextModel>> model;

  // The patches of the tower's weights: none, or all of them followed by the rounding.
  std::vector<nn::WeightPatchPtr> applied() const {
    if (patches.empty()) return {};
    return {std::make_shared<const RoundedPatch>(patches)};
  }
};

// The most recently encoded chunks. A result has 236 KB to 394 KB, so their number bounds the memory.
class TextEncoder::Cache {
 public:
  std::optional<ClipTextModel::Output> find(const std::string& key) {
    const MutexLock lock(mutex_);
    const ClipTextModel::Output* found = entries_.find(key);
    return found ? std::optional(*found) : std::nullopt;
  }
  void add(const std::string& key, const ClipTextModel::Output& value) {
    const MutexLock lock(mutex_);
    entries_.keep(key, value);
  }

 private:
  static constexpr size_t kEntries = 48;
  Mutex mutex_;
  Lru<std::string, ClipTextModel::Output> entries_ EASEL_GUARDED_BY(mutex_){kEntries};
};

TextEncoder::TextEncoder(memory::Residency& residency, std::vector<TextTowerTensors> towers, DType compute,
                         std::string file)
    : TextEncoder(residency, std::move(towers), compute, std::move(file), AllPatches()) {}

TextEncoder::TextEncoder(memory::Residency& residency, std::vector<TextTowerTensors> towers, DType compute,
                         std::string file, const AllPatches& patches)
    : file_(std::move(file)), compute_(compute), cache_(std::make_unique<Cache>()) {
  std::sort(towers.begin(), towers.end(), [](const auto& a, const auto& b) { return a.kind < b.kind; });
  const bool pair = towers.size() == 2 && towers[0].kind == TextTowerKind::kL && towers[1].kind == TextTowerKind::kG;
  if (towers.size() != 1 && !pair) {
    std::string held;
    for (const auto& t : towers) held += (held.empty() ? "" : " and ") + std::string(text_tower_name(t.kind));
    throw Error(Fault::kMismatch, "the text encoders " + (held.empty() ? "(none)" : held) + " do not go together")
        .in_file(file_)
        .fix("SDXL takes one CLIP-L and one OpenCLIP-bigG; every other model takes one text encoder");
  }
  for (TextTowerTensors& t : towers) {
    Tower tower;
    const nn::Weights weights(t.tensors, compute, file_);
    ClipTextModel::check(weights);
    tower.width = read_clip_text_config(weights).width;
    tower.style = tower_style(t.kind, pair, tower.width);
    if (const auto found = patches.find(t.kind); found != patches.end()) tower.patches = found->second;
    tower.model = make_text_tower(residency, t, compute, file_, tower.applied());
    tower.tensors = std::move(t);
    towers_.push_back(std::move(tower));
  }
}

TextEncoder::~TextEncoder() = default;

std::shared_ptr<const TextEncoder> TextEncoder::patched(memory::Residency& residency,
                                                        const TowerPatches& patches) const {
  std::vector<TextTowerTensors> towers;
  AllPatches all;
  for (const Tower& t : towers_) {
    towers.push_back(t.tensors);
    all[t.tensors.kind] = t.patches;
  }
  for (const auto& [kind, patch] : patches) all[kind].push_back(patch);
  return std::shared_ptr<const TextEncoder>(new TextEncoder(residency, std::move(towers), compute_, file_, all));
}

const TextEncoder::Tower* TextEncoder::tower(TextTowerKind kind) const {
  for (const Tower& t : towers_)
    if (t.tensors.kind == kind) return &t;
  return nullptr;
}

bool TextEncoder::has(TextTowerKind kind) const { return tower(kind) != nullptr; }

std::shared_ptr<const StoredTensors> TextEncoder::stored(TextTowerKind kind) const {
  const Tower* holder = tower(kind);
  return holder ? holder->tensors.tensors : nullptr;
}

StoredTensor TextEncoder::tensor(TextTowerKind kind, const std::string& name) const {
  const Tower* holder = tower(kind);
  const StoredTensor* found = holder ? holder->tensors.tensors->find(name) : nullptr;
  if (!found) return {};
  StoredTensor out = *found;
  for (const nn::WeightPatchPtr& patch : holder->applied()) out = patch->apply(name, out);
  return out;
}

std::string TextEncoder::key(TextTowerKind kind) const {
  const Tower* holder = tower(kind);
  if (!holder) return {};
  return shared_key({text_tower_name(kind), holder->tensors.tensors, compute_, holder->applied()}, kHost);
}

int64_t TextEncoder::context_dim() const {
  int64_t total = 0;
  for (const Tower& t : towers_) total += t.width;
  return total;
}

int64_t TextEncoder::state_width() const { return towers_.back().width; }

std::string TextEncoder::description() const {
  std::string out;
  for (const Tower& t : towers_) out += (out.empty() ? "" : " and ") + std::string(text_tower_name(t.tensors.kind));
  return out;
}

PromptTokens TextEncoder::tokenize(std::string_view prompt, const text::EmbeddingSource* embeddings,
                                   std::vector<std::string>* warnings) const {
  return tokenize_pair(prompt, prompt, embeddings, warnings);
}

PromptTokens TextEncoder::tokenize_pair(std::string_view text_g, std::string_view text_l,
                                        const text::EmbeddingSource* embeddings,
                                        std::vector<std::string>* warnings) const {
  PromptTokens out;
  const auto tokens = [&](const Tower& t, std::string_view prompt) {
    return text::tokenize(prompt, t.style.tokenizer, embeddings, warnings);
  };
  const Tower *l = tower(TextTowerKind::kL), *h = tower(TextTowerKind::kH), *g = tower(TextTowerKind::kG);
  if (g) out.g = tokens(*g, text_g);
  if (h) out.h = tokens(*h, text_g);
  if (l) out.l = tokens(*l, g ? text_l : text_g);
  if (l && g && text_g != text_l) {
    while (out.l.size() < out.g.size()) out.l.push_back(empty_chunk(l->style.tokenizer, text::kChunkLength));
    while (out.g.size() < out.l.size()) out.g.push_back(empty_chunk(g->style.tokenizer, text::kChunkLength));
  }
  return out;
}

ClipTextModel::Output TextEncoder::encode_chunk(const Tower& tower, const Chunk& chunk,
                                                const ClipTextModel::Layer& layer) const {
  const std::string key = std::string(text_tower_name(tower.tensors.kind)) + chunk_key(chunk, layer);
  if (auto known = cache_->find(key)) return *known;
  // One chunk at a time, so that the encoding of a text does not depend on the other chunks.
  ClipTextModel::Output out = tower.model->get()->encode(chunk, layer);
  cache_->add(key, out);
  return out;
}

EncodedText TextEncoder::encode_tower(const Tower& tower, const std::vector<Chunk>& chunks,
                                      std::optional<int> stop_at_layer) const {
  if (chunks.empty())
    throw Error(Fault::kInternal, std::string("no tokens for ") + text_tower_name(tower.tensors.kind));
  ClipTextModel::Layer layer = tower.style.layer;
  if (stop_at_layer) layer.index = stop_at_layer;

  EncodedText out;
  std::vector<Tensor> sections;
  for (const Chunk& chunk : chunks) {
    const auto encoded = encode_chunk(tower, chunk, layer);
    Tensor z = encoded.hidden;
    if (std::any_of(chunk.begin(), chunk.end(), [](const Token& t) { return t.weight != 1.0f; }))
      z = weighted(chunk, encode_chunk(tower, empty_chunk(tower.style.tokenizer, chunk.size()), layer).hidden, z);
    if (!out.pooled.defined()) {
      out.pooled = encoded.pooled;
      out.state = encoded.state;
    }
    sections.push_back(z.view({1, z.dim(0), z.dim(1)}));
  }
  out.cond = sections.size() == 1 ? sections[0] : ops::concat(sections, 1);
  return out;
}

EncodedText TextEncoder::encode(const PromptTokens& tokens, std::optional<int> stop_at_layer) const {
  const Tower *l = tower(TextTowerKind::kL), *h = tower(TextTowerKind::kH), *g = tower(TextTowerKind::kG);
  if (h) return encode_tower(*h, tokens.h, stop_at_layer);
  if (!g) return encode_tower(*l, tokens.l, stop_at_layer);
  EncodedText out = encode_tower(*g, tokens.g, stop_at_layer);
  if (!l) return out;
  const Tensor other = encode_tower(*l, tokens.l, stop_at_layer).cond;
  // The lengths differ only if an embedding has more vectors for one tower than for the other.
  const int64_t length = std::min(other.dim(1), out.cond.dim(1));
  out.cond = ops::concat({other.slice(1, 0, length), out.cond.slice(1, 0, length)}, 2);
  return out;
}

std::shared_ptr<const TextEncoder> load_text_encoder(memory::Residency& residency, const StoredTensors& checkpoint,
                                                     DType compute, const std::string& file) {
  auto towers = find_text_towers(checkpoint);
  if (towers.empty()) return nullptr;
  return std::make_shared<const TextEncoder>(residency, std::move(towers), compute, file);
}

void require_one_encoding(const ClipHandle& clip) {
  if (!clip.schedule.empty())
    throw Error(Fault::kUnsupported, "the text encoder's hooks follow the sampling, which this node has no place for")
        .at_input("clip")
        .fix("Set schedule_clip of SetClipHooks to false, or encode with CLIPTextEncode");
}

EncodedText encode_prompt(const ClipHandle& clip, std::string_view prompt, std::vector<std::string>* warnings) {
  require_one_encoding(clip);
  const PromptTokens tokens = clip.encoder->tokenize(prompt, clip.embeddings.get(), warnings);
  return clip.encoder->encode(tokens, clip.stop_at_layer);
}

}  // namespace easel::models
