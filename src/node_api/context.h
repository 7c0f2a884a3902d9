// What a node may ask of its surroundings while it runs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "node_api/node_events.h"
#include "tensor/dtype.h"

namespace easel::library {
class Folders;
}
namespace easel::memory {
class Residency;
}
namespace easel::formats {
struct ModelFile;
}

namespace easel::nodes {

// Where pictures come from and go to.
struct Directories {
  std::filesystem::path input = "input", output = "output", temp = "temp";
};

// Opens each model file once and keeps it while anyone uses it. Thread-safe.
class ModelFiles {
 public:
  ModelFiles();
  ~ModelFiles();
  // Throws what formats::open_model_file() throws.
  std::shared_ptr<const formats::ModelFile> open(const std::filesystem::path& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Context {
  const library::Folders& folders;
  memory::Residency& residency;
  ModelFiles& files;
  NodeEvents& events = no_events();
  Directories directories = {};
  DType compute = DType::kF32;  // what models multiply in
  CancelToken cancel = {};
  // Named texts for saved pictures: "prompt" and whatever came with it ("workflow").
  std::vector<std::pair<std::string, std::string>> picture_text = {};
};

}  // namespace easel::nodes
