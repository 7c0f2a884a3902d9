// The tensors of a model file as a tree of scopes, with a record of which were used.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/linear.h"
#include "ops/packer.h"
#include "tensor/stored_tensor.h"

namespace easel::nn {

// Changes tensors on their way into layers (LoRA, merges). Immutable.
class WeightPatch {
 public:
  virtual ~WeightPatch() = default;
  // Returns `weight` itself if it does not change it; a changed weight should be f32. Must work with any encoding.
  virtual StoredTensor apply(const std::string& name, const StoredTensor& weight) const = 0;
  // Identifies everything that the patch depends on, so that models with equal tensors and equal patches are shared.
  virtual std::string key() const = 0;
};
using WeightPatchPtr = std::shared_ptr<const WeightPatch>;

// A view of named tensors below a prefix: Weights(map)["model"]["diffusion_model"].get("out.2.weight").
// Copies share one record of used and missing names. Not thread-safe while a model is being built. The packer decides
// whether layers are packed or only measured; a probe does neither.
class Weights {
 public:
  // `compute` is the type that layers multiply in: kF32, kBF16, or kI8, which means 8-bit products in layers that allow
  // it (see quantised()) and bf16 elsewhere. `file` is named in errors.
  Weights(std::shared_ptr<const StoredTensors> tensors, DType compute, std::string file,
          const ops::Packer& packer = ops::Packer::pack());

  // The same tensors, for constructing a model without its weights: get() records which tensors are used and which are
  // missing, but returns undefined tensors. Starts a new record.
  Weights probe() const;
  bool probing() const { return state_->probing; }

  // The scope `name` inside this one: names are joined with a dot.
  Weights operator[](const std::string& name) const;
  Weights operator[](int64_t index) const { return (*this)[std::to_string(index)]; }

  // The same scope, whose layers multiply in 8 bits if the model was loaded with kI8: for layers that tolerate the
  // error.
  Weights quantised() const;

  // The same scope with its tensors changed by these patches in order; they see names relative to this scope. A packer
  // that only measures applies no patches.
  Weights patched(std::vector<WeightPatchPtr> patches) const;

  bool has(const std::string& name) const;
  // The shape in the file, or nothing. Neither marks the tensor as used nor applies patches.
  std::optional<Shape> shape(const std::string& name) const;
  // The patched tensor, which is marked as used. After reading it, call StoredTensor::drop_pages(), as packing does. A
  // missing tensor is recorded and returned as undefined, so that require_all() can report all missing tensors of a
  // model at once.
  StoredTensor get(const std::string& name) const;
  // Like get(), but a missing tensor is not recorded.
  StoredTensor optional(const std::string& name) const;
  // The result of get() as an f32 copy on the packer's device, undefined if that is. Throws Error(kBadFile) that names
  // the key if the shape differs from `expected`.
  Tensor values(const std::string& name, const std::optional<Shape>& expected = {}) const;

  // Child scope names directly below this one, in file order without repetition ("0", "1", ...).
  std::vector<std::string> children() const;

  // Call this when a model is built. Throws Error(kBadFile) that names the first missing tensor and their number, or
  // says that the file was changed while its tensors were being packed.
  void require_all() const;
  // Names below the prefix that no layer asked for, in file order.
  std::vector<std::string> unused() const;

  // The type of the values between layers: kF32 or kBF16.
  DType compute() const { return ops::value_type(state_->compute); }
  // The type that layers made from this scope multiply in: compute(), or kI8.
  DType product() const { return quantised_ ? state_->compute : compute(); }
  const ops::Packer& packer() const { return state_->packer; }
  const std::string& file() const { return state_->file; }
  std::string full(const std::string& name) const { return prefix_ + name; }

 private:
  struct State {
    std::shared_ptr<const StoredTensors> tensors;
    DType compute;
    std::string file;
    ops::Packer packer;
    std::vector<std::string> missing = {};
    std::unordered_map<std::string, bool> used = {};
    bool probing = false;
    std::vector<StorageRef> read = {};  // the storage of the tensors that were handed out
  };
  std::shared_ptr<State> state_;
  std::string prefix_;
  bool quantised_ = false;
  std::shared_ptr<const std::vector<WeightPatchPtr>> patches_;
  size_t patched_prefix_ = 0;  // length of the part of full names that patches do not see
};

}  // namespace easel::nn
