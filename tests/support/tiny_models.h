// The small synthetic model files, made once per build tree and shared by all test programs.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/sha256.h"
#include "support/paths.h"
#include "synth/models/synth.h"

namespace easel::testing {

namespace detail {

// Holds a lock between processes while it lives; released by the system when a process dies.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0) throw Error(Fault::kMissing, "cannot lock").in_file(path.string());
  }
  ~FileLock() { ::close(fd_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

// Changes when what is generated changes, so that files of an older build are never used.
inline std::string tiny_models_version() {
  Sha256 hash;
  for (const auto& files :
       {synth::synthetic_files(synth::SynthSize::kTiny), synth::extra_synthetic_files(synth::SynthSize::kTiny)})
    for (const synth::SynthFile& file : files) {
      hash.update(file.path + (file.mark == synth::PredictionMark::kEps ? " eps\n" : "\n"));
      for (const auto& [name, shape] : file.tensors) hash.update(name + shape.str() + "\n");
      if (!file.graph) continue;
      for (const formats::OnnxNode& node : file.graph->nodes) {
        hash.update(node.op);
        for (const std::string& input : node.inputs) hash.update(" " + input);
        for (const auto& [name, attribute] : node.attributes) {
          hash.update(" " + name + std::to_string(attribute.integer) + std::to_string(attribute.number));
          for (const int64_t v : attribute.integers) hash.update(" " + std::to_string(v));
        }
        hash.update("\n");
      }
    }
  return hash.hex().substr(0, 12);
}

inline std::filesystem::path make_tiny_models() {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(kBinaryDir) / "tiny-models";
  const fs::path folder = root / tiny_models_version(), part = root / "part";
  if (fs::exists(folder)) return folder;
  fs::create_directories(root);
  const FileLock lock(root / "lock");
  if (fs::exists(folder)) return folder;
  for (const auto& old : fs::directory_iterator(root))
    if (old.is_directory()) fs::remove_all(old.path());
  synth::write_synthetic(part, {.size = synth::SynthSize::kTiny, .extra = true});
  fs::rename(part, folder);
  return folder;
}

}  // namespace detail

// A model folder with every synthetic file, tiny, seed 0, the extra ones as well. The first call in a
// build tree takes some seconds; safe when several test programs ask at once.
inline const std::filesystem::path& tiny_models_dir() {
  static const std::filesystem::path folder = detail::make_tiny_models();
  return folder;
}

}  // namespace easel::testing
