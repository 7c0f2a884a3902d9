#include "nn/weights.h"

#include <unordered_set>

#include "ops/packing.h"
#include "tensor/mapped_file.h"

namespace easel::nn {

Weights::Weights(std::shared_ptr<const TensorMap> tensors, DType compute, std::string file, Patch patch)
    : state_(std::make_shared<State>()) {
  state_->tensors = std::move(tensors);
  state_->compute = compute;
  state_->file = std::move(file);
  state_->patch = std::move(patch);
}

// A layer packs what it got before it asks for much more, so a tensor a few requests back is packed.
void Weights::State::hand_out(const Tensor& tensor) {
  constexpr size_t kStillInUse = 12;
  recent.push_back(tensor);
  if (read.empty() || read.back().get() != tensor.storage().get()) read.push_back(tensor.storage());
  if (recent.size() <= kStillInUse) return;
  drop_pages(recent.front().storage(), recent.front().raw(), recent.front().nbytes());
  recent.pop_front();
}

Weights::State::~State() {
  for (const Tensor& t : recent) drop_pages(t.storage(), t.raw(), t.nbytes());
}

Weights Weights::probe() const {
  Weights copy(state_->tensors, state_->compute, state_->file);
  copy.state_->probing = true;
  copy.prefix_ = prefix_;
  copy.quantised_ = quantised_;
  return copy;
}

Weights Weights::operator[](const std::string& name) const {
  Weights inner(state_, prefix_ + name + ".");
  inner.quantised_ = quantised_;
  return inner;
}

Weights Weights::quantised() const {
  Weights copy = *this;
  copy.quantised_ = true;
  return copy;
}

bool Weights::has(const std::string& name) const { return state_->tensors->contains(prefix_ + name); }

std::optional<Shape> Weights::shape(const std::string& name) const {
  const Tensor* found = state_->tensors->find(prefix_ + name);
  return found ? std::optional<Shape>(found->shape()) : std::nullopt;
}

Tensor Weights::optional(const std::string& name) const {
  const std::string key = prefix_ + name;
  const Tensor* found = state_->tensors->find(key);
  if (!found) return {};
  state_->used[key] = true;
  if (state_->probing) return {};
  if (ops::measuring()) return *found;
  state_->hand_out(*found);
  return state_->patch ? state_->patch(key, *found) : *found;
}

Tensor Weights::get(const std::string& name) const {
  if (!has(name)) state_->missing.push_back(prefix_ + name);
  return optional(name);
}

Tensor Weights::get(const std::string& name, const Shape& expected) const {
  Tensor t = get(name);
  if (t.defined() && !(t.shape() == expected))
    throw Error(Fault::kBadFile,
                "tensor '" + prefix_ + name + "' has shape " + t.shape().str() + ", expected " + expected.str())
        .in_file(state_->file);
  return t;
}

std::vector<std::string> Weights::children() const {
  std::vector<std::string> out;
  std::unordered_set<std::string> seen;
  for (const auto& [name, tensor] : *state_->tensors) {
    if (name.size() <= prefix_.size() || name.compare(0, prefix_.size(), prefix_) != 0) continue;
    const size_t dot = name.find('.', prefix_.size());
    if (dot == std::string::npos) continue;
    std::string child = name.substr(prefix_.size(), dot - prefix_.size());
    if (seen.insert(child).second) out.push_back(std::move(child));
  }
  return out;
}

void Weights::require_all() const {
  for (const StorageRef& storage : state_->read) require_unchanged(storage);
  const auto& missing = state_->missing;
  if (missing.empty()) return;
  const std::string count =
      missing.size() == 1 ? "1 tensor is missing" : std::to_string(missing.size()) + " tensors are missing";
  throw Error(Fault::kBadFile, count + ", the first is '" + missing.front() + "'")
      .in_file(state_->file)
      .fix("The file is incomplete or of another kind: `easel models` says what it looks like");
}

std::vector<std::string> Weights::unused() const {
  std::vector<std::string> out;
  for (const auto& [name, tensor] : *state_->tensors)
    if (name.compare(0, prefix_.size(), prefix_) == 0 && !state_->used.count(name)) out.push_back(name);
  return out;
}

}  // namespace easel::nn
