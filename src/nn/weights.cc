#include "nn/weights.h"

#include <unordered_set>

#include "tensor/mapped_file.h"

namespace easel::nn {

Weights::Weights(std::shared_ptr<const TensorMap> tensors, DType compute, std::string file, const ops::Packer& packer,
                 Patch patch)
    : state_(std::make_shared<State>(State{std::move(tensors), compute, std::move(file), packer, std::move(patch)})) {}

Weights Weights::probe() const {
  Weights copy(state_->tensors, state_->compute, state_->file, state_->packer);
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

StoredTensor Weights::optional(const std::string& name) const {
  const std::string key = prefix_ + name;
  const Tensor* found = state_->tensors->find(key);
  if (!found) return {};
  state_->used[key] = true;
  if (state_->probing) return {};
  const StoredTensor stored = *found;
  if (state_->packer.measures()) return stored;
  if (state_->read.empty() || state_->read.back().get() != stored.storage().get())
    state_->read.push_back(stored.storage());
  if (!state_->patch) return stored;
  const StoredTensor patched = state_->patch(key, *found);
  if (patched.data() != stored.data()) stored.drop_pages();  // the patch has read it
  return patched;
}

StoredTensor Weights::get(const std::string& name) const {
  if (!has(name)) state_->missing.push_back(prefix_ + name);
  return optional(name);
}

Tensor Weights::values(const std::string& name, const std::optional<Shape>& expected) const {
  const StoredTensor stored = get(name);
  if (!stored.defined()) return {};
  if (expected && !(stored.shape() == *expected))
    throw Error(Fault::kBadFile,
                "tensor '" + prefix_ + name + "' has shape " + stored.shape().str() + ", expected " + expected->str())
        .in_file(state_->file);
  Tensor out = stored.f32();
  if (out.raw() == stored.data()) out = clone(out);
  stored.drop_pages();
  return out.to(state_->packer.device());
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
