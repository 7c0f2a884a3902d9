// What `easel bench` measures: models made of synthetic weights, and one evaluation of each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "synth/models/synth.h"
#include "tensor/tensor.h"

namespace easel::cli {

// One thing to measure. run() computes it once and returns its result, or the most significant part of that.
struct BenchSubject {
  std::string name;   // "sd15 unet"
  std::string shape;  // "512x512, batch 2"
  size_t weight_bytes = 0;
  double build_seconds = 0;  // packing of the weights
  std::function<Tensor()> run;
};

// "sd15", "sdxl", "vae", "clip-vision", "clip-text", "controlnet", "ip-adapter".
std::vector<std::string> bench_models();
// Builds the subjects of one model. Throws Error(kUsage) for an unknown name.
std::vector<BenchSubject> make_subjects(const std::string& model, synth::SynthSize size, DType compute);

}  // namespace easel::cli
