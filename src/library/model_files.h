// The one opener of model files.
#pragma once

#include <filesystem>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "formats/tensors/model_file.h"

namespace easel::library {

// Opens each model file once and keeps it while anyone uses it: all loaders of a file then share one mapping. A file
// that was changed or replaced since is opened anew. Thread-safe.
class ModelFiles {
 public:
  // Throws what formats::open_model_file() throws.
  std::shared_ptr<const formats::ModelFile> open(const std::filesystem::path& path);

 private:
  Mutex mutex_;
  std::map<std::filesystem::path, std::weak_ptr<const formats::ModelFile>> known_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::library
