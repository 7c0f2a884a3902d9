#include "nn/weights.h"

#include <unordered_set>

#include "tensor/mapped_file.h"

namespace easel::nn {

Weights::Weights(std::shared_ptr<const StoredTensors> tensors, DType compute, std::string file,
                 const ops::Packer& packer)
    : state_(std::make_shared<State>(State{std::move(tensors), compute, std::move(file), packer})) {}

Weights Weights::probe() const {
  Weights copy = *this;
  copy.state_ = std::make_shared<State>(State{state_->tensors, state_->compute, state_->file, state_->packer});
  copy.state_->probing = true;
  return copy;
}

Weights Weights::operator[](const std::string& name) const {
  Weights inner = *this;
  inner.prefix_ += name + ".";
  return inner;
}

Weights Weights::quantised() const {
  Weights copy = *this;
  copy.quantised_ = true;
  return copy;
}

Weights Weights::patched(std::vector<WeightPatchPtr> patches) const {
  Weights copy = *this;
  copy.patches_ = std::make_shared<const std::vector<WeightPatchPtr>>(std::move(patches));
  copy.patched_prefix_ = prefix_.size();
  return copy;
}

bool Weights::has(const std::string& name) const { return state_->tensors->contains(prefix_ + name); }

std::optional<Shape> Weights::shape(const std::string& name) const {
  const StoredTensor* found = state_->tensors->find(prefix_ + name);
  return found ? std::optional<Shape>(found->shape()) : std::nullopt;
}

StoredTensor Weights::optional(const std::string& name) const {
  const std::string key = prefix_ + name;
  const StoredTensor* found = state_->tensors->find(key);
  if (!found) return {};
  state_->used[key] = true;
  if (state_->probing) return {};
  if (state_->packer.measures()) return *found;
  if (state_->read.empty() || state_->read.back().get() != found->storage().get())
    state_->read.push_back(found->storage());
  StoredTensor out = *found;
  if (patches_)
    for (const WeightPatchPtr& patch : *patches_) out = patch->apply(key.substr(patched_prefix_), out);
  if (out.data() != found->data()) found->drop_pages();  // the patches have read it
  return out;
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
  Tensor out = stored.decoded();
  if (out.storage().get() == stored.storage().get()) out = clone(out);
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
