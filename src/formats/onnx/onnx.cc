#include "formats/onnx/onnx.h"

#include <array>

#include "base/error.h"
#include "base/files/utf8.h"
#include "formats/onnx/tensors.h"
#include "formats/onnx/wire.h"

namespace easel::formats {
namespace {

// Far above any published network. The parts of a graph take more memory than the bytes that name them.
constexpr size_t kMostParts = 2'000'000, kLongestList = 1 << 20;

class Reader {
 public:
  explicit Reader(const MappedFile& file) : tensors_(file) {}

  OnnxGraph model(WireBytes bytes) {
    OnnxGraph out;
    WireBytes graph;
    bool found = false;
    for (WireMessage m(bytes); m.next();) {
      enum { kGraph = 7, kOperators = 8, kFunctions = 25 };
      if (m.field() == kGraph) {
        if (found) bad_onnx("it has two graphs");
        found = true;
        graph = m.bytes();
      }
      if (m.field() == kOperators) operators(m.bytes(), out);
      if (m.field() == kFunctions)
        throw Error(Fault::kUnsupported, "the ONNX file has functions of its own, which Easel does not read");
    }
    if (!found) bad_onnx("it has no graph");
    read_graph(graph, out);
    return out;
  }

 private:
  void count() {
    if (++parts_ > kMostParts) bad_onnx("it has more parts than any network");
  }

  std::string name(std::string_view text) {
    count();
    if (text.size() > kLongestName || !is_utf8(text)) bad_onnx("a name in it is too long, or not text");
    return std::string(text);
  }

  void operators(WireBytes bytes, OnnxGraph& out) {
    std::string domain;
    int64_t version = 0;
    for (WireMessage m(bytes); m.next();) {
      enum { kDomain = 1, kVersion = 2 };
      if (m.field() == kDomain) domain = name(m.text());
      if (m.field() == kVersion) version = m.integer();
    }
    if (domain.empty() || domain == "ai.onnx") out.opset = version;
  }

  void read_graph(WireBytes bytes, OnnxGraph& out) {
    std::vector<OnnxPort> inputs;
    for (WireMessage m(bytes); m.next();) {
      enum { kNode = 1, kTensor = 5, kInput = 11, kOutput = 12, kSparse = 15 };
      switch (m.field()) {
        case kNode: out.nodes.push_back(node(m.bytes())); break;
        case kTensor: {
          count();
          auto [tensor_name, tensor] = tensors_.read(m.bytes());
          if (tensor_name.empty() || tensor_name.size() > kLongestName || !is_utf8(tensor_name))
            bad_onnx("a tensor in it has no name, or one that is too long");
          if (out.tensors.contains(tensor_name)) bad_onnx("it has two tensors '" + tensor_name + "'");
          out.tensors.set(std::move(tensor_name), std::move(tensor));
          break;
        }
        case kInput: inputs.push_back(port(m.bytes())); break;
        case kOutput: out.outputs.push_back(port(m.bytes())); break;
        case kSparse: throw Error(Fault::kUnsupported, "the ONNX file has sparse tensors, which Easel does not read");
        default: break;
      }
    }
    for (OnnxPort& input : inputs)
      if (!out.tensors.contains(input.name)) out.inputs.push_back(std::move(input));
  }

  OnnxNode node(WireBytes bytes) {
    count();
    OnnxNode out;
    for (WireMessage m(bytes); m.next();) {
      enum { kInput = 1, kOutput = 2, kName = 3, kOp = 4, kAttribute = 5, kDomain = 7 };
      switch (m.field()) {
        case kInput: out.inputs.push_back(name(m.text())); break;
        case kOutput: out.outputs.push_back(name(m.text())); break;
        case kName: out.name = name(m.text()); break;
        case kOp: out.op = name(m.text()); break;
        case kDomain: out.domain = name(m.text()); break;
        case kAttribute: {
          auto [attribute_name, value] = attribute(m.bytes());
          if (!out.attributes.emplace(std::move(attribute_name), std::move(value)).second)
            bad_onnx("an operation in it has an attribute twice");
          break;
        }
        default: break;
      }
    }
    if (out.domain == "ai.onnx") out.domain.clear();
    if (out.op.empty()) bad_onnx("an operation in it has no name");
    return out;
  }

  std::pair<std::string, OnnxAttribute> attribute(WireBytes bytes) {
    using Kind = OnnxAttribute::Kind;
    count();
    std::string its_name;
    OnnxAttribute out;
    int64_t type = 0;
    Kind seen = Kind::kOther;
    for (WireMessage m(bytes); m.next();) {
      enum { kName = 1, kNumber = 2, kInteger = 3, kText = 4, kTensor = 5, kNumbers = 7, kIntegers = 8, kType = 20 };
      switch (m.field()) {
        case kName: its_name = name(m.text()); break;
        case kNumber:
          out.number = m.number();
          seen = Kind::kNumber;
          break;
        case kInteger:
          out.integer = m.integer();
          seen = Kind::kInteger;
          break;
        case kText:
          if (m.text().size() > kLongestName) bad_onnx("a text in it is too long");
          out.text = m.text();
          seen = Kind::kText;
          break;
        case kTensor:
          out.tensor = tensors_.read(m.bytes()).second;
          seen = Kind::kTensor;
          break;
        case kNumbers:
          m.append(out.numbers, kLongestList);
          seen = Kind::kNumbers;
          break;
        case kIntegers:
          m.append(out.integers, kLongestList);
          seen = Kind::kIntegers;
          break;
        case kType: type = m.integer(); break;
        default: break;
      }
    }
    // Values that are 0 or empty may be left out; then only the type says what it is.
    constexpr std::array<Kind, 9> kTypes{Kind::kOther, Kind::kNumber,  Kind::kInteger,  Kind::kText, Kind::kTensor,
                                         Kind::kOther, Kind::kNumbers, Kind::kIntegers, Kind::kOther};
    if (type == 0) out.kind = seen;
    else if (type > 0 && type < static_cast<int64_t>(kTypes.size())) out.kind = kTypes[static_cast<size_t>(type)];
    if (out.kind == Kind::kTensor && !out.tensor.defined()) bad_onnx("an attribute '" + its_name + "' has no tensor");
    if (its_name.empty()) bad_onnx("an attribute in it has no name");
    return {std::move(its_name), std::move(out)};
  }

  OnnxPort port(WireBytes bytes) {
    count();
    OnnxPort out;
    for (WireMessage m(bytes); m.next();) {
      enum { kName = 1, kType = 2 };
      if (m.field() == kName) out.name = name(m.text());
      if (m.field() != kType) continue;
      for (WireMessage type(m.bytes()); type.next();) {
        enum { kTensor = 1 };
        if (type.field() == kTensor) tensor_type(type.bytes(), out);
      }
    }
    return out;
  }

  static void tensor_type(WireBytes bytes, OnnxPort& out) {
    for (WireMessage m(bytes); m.next();) {
      enum { kElement = 1, kShape = 2 };
      if (m.field() == kElement) out.is_float = is_onnx_float(m.integer());
      if (m.field() != kShape) continue;
      out.has_shape = true;
      for (WireMessage shape(m.bytes()); shape.next();) {
        enum { kDim = 1, kValue = 1 };
        if (shape.field() != kDim) continue;
        if (out.shape.size() >= kMostDims) bad_onnx("a shape in it has too many dimensions");
        int64_t size = -1;
        for (WireMessage dim(shape.bytes()); dim.next();)
          if (dim.field() == kValue) size = dim.integer();
        out.shape.push_back(size < 1 ? -1 : size);
      }
    }
  }

  OnnxTensors tensors_;
  size_t parts_ = 0;
};

}  // namespace

bool looks_like_onnx(std::span<const uint8_t> bytes) {
  // The version of the format first, a small number, then what made the file or the graph.
  constexpr uint8_t kVersionKey = 0x08, kBytesForm = 2, kVarintForm = 0;
  return bytes.size() > 3 && bytes[0] == kVersionKey && bytes[1] > 0 && bytes[1] < 0x20 &&
         ((bytes[2] & 7) == kBytesForm || (bytes[2] & 7) == kVarintForm) && (bytes[2] >> 3) > 0 && bytes[2] < 0x80;
}

OnnxGraph read_onnx(const MappedFile& file) {
  try {
    return Reader(file).model(file.bytes());
  } catch (Error& e) {
    e.in_file(file.path());
    throw;
  }
}

}  // namespace easel::formats
