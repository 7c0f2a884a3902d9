#include "models/fill/hole_filler.h"

#include <array>

#include "models/fill/part.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

struct Known {
  FillerKind kind;
  const char* key;  // by which a file is recognised
  std::array<const char*, 3> wrappers;
  fill::PartPtr (*build)(const nn::Weights&);
};
constexpr std::array kKnown{
    Known{FillerKind::kLama, "model.1.bn_l.running_mean", {"", "generator.", "model."}, fill::lama},
    Known{FillerKind::kMat, "synthesis.first_stage.conv_first.conv.weight", {"", "model.", "G_ema."}, fill::mat}};

struct Found {
  const Known* known = nullptr;
  std::string wrapper;
};
Found find(const StoredTensors& file) {
  for (const Known& k : kKnown)
    for (const char* wrapper : k.wrappers)
      if (file.contains(wrapper + std::string(k.key))) return {&k, wrapper};
  return {};
}

fill::PartPtr built(const nn::Weights& w) {
  for (const Known& k : kKnown)
    if (w.has(k.key)) return from_file(w, [&] { return k.build(w); });
  throw Error(Fault::kBadFile, "has none of the networks that fill holes").in_file(w.file());
}

}  // namespace

const char* filler_name(FillerKind kind) { return kind == FillerKind::kLama ? "LaMa" : "MAT"; }

std::optional<FillerKind> filler_kind(const StoredTensors& file) {
  const Found found = find(file);
  return found.known ? std::optional(found.known->kind) : std::nullopt;
}

std::shared_ptr<const StoredTensors> filler_tensors(const StoredTensors& file) {
  const std::string wrapper = find(file).wrapper;
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file)
    if (name.starts_with(wrapper)) out->set(name.substr(wrapper.size()), tensor);
  return out;
}

HoleFiller::HoleFiller(const nn::Weights& w) : part_(built(w)) {}
HoleFiller::~HoleFiller() = default;

void HoleFiller::check(const nn::Weights& w) { built(w.probing() ? w : w.probe()); }

FillerKind HoleFiller::kind() const { return part_->kind(); }
int64_t HoleFiller::side() const { return part_->side(); }

Tensor HoleFiller::forward(const Tensor& picture, const Tensor& mask, uint64_t seed) const {
  const int64_t s = side();
  if (!(picture.shape() == Shape{1, s, s, 3}) || !(mask.shape() == Shape{1, s, s, 1}))
    throw Error(Fault::kInternal,
                "a picture " + picture.str() + " and a mask " + mask.str() + " given to a network that fills holes");
  const Tensor filled = part_->forward(picture, mask, seed).to(kHost);
  return ops::map([](auto p, auto f, auto m) { return f * m + p * (1.0f - m); }, picture, filled, mask);
}

size_t HoleFiller::memory_estimate() const { return part_->memory_estimate(); }
size_t HoleFiller::bytes() const { return part_->bytes(); }

FillerHandle load_hole_filler(memory::Residency& residency, const StoredTensors& file, const std::string& file_name) {
  const auto kind = filler_kind(file);
  if (!kind)
    throw Error(Fault::kUnsupported, "this is no network that fills holes: it is neither LaMa nor MAT")
        .in_file(file_name)
        .fix("Put the published MAT_Places512_G_fp16.safetensors (Acly/MAT) or big-lama.pt there");
  return load_file_network<HoleFiller>(residency, filler_tensors(file), file_name, "filler", filler_name(*kind));
}

}  // namespace easel::models
