// Opening any kind of model file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/files/file_version.h"
#include "formats/tensors/safetensors.h"
#include "tensor/stored_tensor.h"

namespace easel::formats {

// How tensors are packed in a file.
enum class Container { kSafetensors, kTorchZip, kTorchLegacy };

// "safetensors", "torch zip", "torch legacy"
std::string_view container_name(Container container);

// A model file's tensors. Holding it costs address space, not memory: the tensors view the mapped file.
struct ModelFile {
  std::string path;
  FileVersion version;  // of the file as it was opened
  Container container = Container::kSafetensors;
  std::shared_ptr<const StoredTensors> tensors;  // file order; nested names joined with dots
  Metadata metadata;                             // safetensors metadata, or a torch file's top-level texts and numbers
  // For messages: the name without folder.
  std::string name() const { return std::filesystem::path(path).filename().string(); }

  // The top-level key that held the tensors of a torch file ("state_dict", "string_to_param", or the only
  // key there was); it is not part of the tensors' names. Empty when there was none.
  std::string wrapper;
};

// Opens a file by what it contains, whatever its name: safetensors, and what torch.save writes, in the
// zip form and in the stream form of PyTorch before 1.6. Nothing in a file is executed or trusted.
// Throws Error(kMissing) when it cannot be opened, Error(kBadFile) when it is damaged, hostile or no
// model file (a few kinds people commonly meet are named), Error(kUnsupported) for good files of a kind
// Easel does not read; each names the file.
ModelFile open_model_file(const std::filesystem::path& path);

}  // namespace easel::formats
