#include "synth/models/synth.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/sha256.h"
#include "formats/onnx/writer.h"
#include "formats/tensors/safetensors.h"
#include "synth/models/values.h"

namespace easel::synth {
namespace {

using Sink = std::function<void(const void*, size_t)>;

std::string file_name(const SynthFile& file) { return file.path.substr(file.path.rfind('/') + 1); }

// Hands the tensors' bytes to `sink` in file order, a few MiB at a time.
void generate(const SynthFile& file, uint64_t seed, const Sink& sink) {
  constexpr int64_t kChunk = 2 << 20;
  std::vector<Half> buffer(static_cast<size_t>(kChunk));
  const std::string name = file_name(file);
  for (const auto& [tensor, shape] : file.tensors) {
    const uint64_t state = value_state(name, tensor, seed);
    const ValueRule rule = value_rule(tensor, shape, file.mark == PredictionMark::kVelocity);
    for (int64_t first = 0, n = shape.numel(); first < n; first += kChunk) {
      const int64_t count = std::min(kChunk, n - first);
      fill_values(state, rule, first, count, buffer.data());
      sink(buffer.data(), static_cast<size_t>(count) * sizeof(Half));
    }
  }
}

std::vector<std::string> item_path(Packing packing, const std::string& name) {
  if (packing == Packing::kTorchStateDict) return {"state_dict", name};
  const size_t split = name.find('.');
  if (packing == Packing::kTorchNested && split != std::string::npos)
    return {name.substr(0, split), name.substr(split + 1)};
  return {name};
}

void write_file(const std::filesystem::path& path, const SynthFile& file, uint64_t seed, const Sink& watch) {
  const auto write_with = [&](auto& writer) {
    generate(file, seed, [&](const void* data, size_t bytes) {
      writer.write(data, bytes);
      watch(data, bytes);
    });
    writer.commit();
  };
  if (file.packing == Packing::kSafetensors) {
    std::vector<formats::TensorSpec> specs;
    for (const auto& [name, shape] : file.tensors) specs.push_back({name, DType::kF16, shape});
    formats::SafetensorsWriter writer(path, specs);
    write_with(writer);
    return;
  }
  if (file.packing == Packing::kOnnx) {
    std::vector<formats::TensorSpec> specs;
    for (const auto& [name, shape] : file.tensors) specs.push_back({name, DType::kF16, shape});
    formats::OnnxWriter writer(path, *file.graph, specs);
    write_with(writer);
    return;
  }
  if (file.packing == Packing::kTorchModule) {
    const std::vector<std::pair<std::string, formats::TorchPlain>> beside{
        {"epoch", int64_t{-1}},
        {"best_fitness", nullptr},
        {"ema", nullptr},
        {"updates", nullptr},
        {"optimizer", nullptr},
        {"train_args", std::map<std::string, int64_t>{{"batch", 16}, {"imgsz", file.trained_size}}},
        {"version", "8.0.43"}};
    formats::TorchWriter writer(path, "model", *file.module, DType::kF16, beside);
    write_with(writer);
    return;
  }
  std::vector<formats::TorchItem> items;
  for (const auto& [name, shape] : file.tensors) items.push_back({item_path(file.packing, name), DType::kF16, shape});
  const bool checkpoint = file.packing == Packing::kTorchStateDict;
  formats::TorchWriter writer(
      path, std::move(items),
      checkpoint ? std::map<std::string, int64_t>{{"global_step", 0}} : std::map<std::string, int64_t>{});
  write_with(writer);
}

std::vector<SynthFile> chosen_files(const SynthOptions& options) {
  std::vector<SynthFile> files = synthetic_files(options.size);
  if (options.extra)
    for (SynthFile& f : extra_synthetic_files(options.size)) files.push_back(std::move(f));
  if (options.only.empty()) return files;
  std::erase_if(files, [&](const SynthFile& f) {
    return std::none_of(options.only.begin(), options.only.end(),
                        [&](const std::string& part) { return f.path.find(part) != std::string::npos; });
  });
  if (files.empty()) throw Error(Fault::kUsage, "no synthetic file has '" + options.only.front() + "' in its name");
  return files;
}

}  // namespace

uint64_t SynthFile::bytes() const {
  uint64_t n = 0;
  for (const auto& [name, shape] : tensors) n += static_cast<uint64_t>(shape.numel()) * sizeof(Half);
  return n;
}

std::vector<std::filesystem::path> write_synthetic(const std::filesystem::path& folder, const SynthOptions& options,
                                                   const SynthCallback& progress, const CancelToken& cancel) {
  const std::vector<SynthFile> files = chosen_files(options);
  std::vector<std::filesystem::path> written;
  for (size_t i = 0; i < files.size(); ++i) {
    const auto path = folder / files[i].path;
    std::error_code code;
    std::filesystem::create_directories(path.parent_path(), code);
    if (code)
      throw Error(Fault::kBadFile, "cannot make the folder: " + code.message()).in_file(path.parent_path().string());
    uint64_t bytes = 0;
    write_file(path, files[i], options.seed, [&](const void*, size_t n) {
      cancel.check();
      bytes += n;
      if (progress) progress({files[i], i, files.size(), bytes});
    });
    written.push_back(path);
  }
  return written;
}

std::string data_digest(const SynthFile& file, uint64_t seed) {
  Sha256 hash;
  generate(file, seed, [&](const void* data, size_t bytes) { hash.update(data, bytes); });
  return hash.hex();
}

}  // namespace easel::synth
