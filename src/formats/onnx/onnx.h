// ONNX files: a network as a list of operations and their tensors (github.com/onnx/onnx, onnx.proto). They are data:
// nothing in one is run here, and what an operation means is decided by who reads the list (models/onnx).
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "tensor/mapped_file.h"
#include "tensor/stored_tensor.h"

namespace easel::formats {

struct OnnxAttribute {
  enum class Kind { kInteger, kNumber, kText, kTensor, kIntegers, kNumbers, kOther };
  Kind kind = Kind::kOther;
  int64_t integer = 0;
  float number = 0;
  std::string text;
  StoredTensor tensor;
  std::vector<int64_t> integers;
  std::vector<float> numbers;
};

struct OnnxNode {
  std::string op, domain, name;              // the domain of ONNX's own operators is empty
  std::vector<std::string> inputs, outputs;  // names of values; an empty one is left out
  std::map<std::string, OnnxAttribute> attributes;
};

// What is given to the graph, or comes from it.
struct OnnxPort {
  std::string name;
  bool is_float = false;
  bool has_shape = false;
  std::vector<int64_t> shape;  // -1 where any size will do
};

struct OnnxGraph {
  int64_t opset = 0;  // the version of ONNX's own operators
  std::vector<OnnxNode> nodes;
  StoredTensors tensors;                  // the constant ones, by name, in file order
  std::vector<OnnxPort> inputs, outputs;  // inputs: those that are no constant tensors
};

// Whether it may be one; they begin with no mark.
bool looks_like_onnx(std::span<const uint8_t> bytes);

// The graph of a file. Tensors are views of it, or of the files beside it in which it says they lie; such files are
// looked for in its own folder only. f32 tensors may lie at any address (StoredTensor decodes them).
// Throws Error(kBadFile) if it is damaged or hostile, Error(kUnsupported) for what Easel does not read, Error(kMissing)
// for a file of tensors that is not there.
OnnxGraph read_onnx(const MappedFile& file);

// The values of a tensor of whole numbers or truth values, in C order. Throws Error(kInternal) for floats.
std::vector<int64_t> whole_numbers(const StoredTensor& tensor);

}  // namespace easel::formats
