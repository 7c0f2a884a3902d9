// ONNX files: the graph, every value of its tensors, and what small graphs compute.
#include "formats/onnx/onnx.h"
#include "fuzz/fuzz.h"
#include "models/onnx/network.h"
#include "tensor/memory_guard.h"

namespace easel::fuzz {
namespace {

void read(const StoredTensor& tensor) {
  require(tensor.defined());
  if (tensor.is_float()) require(tensor.decoded().numel() == tensor.numel());
  else require(static_cast<int64_t>(formats::whole_numbers(tensor).size()) == tensor.numel());
}

// Values that would take long to compute are refused as they would be within a small budget.
class SmallBudget final : public MemoryGuard {
 public:
  void before(size_t bytes) override {
    if (bytes > kMost) throw Error(Fault::kMemory, "more than the fuzzer allows");
  }
  bool make_room(size_t bytes) override { return bytes <= kMost; }
  size_t beside_models() const override { return 0; }

 private:
  static constexpr size_t kMost = size_t{4} << 20;
};

void read_onnx_file(Bytes bytes) {
  (void)formats::looks_like_onnx(bytes);
  const formats::OnnxGraph graph = formats::read_onnx(MappedFile::open(file_of(bytes)));
  for (const auto& [name, tensor] : graph.tensors) read(tensor);
  for (const formats::OnnxNode& node : graph.nodes)
    for (const auto& [name, attribute] : node.attributes)
      if (attribute.kind == formats::OnnxAttribute::Kind::kTensor) read(attribute.tensor);
  constexpr size_t kSmall = 32;
  if (graph.nodes.size() > kSmall) return;
  SmallBudget budget;
  const MemoryGuardScope scope(budget);
  const models::OnnxNetwork measured(graph, ops::Packer::measure()), network(graph, ops::Packer::pack());
  require(measured.bytes() == network.bytes());
  Shape shape;
  for (const int64_t size : graph.inputs[0].shape)
    if (shape.rank() < Shape::kMaxRank) shape.push_back(size < 1 || size > 16 ? 4 : size);
  for (const Tensor& out : network.forward(Tensor::full(shape, 0.5f))) require(out.defined());
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read_onnx_file)
