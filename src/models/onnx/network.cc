#include "models/onnx/network.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/cancel.h"
#include "base/error.h"
#include "models/onnx/operator.h"
#include "models/weights/packed_model.h"

namespace easel::models {

using formats::OnnxGraph;
using formats::OnnxNode;
using onnx::Inputs;
using onnx::Outputs;
using onnx::Value;

namespace {

constexpr int64_t kOldest = 7, kNewest = 23;  // versions of the operators whose definitions were read
constexpr size_t kNoPlace = static_cast<size_t>(-1);
// What computing constants may read and make in all, beyond a few times what the file holds: a file of a few bytes can
// ask for any number of them.
constexpr size_t kMostFolded = size_t{256} << 20, kTimesTheFile = 4;

size_t bytes_of(const Value& value) {
  return value.is_whole ? value.whole.values.size() * sizeof(int64_t) : value.floats.nbytes();
}

// Runs a part of an operation; its errors say which one it was.
template <class F>
auto at_node(const OnnxNode& node, const F& act) {
  try {
    return act();
  } catch (const Error& e) {
    if (e.fault() != Fault::kInternal && e.fault() != Fault::kBadFile && e.fault() != Fault::kUnsupported) throw;
    const std::string which = node.op + (node.name.empty() ? "" : " '" + node.name + "'");
    const bool unsupported = e.fault() == Fault::kUnsupported;
    throw Error(unsupported ? Fault::kUnsupported : Fault::kBadFile,
                "its operation " + which + (unsupported ? ": " : " does not fit what it is given: ") + e.message());
  }
}

// An operation that is computed when the graph runs.
struct Step {
  OnnxNode node;  // its names, for errors
  onnx::Run run;
  std::vector<size_t> inputs, outputs;  // places of values; kNoPlace: left out
  std::vector<size_t> last;             // values that are not needed after it
};

}  // namespace

struct OnnxNetwork::Impl {
  Impl(const OnnxGraph& graph, const ops::Packer& packer) : device(packer.device()) {
    if (graph.opset < kOldest || graph.opset > kNewest)
      throw Error(Fault::kUnsupported, "it has version " + std::to_string(graph.opset) +
                                           " of ONNX's operators; Easel computes versions " + std::to_string(kOldest) +
                                           " to " + std::to_string(kNewest));
    if (graph.inputs.size() != 1 || !graph.inputs[0].is_float)
      throw Error(Fault::kBadFile, "it has " + std::to_string(graph.inputs.size()) +
                                       " inputs, where networks that Easel runs have one, of floats");
    for (const OnnxNode& node : graph.nodes)
      for (const std::string& name : node.inputs) ++uses[name];
    for (const formats::OnnxPort& output : graph.outputs) ++uses[output.name];
    input = place_of(graph.inputs[0].name);
    for (const auto& [name, tensor] : graph.tensors) {
      const size_t place = place_of(name);
      stored[place] = &tensor;
      file_bytes += tensor.nbytes();
      constexpr int64_t kSmall = 4096;
      const bool known = !tensor.is_float() || tensor.numel() <= kSmall;
      if (known && uses.contains(name)) keep(place, onnx::value_of(tensor, device));
    }
    for (const OnnxNode& node : graph.nodes) add(node, graph.opset, packer);
    for (const formats::OnnxPort& output : graph.outputs) {
      const auto found = places.find(output.name);
      if (found == places.end()) throw Error(Fault::kBadFile, "nothing makes its output '" + output.name + "'");
      outputs.push_back(found->second);
      as_value(found->second);
    }
    find_last_uses();
    for (const auto& [place, value] : constants) held += bytes_of(value);
    stored.clear();  // the file may be closed
    places.clear();
    uses.clear();
  }

  size_t place_of(const std::string& name) {
    const auto [at, fresh] = places.try_emplace(name, count);
    if (!fresh) throw Error(Fault::kBadFile, "it has two values '" + name + "'");
    return count++, at->second;
  }

  void keep(size_t place, Value value) { constants.insert_or_assign(place, std::move(value)); }

  // A tensor of the file that something computes with as it is.
  void as_value(size_t place) {
    const auto tensor = stored.find(place);
    if (tensor != stored.end() && !constants.contains(place)) keep(place, onnx::value_of(*tensor->second, device));
  }

  void add(const OnnxNode& node, int64_t opset, const ops::Packer& packer) {
    poll_cancelled();
    at_node(node, [&] {
      const onnx::Operator* op = node.domain.empty() ? onnx::find_operator(node.op) : nullptr;
      if (!op)
        throw Error(Fault::kUnsupported, (node.domain.empty() ? "" : "it is of '" + node.domain + "', ") +
                                             std::string("one that Easel does not compute"));
      Step step{{.op = node.op, .domain = {}, .name = node.name, .inputs = {}, .outputs = {}, .attributes = {}},
                {},
                {},
                {},
                {}};
      std::vector<const StoredTensor*> of_file;
      std::vector<const Value*> known;
      for (const std::string& name : node.inputs) {
        size_t place = kNoPlace;
        if (!name.empty()) {
          const auto found = places.find(name);
          if (found == places.end()) throw Error(Fault::kBadFile, "nothing before it makes '" + name + "'");
          place = found->second;
        }
        step.inputs.push_back(place);
        const auto tensor = stored.find(place);
        const auto constant = constants.find(place);
        of_file.push_back(tensor == stored.end() ? nullptr : tensor->second);
        known.push_back(constant == constants.end() ? nullptr : &constant->second);
      }
      onnx::Node ready(node, opset, packer, std::move(of_file), std::move(known));
      step.run = op->make(ready);
      ready.refuse_rest(op->outputs);
      held += ready.bytes();
      // Layers that are only measured hold no weights to compute with.
      bool folds = !ready.takes_weights();
      for (size_t i = 0; i < step.inputs.size(); ++i) {
        if (ready.taken(i)) step.inputs[i] = kNoPlace;
        else as_value(step.inputs[i]);
        folds = folds && (step.inputs[i] == kNoPlace || constants.contains(step.inputs[i]));
      }
      for (const std::string& name : node.outputs) step.outputs.push_back(name.empty() ? kNoPlace : place_of(name));
      if (folds) fold(step, node);
      for (size_t i = 0; i < step.inputs.size(); ++i)
        if (folds || ready.taken(i)) used_once(node.inputs[i]);
      if (!folds) steps.push_back(std::move(step));
    });
  }

  // Computes what needs nothing but constants.
  void fold(const Step& step, const OnnxNode& node) {
    size_t read = 0, made_bytes = 0;
    for (const size_t place : step.inputs) read += place == kNoPlace ? 0 : bytes_of(constants.at(place));
    spend(read);
    const auto at = [&](size_t place) { return place == kNoPlace ? nullptr : &constants.at(place); };
    Outputs made = compute(step, at);
    for (const Value& value : made) made_bytes += bytes_of(value);
    if (step.inputs.empty()) file_bytes += made_bytes;  // a constant that the operation itself holds
    else spend(made_bytes);
    for (size_t i = 0; i < step.outputs.size(); ++i)
      if (step.outputs[i] != kNoPlace && uses.contains(node.outputs[i])) keep(step.outputs[i], std::move(made[i]));
  }

  void spend(size_t bytes) {
    folded += bytes;
    if (folded > kMostFolded + kTimesTheFile * file_bytes)
      throw Error(Fault::kBadFile, "constants of more bytes than any network has");
  }

  // Constants go with their last use, if no step is among those.
  void used_once(const std::string& name) {
    if (!name.empty() && --uses.at(name) == 0) constants.erase(places.at(name));
  }

  template <class At>
  static Outputs compute(const Step& step, const At& at) {
    std::vector<const Value*> values;
    for (const size_t place : step.inputs) values.push_back(at(place));
    Outputs made = step.run(Inputs(std::move(values)));
    for (size_t i = made.size(); i < step.outputs.size(); ++i)
      if (step.outputs[i] != kNoPlace) throw Error(Fault::kBadFile, "it has more outputs than it makes");
    return made;
  }

  void find_last_uses() {
    std::vector<bool> used(count, false);
    for (const size_t place : outputs) used[place] = true;
    for (size_t i = steps.size(); i-- > 0;) {
      for (const auto* list : {&steps[i].inputs, &steps[i].outputs})
        for (const size_t place : *list) {
          if (place == kNoPlace || used[place]) continue;
          used[place] = true;
          if (!constants.contains(place)) steps[i].last.push_back(place);
        }
    }
  }

  Device device;
  // While it is made ready, by name: the places of values, and how often they are still to be used.
  std::unordered_map<std::string, size_t> places, uses;
  std::map<size_t, const StoredTensor*> stored;  // the same: the file's tensors
  std::map<size_t, Value> constants;
  std::vector<Step> steps;
  std::vector<size_t> outputs;
  size_t input = 0, count = 0, held = 0;
  size_t file_bytes = 0, folded = 0;
};

OnnxNetwork::OnnxNetwork(const OnnxGraph& graph, const ops::Packer& packer)
    : impl_(std::make_unique<const Impl>(graph, packer)) {}
OnnxNetwork::~OnnxNetwork() = default;

size_t OnnxNetwork::bytes() const { return impl_->held; }

std::vector<Tensor> OnnxNetwork::forward(const Tensor& input) const {
  const Impl& m = *impl_;
  std::vector<Value> values(m.count);
  values[m.input] = input.to(m.device);
  const auto at = [&](size_t place) -> const Value* {
    if (place == kNoPlace) return nullptr;
    const auto constant = m.constants.find(place);
    return constant == m.constants.end() ? &values[place] : &constant->second;
  };
  for (const Step& step : m.steps) {
    poll_cancelled();
    at_node(step.node, [&] {
      Outputs made = Impl::compute(step, at);
      for (size_t i = 0; i < step.outputs.size(); ++i)
        if (step.outputs[i] != kNoPlace) values[step.outputs[i]] = std::move(made[i]);
    });
    for (const size_t place : step.last) values[place] = {};
  }
  std::vector<Tensor> out;
  for (const size_t place : m.outputs) {
    const Value& value = *at(place);
    if (!value.defined || value.is_whole) throw Error(Fault::kBadFile, "an output of it is not of floats");
    out.push_back(contiguous(value.floats).to(kHost));
  }
  return out;
}

std::vector<Tensor> OnnxHandle::run(memory::Residency& residency, const Tensor& input, size_t working) const {
  try {
    const auto network = model->get();
    const auto held = residency.hold(working, file + " at work");
    return network->forward(input);
  } catch (Error& e) {
    if (e.fault() == Fault::kBadFile || e.fault() == Fault::kUnsupported) e.in_file(file);
    throw;
  }
}

OnnxHandle load_onnx_network(memory::Residency& residency, const formats::ModelFile& file) {
  if (!file.graph)
    throw Error(Fault::kUnsupported, "is a file of kind " + std::string(formats::container_name(file.container)) +
                                         ", where an ONNX file is needed")
        .in_file(file.name());
  OnnxHandle handle{file.name(), file.graph->inputs, file.graph->outputs, nullptr};
  try {
    // Files without tensors of their own are told apart by name and version.
    handle.model = packed_model<OnnxNetwork>(
        residency, handle.file, {"onnx\n" + file.path + "\n" + file.version.version, file.tensors, DType::kF32},
        [graph = file.graph](const ops::Packer& packer) {
          return std::make_shared<const OnnxNetwork>(*graph, packer);
        });
  } catch (Error& e) {
    e.in_file(handle.file);
    throw;
  }
  return handle;
}

}  // namespace easel::models
