// What a node may ask of its surroundings while it runs.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

namespace easel::library {
class Folders;
}
namespace easel::memory {
class Residency;
}
namespace easel::formats {
struct ModelFile;
}
namespace easel::models {
struct LatentFormat;
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

// How far a node has come.
struct Step {
  int value = 0, max = 0;
  const Tensor* latent = nullptr;                // what is being drawn, [N,h,w,C] as the model sees it; may be null
  const models::LatentFormat* format = nullptr;  // of that latent; null where there is none
};

// A finished picture on its way to a client instead of a file.
struct SentPicture {
  int value = 0, max = 0;  // which of how many
  std::string content_type, data;
};

struct Context {
  const library::Folders& folders;
  memory::Residency& residency;
  ModelFiles& files;
  Directories directories = {};
  DType compute = DType::kF32;  // what models multiply in
  CancelToken cancel = {};

  std::function<void(const Step&)> progress = {};
  // Hands a picture to the client that started the job; false when there is none that takes it.
  std::function<bool(const SentPicture&)> send_picture = {};
  // The models a sampler needs are there: its first step begins.
  std::function<void()> sampling = {};
  // Something a person should know that is no error.
  std::function<void(const std::string&)> warn = {};
  // Something only of interest to who asks for more (--verbose).
  std::function<void(const std::string&)> detail = {};
  // Named texts for saved pictures: "prompt" and whatever came with it ("workflow").
  std::vector<std::pair<std::string, std::string>> picture_text = {};
  // An input of some other node, named by title or class, as text: for names of saved files.
  std::function<std::optional<std::string>(const std::string& node, const std::string& input)> lookup = {};
};

}  // namespace easel::nodes
