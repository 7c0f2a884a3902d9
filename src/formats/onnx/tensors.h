// The tensors of an ONNX file.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "formats/onnx/wire.h"
#include "tensor/mapped_file.h"
#include "tensor/stored_tensor.h"

namespace easel::formats {

// Whether the values of ONNX's element type of that number are floats.
bool is_onnx_float(int64_t type);

// Reads tensors out of a file, and out of files beside it. Throws as read_onnx() does.
class OnnxTensors {
 public:
  explicit OnnxTensors(const MappedFile& file) : file_(file) {}

  // The name and values of a TensorProto.
  std::pair<std::string, StoredTensor> read(WireBytes message);

 private:
  // A file beside the ONNX file, and how many bytes of it are still not taken: tensors of one never overlap, so that
  // copies of those that lie unaligned cannot fill any memory.
  struct Beside {
    MappedFile file;
    uint64_t rest;
  };
  struct Place {
    std::string location;
    int64_t offset = 0, length = -1;
  };
  WireBytes outside(const Place& place, uint64_t bytes, StorageRef& storage);

  const MappedFile& file_;
  std::map<std::string, Beside> beside_;  // by their resolved paths: one file has many names
};

}  // namespace easel::formats
