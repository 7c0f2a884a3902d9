#include "formats/onnx/writer.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace easel::formats {
namespace {

// A message of protocol buffers, field by field.
class Message {
 public:
  const std::string& bytes() const { return bytes_; }

  Message& number(uint64_t field, int64_t value) {
    varint(field << 3);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& fixed(uint64_t field, float value) {
    varint(field << 3 | 5);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
    return *this;
  }
  Message& text(uint64_t field, std::string_view value) {
    open(field, value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(uint64_t field, const Message& inside) { return text(field, inside.bytes()); }
  // The beginning of a field of so many bytes, which the caller appends.
  Message& open(uint64_t field, uint64_t size) {
    varint(field << 3 | 2);
    varint(size);
    return *this;
  }

 private:
  void varint(uint64_t value) {
    constexpr uint64_t kMore = 0x80;
    for (; value >= kMore; value >>= 7) bytes_ += static_cast<char>(value | kMore);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

int64_t element_number(DType type) {
  switch (type) {
    case DType::kF32: return 1;
    case DType::kI64: return 7;
    case DType::kF16: return 10;
    default: throw Error(Fault::kUsage, "ONNX files are not written with elements of " + std::string(dtype_name(type)));
  }
}

Message attribute(const std::string& name, const OnnxAttribute& value) {
  enum { kName = 1, kNumber = 2, kInteger = 3, kText = 4, kNumbers = 7, kIntegers = 8, kType = 20 };
  using Kind = OnnxAttribute::Kind;
  Message out;
  out.text(kName, name);
  switch (value.kind) {
    case Kind::kNumber: return out.fixed(kNumber, value.number).number(kType, 1);
    case Kind::kInteger: return out.number(kInteger, value.integer).number(kType, 2);
    case Kind::kText: return out.text(kText, value.text).number(kType, 3);
    case Kind::kNumbers:
      for (const float v : value.numbers) out.fixed(kNumbers, v);
      return out.number(kType, 6);
    case Kind::kIntegers:
      for (const int64_t v : value.integers) out.number(kIntegers, v);
      return out.number(kType, 7);
    default: throw Error(Fault::kUsage, "ONNX files are not written with an attribute such as '" + name + "'");
  }
}

Message node(const OnnxNode& from) {
  enum { kInput = 1, kOutput = 2, kName = 3, kOp = 4, kAttribute = 5, kDomain = 7 };
  Message out;
  for (const std::string& name : from.inputs) out.text(kInput, name);
  for (const std::string& name : from.outputs) out.text(kOutput, name);
  out.text(kName, from.name).text(kOp, from.op);
  for (const auto& [name, value] : from.attributes) out.message(kAttribute, attribute(name, value));
  if (!from.domain.empty()) out.text(kDomain, from.domain);
  return out;
}

Message port(const OnnxPort& from) {
  enum { kName = 1, kType = 2, kTensor = 1, kElement = 1, kShape = 2, kDim = 1, kValue = 1 };
  Message tensor, shape;
  tensor.number(kElement, element_number(from.is_float ? DType::kF32 : DType::kI64));
  for (const int64_t size : from.shape) {
    Message dim;
    if (size > 0) dim.number(kValue, size);
    shape.message(kDim, dim);
  }
  if (from.has_shape) tensor.message(kShape, shape);
  Message type;
  type.message(kTensor, tensor);
  Message out;
  return out.text(kName, from.name).message(kType, type);
}

}  // namespace

OnnxWriter::OnnxWriter(const std::filesystem::path& path, const OnnxGraph& graph,
                       const std::vector<TensorSpec>& tensors)
    : file_(path) {
  enum { kVersion = 1, kProducer = 2, kGraph = 7, kOperators = 8 };
  enum { kNode = 1, kName = 2, kTensor = 5, kInput = 11, kOutput = 12 };
  enum { kDims = 1, kType = 2, kTensorName = 8, kRaw = 9, kOperatorsVersion = 2 };
  Message before, after;
  for (const OnnxNode& n : graph.nodes) before.message(kNode, node(n));
  before.text(kName, "graph");
  for (const OnnxPort& p : graph.inputs) after.message(kInput, port(p));
  for (const OnnxPort& p : graph.outputs) after.message(kOutput, port(p));
  uint64_t graph_bytes = before.bytes().size() + after.bytes().size();
  for (const TensorSpec& t : tensors) {
    const uint64_t bytes = static_cast<uint64_t>(t.shape.numel()) * dtype_size(t.dtype);
    Message head;
    for (const int64_t d : t.shape) head.number(kDims, d);
    head.number(kType, element_number(t.dtype)).text(kTensorName, t.name).open(kRaw, bytes);
    Message outer;
    outer.open(kTensor, head.bytes().size() + bytes);
    parts_.push_back({outer.bytes() + head.bytes(), bytes});
    graph_bytes += parts_.back().before.size() + bytes;
  }
  constexpr int64_t kIrVersion = 8;
  Message model;
  model.number(kVersion, kIrVersion).text(kProducer, "easel").open(kGraph, graph_bytes);
  Message operators, end;
  operators.text(1, "").number(kOperatorsVersion, graph.opset);
  end.message(kOperators, operators);
  end_ = after.bytes() + end.bytes();
  file_.write(model.bytes());
  file_.write(before.bytes());
  begin_parts();
}

void OnnxWriter::begin_parts() {
  while (left_ == 0 && next_ < parts_.size()) {
    file_.write(parts_[next_].before);
    left_ = parts_[next_++].bytes;
  }
}

void OnnxWriter::write(const void* data, size_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    if (left_ == 0) throw Error(Fault::kInternal, "more tensor data than were declared");
    const size_t here = static_cast<size_t>(std::min<uint64_t>(bytes, left_));
    file_.write(from, here);
    from += here;
    bytes -= here;
    left_ -= here;
    begin_parts();
  }
}

void OnnxWriter::commit() {
  if (left_ != 0 || next_ != parts_.size()) throw Error(Fault::kInternal, "fewer tensor data than were declared");
  file_.write(end_);
  file_.commit();
}

}  // namespace easel::formats
