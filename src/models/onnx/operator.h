// Operations of ONNX graphs: how one is made ready from its node, and what then computes it. What each does is defined
// by ONNX's own operator specification (onnx.ai/onnx/operators).
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/onnx/onnx.h"
#include "models/onnx/value.h"
#include "ops/conv2d.h"
#include "ops/packer.h"

namespace easel::models::onnx {

// The values of a node's inputs; those that are left out are undefined.
class Inputs {
 public:
  explicit Inputs(std::vector<const Value*> values) : values_(std::move(values)) {}

  size_t count() const { return values_.size(); }
  bool has(size_t i) const { return i < values_.size() && values_[i] && values_[i]->defined; }
  // Throw Error(kBadFile) if it is left out, or of the other kind.
  const Value& any(size_t i) const;
  const Tensor& floats(size_t i) const;
  const Whole& whole(size_t i) const;

 private:
  std::vector<const Value*> values_;
};

using Outputs = std::vector<Value>;
using Run = std::function<Outputs(const Inputs&)>;  // empty where weights are only measured

// A node while it is made ready. What it says is asked for by name; what nobody asked for is refused, so that nothing
// that a file says is passed over.
class Node {
 public:
  Node(const formats::OnnxNode& node, int64_t opset, const ops::Packer& packer, std::vector<const StoredTensor*> stored,
       std::vector<const Value*> constants)
      : node_(node), opset_(opset), packer_(packer), stored_(std::move(stored)), constants_(std::move(constants)) {}

  int64_t opset() const { return opset_; }
  const ops::Packer& packer() const { return packer_; }
  size_t inputs() const { return node_.inputs.size(); }
  bool has_input(size_t i) const { return i < node_.inputs.size() && !node_.inputs[i].empty(); }
  // How many of its outputs are used.
  size_t outputs() const;

  bool has(const std::string& attribute) const { return node_.attributes.contains(attribute); }
  // Attributes; throw Error(kBadFile) for one of another kind.
  int64_t integer(const std::string& attribute, int64_t absent);
  float number(const std::string& attribute, float absent);
  std::string text(const std::string& attribute, const std::string& absent);
  std::vector<int64_t> integers(const std::string& attribute, std::vector<int64_t> absent = {});
  const formats::OnnxAttribute* raw(const std::string& attribute);
  // For attributes that change nothing here.
  void ignore(const std::string& attribute) { asked_.insert(attribute); }

  // A constant input: one of the file's tensors as it is stored there, or null; and one whose values are known, or
  // null.
  const StoredTensor* stored(size_t i) const { return i < stored_.size() ? stored_[i] : nullptr; }
  const Value* constant(size_t i) const { return i < constants_.size() ? constants_[i] : nullptr; }
  // Whether an input's values are known before the graph runs.
  bool known(size_t i) const { return stored(i) || constant(i); }
  // The same as stored weights, whichever it is, for packing: what computes is then not given this input any more.
  // Throws Error(kBadFile) for whole numbers.
  StoredTensor weights(size_t i);
  bool taken(size_t i) const { return taken_.contains(i); }
  bool takes_weights() const { return !taken_.empty(); }
  // Whole numbers or axes that are an attribute in some versions and a constant input in others. Empty if neither is
  // there. Throws Error(kUnsupported) if they are computed, Error(kBadFile) for more than any operation lists.
  std::vector<int64_t> listed(const std::string& attribute, size_t input);

  // Memory that what was made ready keeps.
  void holds(size_t bytes) { bytes_ += bytes; }
  size_t bytes() const { return bytes_; }

  // Throws Error(kUnsupported) for an attribute that was not asked for, or for outputs beyond `most` that are used.
  void refuse_rest(size_t most) const;
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const formats::OnnxNode& node_;
  int64_t opset_;
  const ops::Packer& packer_;
  std::vector<const StoredTensor*> stored_;
  std::vector<const Value*> constants_;
  std::set<std::string> asked_;
  std::set<size_t> taken_;
  size_t bytes_ = 0;
};

struct Operator {
  std::string_view name;
  Run (*make)(Node&);
  size_t outputs = 1;  // at most
};

// The operators by topic.
std::span<const Operator> pointwise_operators();
std::span<const Operator> window_operators();
std::span<const Operator> product_operators();
std::span<const Operator> shape_operators();
std::span<const Operator> whole_operators();
// The one of that name, or null.
const Operator* find_operator(std::string_view name);

// Two whole-number inputs, repeated to one shape, through a function of two numbers.
Whole joined(const Whole& a, const Whole& b, const std::function<int64_t(int64_t, int64_t)>& f);

}  // namespace easel::models::onnx
