// Opens model files; nothing else does.
#pragma once

#include <filesystem>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "formats/tensors/model_file.h"

namespace easel::library {

// Opens each model file once and keeps it open while it is in use, so that all loaders of a file share one mapping. A
// file that has since been changed or replaced is opened again. Thread-safe.
class ModelFiles {
 public:
  // Throws as formats::open_model_file() does.
  std::shared_ptr<const formats::ModelFile> open(const std::filesystem::path& path);

 private:
  Mutex mutex_;
  std::map<std::filesystem::path, std::weak_ptr<const formats::ModelFile>> known_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::library
