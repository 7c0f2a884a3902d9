// Opening any kind of model file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/files/file_version.h"
#include "formats/onnx/onnx.h"
#include "formats/tensors/safetensors.h"
#include "tensor/stored_tensor.h"

namespace easel::formats {

// How tensors are packed in a file.
enum class Container { kSafetensors, kTorchZip, kTorchLegacy, kOnnx };

// "safetensors", "torch zip", "torch legacy", "ONNX"
std::string_view container_name(Container container);

// The tensors of a model file. They are views of the mapped file, so they take address space, but no memory until read.
struct ModelFile {
  std::string path;
  FileVersion version;  // of the file as it was opened
  Container container = Container::kSafetensors;
  std::shared_ptr<const StoredTensors> tensors;  // file order; nested names joined with dots
  Metadata metadata;                             // safetensors metadata, or a torch file's top-level texts, numbers
                                                 // and "True", "False", "None"
  // What is done with the tensors, of an ONNX file; else null.
  std::shared_ptr<const OnnxGraph> graph = {};

  // For messages: the name without folder.
  std::string name() const { return std::filesystem::path(path).filename().string(); }

  // The top-level key that held the tensors of a torch file ("state_dict", "string_to_param", or the only
  // key there was); it is not part of the tensors' names. Empty when there was none.
  std::string wrapper;
};

// Opens a file by its content, regardless of its name: safetensors, and the output of torch.save, as the zip archive of
// current versions or the stream of PyTorch before 1.6, and ONNX. Nothing in a file is executed or trusted.
// Throws Error(kMissing) if it cannot be opened, Error(kBadFile) if it is damaged, hostile or not a model file (common
// other kinds are named), Error(kUnsupported) for valid files of a kind that Easel does not read. Every message names
// the file.
ModelFile open_model_file(const std::filesystem::path& path);

}  // namespace easel::formats
