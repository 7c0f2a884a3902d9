#include "library/model_files.h"

namespace easel::library {

std::shared_ptr<const formats::ModelFile> ModelFiles::open(const std::filesystem::path& path) {
  const MutexLock lock(mutex_);
  std::weak_ptr<const formats::ModelFile>& known = known_[path];
  auto file = known.lock();
  if (!file || file->version != file_version(path)) {
    file = std::make_shared<const formats::ModelFile>(formats::open_model_file(path));
    known = file;
  }
  return file;
}

}  // namespace easel::library
