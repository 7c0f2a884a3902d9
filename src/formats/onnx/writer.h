// Writing ONNX files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "formats/onnx/onnx.h"
#include "formats/tensors/safetensors.h"

namespace easel::formats {

// Writes a graph whose tensors' data arrive piece by piece, so that they need not fit into memory. The file appears
// under its name at commit(), never half-written.
class OnnxWriter {
 public:
  // Writes what stands before the tensors. Of `graph` everything but its tensors is taken, which are `tensors`. Throws
  // Error(kUsage) for an element type or an attribute that is not written, else what AtomicFile throws.
  OnnxWriter(const std::filesystem::path& path, const OnnxGraph& graph, const std::vector<TensorSpec>& tensors);

  // Appends data bytes: the tensors' elements in C order, one tensor after the other.
  void write(const void* data, size_t bytes);
  // Throws Error(kInternal) when more or fewer bytes were written than declared.
  void commit();

 private:
  struct Part {
    std::string before;  // what stands before the data in the file
    uint64_t bytes = 0;  // of data
  };
  void begin_parts();

  AtomicFile file_;
  std::vector<Part> parts_;
  std::string end_;
  size_t next_ = 0;    // the part whose data are being written or come next
  uint64_t left_ = 0;  // bytes it still needs
};

}  // namespace easel::formats
