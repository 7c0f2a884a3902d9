// Where model files are: ComfyUI's folder layout, and extra_model_paths.yaml.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace easel::library {

// Folders by kind: "checkpoints", "vae", "loras", "clip_vision", ... A kind may have several folders; a name is
// looked for in order. Kinds that were renamed over time ("clip" and "text_encoders", "unet" and
// "diffusion_models", "t2i_adapter" as part of "controlnet") mean the same. Thread-safe once set up.
class Folders {
 public:
  // No folders at all.
  Folders() = default;
  // The subfolders of `root` named by kind; root may also be a ComfyUI installation, whose models/ is meant. An
  // extra_model_paths.yaml in `root` or beside it is read as well. Throws Error(kMissing) when root is no folder.
  explicit Folders(const std::filesystem::path& root);
  Folders(const Folders& other);
  Folders& operator=(const Folders&) = delete;

  // Looked in after those already known, or, with `first`, before.
  void add(std::string_view kind, const std::filesystem::path& folder, bool first = false);
  // Throws Error(kMissing), or Error(kBadFile) naming the line that is not understood.
  void add_extra_paths(const std::filesystem::path& yaml);

  std::vector<std::string> kinds() const;
  std::vector<std::filesystem::path> folders(std::string_view kind) const;

  // Names of the model files of a kind, sorted, relative to their folder with '/' between. Only files with an
  // extension of model files. Folders are read again when they changed.
  std::vector<std::string> list(std::string_view kind) const;

  // The file of that name. Names that would leave the folder are never found; links inside it may lead anywhere,
  // their owner put them there. Throws Error(kMissing) that lists the nearest names there are and where was looked.
  std::filesystem::path find(std::string_view kind, std::string_view name) const;
  std::optional<std::filesystem::path> try_find(std::string_view kind, std::string_view name) const;

 private:
  struct Listing {
    std::vector<std::string> names;
    std::map<std::filesystem::path, std::filesystem::file_time_type> folders;  // as they were when read
  };
  bool fresh(const Listing& listing, const std::string& kind) const;
  Listing read(const std::string& kind) const;

  std::map<std::string, std::vector<std::filesystem::path>> folders_;
  mutable Mutex mutex_;
  mutable std::map<std::string, Listing> listings_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::library
