// Writing tensors the way torch.save does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/atomic_file.h"
#include "formats/tensors/safetensors.h"

namespace easel::formats {

// One entry of the dictionary a torch file holds. A path of one name is a top-level entry, a longer one
// lies in nested dictionaries: {"state_dict", "a.weight"}. Entries with the same outer names must follow
// each other.
struct TorchItem {
  std::vector<std::string> path;
  DType dtype = DType::kF32;
  Shape shape;
};

// A text, number, list or dictionary among the attributes of an object.
using TorchPlain = std::variant<std::nullptr_t, bool, int64_t, double, std::string, std::vector<int64_t>,
                                std::map<int64_t, std::string>, std::map<std::string, int64_t>>;

// A torch.nn.Module, as torch.save writes it whole.
struct TorchModule {
  std::string kind;  // package and class: "torch.nn.modules.conv.Conv2d"
  std::vector<std::pair<std::string, TorchPlain>> attributes = {};
  std::vector<std::pair<std::string, Shape>> parameters = {}, buffers = {};
  std::vector<std::pair<std::string, TorchModule>> modules = {};
  // Of a class whose method it keeps as "detect", as ultralytics' older heads for masks do; else empty.
  std::string method_of = {};
  // A method of its own that it keeps as "forward", as ultralytics' fuse() leaves convolutions; else empty.
  std::string own_method = {};

  // Its tensors in the order in which they are written, by their names below `prefix`.
  std::vector<std::pair<std::string, Shape>> tensors(const std::string& prefix = {}) const;
};

// Writes a zip archive that torch.load and open_model_file() read: pickle protocol 2, storages stored
// and aligned to 64 bytes, zip64 where sizes ask for it. Data arrive piece by piece, so that they need
// not fit into memory; the file appears under its name at commit(), never half-written.
class TorchWriter {
 public:
  // `numbers` become top-level integers behind the tensors ("global_step").
  // Throws Error(kUsage) for an empty path, else what AtomicFile throws.
  TorchWriter(const std::filesystem::path& path, std::vector<TorchItem> items,
              const std::map<std::string, int64_t>& numbers = {});
  // {name: the module whole, ...}, with all of its tensors of one type.
  TorchWriter(const std::filesystem::path& path, const std::string& name, const TorchModule& module, DType dtype,
              const std::vector<std::pair<std::string, TorchPlain>>& beside);

  // Appends data bytes: the tensors' elements in C order, one tensor after the other.
  void write(const void* data, size_t bytes);
  // Throws Error(kInternal) when more or fewer bytes were written than declared.
  void commit();

 private:
  struct Entry {
    std::string name;
    uint64_t offset = 0, data = 0, bytes = 0;
    uint32_t crc = 0;
  };
  void begin_entry(const std::string& name, uint64_t bytes);
  void end_entry();
  void whole_entry(const std::string& name, std::string_view content);
  void begin_storages();
  void write_directory();

  AtomicFile file_;
  std::string folder_;
  std::vector<TorchItem> items_;
  std::vector<Entry> entries_;
  size_t next_ = 0;    // item whose storage is being written or comes next
  uint64_t left_ = 0;  // bytes it still needs
};

}  // namespace easel::formats
