// A model file's tensors as a tree of scopes, and the record of which were used.
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
  // Returns `weight` itself where nothing changes; what changes should be f32. Decodes what it needs, so that it works
  // on any encoding.
  virtual StoredTensor apply(const std::string& name, const StoredTensor& weight) const = 0;
  // Says everything the patch depends on, so that models of equal tensors with equal patches are one.
  virtual std::string key() const = 0;
};
using WeightPatchPtr = std::shared_ptr<const WeightPatch>;

// A view of named tensors below a prefix: Weights(map)["model"]["diffusion_model"].get("out.2.weight").
// Copies share one record of used and missing names. Not thread-safe while a model is being built.
// What a model is built for is its packer's matter; a probe packs nothing at all.
class Weights {
 public:
  // `compute` is the type the layers will multiply in: kF32, kBF16, or kI8 for bytes where a model allows it (see
  // quantised()) and bf16 elsewhere. `file` is named in errors.
  Weights(std::shared_ptr<const StoredTensors> tensors, DType compute, std::string file,
          const ops::Packer& packer = ops::Packer::pack());

  // The same tensors, to go through a model without packing anything: get() records what is used and what is
  // missing, but hands out undefined tensors. Starts a record of its own.
  Weights probe() const;
  bool probing() const { return state_->probing; }

  // The scope `name` inside this one: names are joined with a dot.
  Weights operator[](const std::string& name) const;
  Weights operator[](int64_t index) const { return (*this)[std::to_string(index)]; }

  // The same scope, whose layers multiply bytes if the model is loaded so: for layers that bear the error.
  Weights quantised() const;

  // The same scope with its tensors changed by these, one after another; they see names as they are from here on.
  // With a packer that measures no patch is applied.
  Weights patched(std::vector<WeightPatchPtr> patches) const;

  bool has(const std::string& name) const;
  // The shape in the file, or nothing. Marks nothing as used and applies no patch.
  std::optional<Shape> shape(const std::string& name) const;
  // The tensor, patched, marked as used: to be packed, after which its pages should go (StoredTensor::drop_pages();
  // packing does so). A missing one is recorded and an undefined tensor is returned, so that a whole model can be gone
  // through and all that lacks be reported at once by require_all().
  StoredTensor get(const std::string& name) const;
  // Like get(), but an absent tensor is fine: returns undefined, records nothing.
  StoredTensor optional(const std::string& name) const;
  // What get() gives as f32 values in memory of their own, on the packer's device; undefined where that is. Throws
  // Error(kBadFile) naming the key when `expected` is given and the shape differs.
  Tensor values(const std::string& name, const std::optional<Shape>& expected = {}) const;

  // Child scope names directly below this one, in file order without repetition ("0", "1", ...).
  std::vector<std::string> children() const;

  // To be called when a model is built. Throws Error(kBadFile) that names the first missing tensor and how many there
  // are, or says that the file was changed while its tensors were packed.
  void require_all() const;
  // Names below the prefix that no layer asked for, in file order.
  std::vector<std::string> unused() const;

  // The type of the values between layers: kF32 or kBF16.
  DType compute() const { return ops::value_type(state_->compute); }
  // What layers made from this scope multiply in: compute(), or kI8.
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
    std::vector<StorageRef> read = {};  // what the tensors handed out lie in
  };
  std::shared_ptr<State> state_;
  std::string prefix_;
  bool quantised_ = false;
  std::shared_ptr<const std::vector<WeightPatchPtr>> patches_;
  size_t patched_prefix_ = 0;  // how much of a full name the patches do not see
};

}  // namespace easel::nn
