// `easel synth`: model files with the layout of the published ones and made-up values, for tests,
// demonstrations and benchmarks. The same name, size and seed give the same file on any machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "formats/onnx/onnx.h"
#include "formats/tensors/torch_writer.h"
#include "synth/models/manifest.h"

namespace easel::synth {

enum class SynthSize {
  kTiny,  // the whole topology with small widths: about 0.9 GB altogether, the extra ones 0.7
  kFull,  // the published sizes: about 38 GB altogether, the extra ones 27
};

// The container of the tensors.
enum class Packing {
  kSafetensors,
  kTorchFlat,       // {"name": tensor, ...}
  kTorchStateDict,  // {"state_dict": {...}, "global_step": 0}
  kTorchNested,     // {"image_proj": {...}, "ip_adapter": {...}}: nested at the first dot
  kOnnx,            // with the operations that `graph` lists
  kTorchModule,     // `module` whole, as ultralytics saves it
};

// The prediction of an SD 2.x UNet, which loaders recognise by the standard deviation of one bias.
enum class PredictionMark { kVelocity, kEps };

struct SynthFile {
  std::string path;  // "checkpoints/sd_xl_base_1.0.safetensors": folder and file name in a model folder
  Packing packing = Packing::kSafetensors;
  Manifest tensors;
  PredictionMark mark = PredictionMark::kVelocity;
  std::shared_ptr<const formats::OnnxGraph> graph = {};  // of an ONNX file, without its tensors
  std::shared_ptr<const formats::TorchModule> module = {};
  int64_t trained_size = 640;  // of the pictures that a module was trained with

  // Bytes of tensor data; all are f16.
  uint64_t bytes() const;
};

// The files that the reference workflows name.
std::vector<SynthFile> synthetic_files(SynthSize size);
// Further kinds of model files, under names of their own: other families, layouts and adapters.
std::vector<SynthFile> extra_synthetic_files(SynthSize size);

struct SynthProgress {
  const SynthFile& file;
  size_t index, count;  // of the file among those to write
  uint64_t written;     // bytes of this file's tensor data so far
};
using SynthCallback = std::function<void(const SynthProgress&)>;

struct SynthOptions {
  SynthSize size = SynthSize::kTiny;
  uint64_t seed = 0;
  std::vector<std::string> only = {};  // write files whose path contains one of these; empty: all
  bool extra = false;                  // the extra files too
};

// Writes the files below `folder`, makes missing folders, and replaces files of the same name. Holds only a few MiB at
// a time. Returns the paths written. Throws Error(kUsage) if `only` matches no file, Error(kCancelled), and what
// AtomicFile throws.
std::vector<std::filesystem::path> write_synthetic(const std::filesystem::path& folder, const SynthOptions& options,
                                                   const SynthCallback& progress = {}, const CancelToken& cancel = {});

// SHA-256 of the file's tensor data in file order, as hexadecimal digits, without writing anything.
std::string data_digest(const SynthFile& file, uint64_t seed);

}  // namespace easel::synth
