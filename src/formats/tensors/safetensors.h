// The safetensors file format: 8 bytes of header length, a JSON header, one buffer of tensor data.
// https://huggingface.co/docs/safetensors
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "tensor/mapped_file.h"
#include "tensor/stored_tensor.h"

namespace easel::formats {

// Free-form strings that travel with a model file.
using Metadata = std::map<std::string, std::string>;

// Whether the bytes start like a safetensors file (the content may still be damaged).
bool looks_like_safetensors(std::span<const uint8_t> bytes);

// All tensors of the file in header order, as views that keep the mapping alive; tensors that lie
// unaligned in the file are copied. `metadata`, if given, receives the "__metadata__" strings.
// Nothing in the file is trusted: throws Error(kBadFile) naming the file and the tensor when the header
// is cut short, above 100 MB, not the expected JSON or names a tensor twice, when a tensor's bytes do
// not match its type and shape, or when the tensors do not tile the buffer exactly (the format allows
// neither gaps nor overlaps); Error(kUnsupported) for an element type Easel does not have.
StoredTensors read_safetensors(const MappedFile& file, Metadata* metadata = nullptr);

// Name, type and shape of a tensor to be written.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

// Writes a safetensors file whose data arrive piece by piece, so that it need not fit into memory.
// The file appears under its name at commit(), never half-written.
class SafetensorsWriter {
 public:
  // Writes the header. Throws Error(kUsage) when a name occurs twice, else what AtomicFile throws.
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                    const Metadata& metadata = {});

  // Appends data bytes: the tensors' elements in C order, one tensor after the other.
  void write(const void* data, size_t bytes);
  // Throws Error(kInternal) when more or fewer bytes were written than the header says.
  void commit();

 private:
  AtomicFile file_;
  uint64_t end_ = 0;
};

// The bytes of a file that write_safetensors() would write.
std::string encode_safetensors(const TensorMap& tensors, const Metadata& metadata = {});

// Writes all tensors (any strides) in map order; stored ones whose encoding safetensors does not have as f32.
void write_safetensors(const std::filesystem::path& path, const StoredTensors& tensors, const Metadata& metadata = {});
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata = {});

}  // namespace easel::formats
