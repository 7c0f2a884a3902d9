#include "formats/tensors/model_file.h"

#include <cstdio>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "formats/tensors/torch_file.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

bool has_at(Bytes bytes, size_t offset, std::string_view text) {
  return bytes.size() >= offset + text.size() && std::memcmp(bytes.data() + offset, text.data(), text.size()) == 0;
}

// Recognises other kinds of files that people put into model folders by mistake, for the message.
[[noreturn]] void refuse(Bytes bytes) {
  if (bytes.empty()) throw Error(Fault::kBadFile, "the file is empty").fix("Download it again");
  if (has_at(bytes, 0, "version https://git-lfs"))
    throw Error(Fault::kBadFile, "is a Git LFS pointer, not the model itself")
        .fix("Run `git lfs pull`, or download the file");
  if (bytes[0] == '<')
    throw Error(Fault::kBadFile, "is a web page, not a model file").fix("Download it again, with access rights");
  if (has_at(bytes, 257, "ustar"))
    throw Error(Fault::kUnsupported, "is a torch file of the tar form, last written before PyTorch 0.2")
        .fix("Load and save it once with a later PyTorch");
  if (has_at(bytes, 0, "GGUF"))
    throw Error(Fault::kUnsupported, "is a GGUF file").fix("Easel reads safetensors and torch files");
  if (has_at(bytes, 0, "\x89HDF"))
    throw Error(Fault::kUnsupported, "is a Keras (HDF5) file").fix("Easel reads safetensors and torch files");
  if (has_at(bytes, 0, "\x1f\x8b") || has_at(bytes, 0, "7z\xbc\xaf") || has_at(bytes, 0, "Rar!"))
    throw Error(Fault::kBadFile, "is a compressed archive, not a model file").fix("Unpack it");
  if (bytes[0] == 0x80) throw Error(Fault::kBadFile, "is a Python pickle, but not one that torch.save wrote");
  std::string start;
  for (size_t i = 0; i < bytes.size() && i < 8; ++i) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%02x ", bytes[i]);
    start += hex;
  }
  start.pop_back();
  throw Error(Fault::kBadFile,
              "is not a model file: neither safetensors nor torch nor ONNX (it starts with the bytes " + start + ")");
}

ModelFile from_torch(TorchContent content, Container container) {
  ModelFile out;
  out.container = container;
  out.tensors = std::make_shared<const StoredTensors>(std::move(content.tensors));
  out.metadata = std::move(content.metadata);
  out.wrapper = std::move(content.wrapper);
  return out;
}

ModelFile read(const MappedFile& file) {
  const Bytes bytes = file.bytes();
  if (looks_like_torch_zip(bytes)) return from_torch(read_torch_zip(file), Container::kTorchZip);
  if (looks_like_torch_legacy(bytes)) return from_torch(read_torch_legacy(file), Container::kTorchLegacy);
  if (!looks_like_safetensors(bytes) && looks_like_onnx(bytes)) {
    const auto graph = std::make_shared<const OnnxGraph>(read_onnx(file));
    ModelFile out;
    out.container = Container::kOnnx;
    out.tensors = std::shared_ptr<const StoredTensors>(graph, &graph->tensors);
    out.graph = graph;
    return out;
  }
  if (!looks_like_safetensors(bytes)) refuse(bytes);
  ModelFile out;
  out.tensors = std::make_shared<const StoredTensors>(read_safetensors(file, &out.metadata));
  return out;
}

}  // namespace

std::string_view container_name(Container container) {
  switch (container) {
    case Container::kSafetensors: return "safetensors";
    case Container::kTorchZip: return "torch zip";
    case Container::kTorchLegacy: return "torch legacy";
    case Container::kOnnx: return "ONNX";
  }
  return "unknown";
}

ModelFile open_model_file(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path);
  try {
    ModelFile out = read(file);
    require_unchanged(file.storage());
    out.path = file.path();
    out.version = mapped_file(file.storage());
    return out;
  } catch (Error& e) {
    e.in_file(file.path());
    throw;
  }
}

}  // namespace easel::formats
