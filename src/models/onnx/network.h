// Networks that are published as ONNX files, run on ops.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/tensors/model_file.h"
#include "memory/resident.h"
#include "ops/packer.h"
#include "tensor/tensor.h"

namespace easel::models {

class OnnxNetwork {
 public:
  // Makes every operation of the graph ready; what needs nothing but constants is computed here. Throws Error(kBadFile)
  // for a graph that does not fit together, Error(kUnsupported) that names the operation and what of it Easel does not
  // compute.
  OnnxNetwork(const formats::OnnxGraph& graph, const ops::Packer& packer);
  ~OnnxNetwork();

  // The graph's outputs for its one input, f32 in ONNX's order of dimensions, on the host. An error of kBadFile names
  // the operation that what it is given does not fit.
  std::vector<Tensor> forward(const Tensor& input) const;
  // What was made ready, in memory.
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

struct OnnxHandle {
  std::string file;
  std::vector<formats::OnnxPort> inputs, outputs;
  std::shared_ptr<memory::Resident<OnnxNetwork>> model;

  // The outputs for an input. `working` bytes are held while it computes, as an estimate; each value it makes is asked
  // of the memory budget by itself. Errors name the file.
  std::vector<Tensor> run(memory::Residency& residency, const Tensor& input, size_t working) const;
};

// Throws Error(kUnsupported) that names the file if it is not an ONNX file, or holds what Easel does not compute,
// Error(kBadFile) if it is damaged or has not one input of floats. It computes in f32.
OnnxHandle load_onnx_network(memory::Residency& residency, const formats::ModelFile& file);

}  // namespace easel::models
