// Where model files are: ComfyUI's folder layout, and extra_model_paths.yaml.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files/walk.h"
#include "base/mutex.h"

namespace easel::library {

// Folders by kind: "checkpoints", "vae", "loras", "clip_vision", ... A kind may have several folders, which are
// searched in order. Earlier and later names of a kind are synonyms ("clip" and "text_encoders", "unet" and
// "diffusion_models", "t2i_adapter" as part of "controlnet"); "ultralytics" stands for "ultralytics_bbox" and
// "ultralytics_segm" together, with names that begin with "bbox/" or "segm/". Thread-safe once set up.
class Folders {
 public:
  // No folders at all.
  Folders() = default;
  // The subfolders of `root` for each kind; for a ComfyUI installation those of its models/. An extra_model_paths.yaml
  // in `root` or beside it is read as well. Throws Error(kMissing) if root is not a folder.
  explicit Folders(const std::filesystem::path& root);
  Folders(const Folders& other);
  Folders& operator=(const Folders&) = delete;

  // Searched after the known folders, or before them with `first`.
  void add(std::string_view kind, const std::filesystem::path& folder, bool first = false);
  // Throws Error(kMissing), or Error(kBadFile) that names the line that cannot be parsed.
  void add_extra_paths(const std::filesystem::path& yaml);
  // The models that come with the program (built_in.h): searched, and listed, after all others. An empty path adds
  // nothing. Called last.
  void add_built_in(const std::filesystem::path& root);

  // All but "styles", whose files are texts.
  std::vector<std::string> kinds() const;
  std::vector<std::filesystem::path> folders(std::string_view kind) const;

  // Names of the model files of a kind, sorted, built-in ones after all others, relative to their folder with '/'
  // between. Only files with an extension of model files and a name in UTF-8. Each folder is read once, however many
  // links lead to it, so that a file is listed under one name. What was read is kept until a folder changes. While
  // another thread reads, callers get what was known before; only who comes before anything is known waits. TAESD is
  // among the VAEs by its name, "taesd" or "taesdxl", where vae_approx holds both its files, as in ComfyUI; it stands
  // for the file of its decoder.
  std::vector<std::string> list(std::string_view kind) const;

  // The file with that name. Names that lead out of the folder are never found; links inside it are followed, because
  // the owner of the folder put them there. Throws Error(kMissing) that lists the nearest names and the folders
  // searched.
  std::filesystem::path find(std::string_view kind, std::string_view name) const;
  std::optional<std::filesystem::path> try_find(std::string_view kind, std::string_view name) const;
  // Whether there is a model file of that name, listed or not: it may lie in a folder that is listed under another
  // name.
  bool has(std::string_view kind, std::string_view name) const;
  // Whether that name stands for a file that comes with the program.
  bool built_in(std::string_view kind, std::string_view name) const;
  // Whether any came with it.
  bool has_built_in() const { return !built_in_.empty(); }

 private:
  struct Listing {
    std::vector<std::string> names;
    std::vector<WalkedFolder> folders;  // as they were when read
    std::vector<std::filesystem::path> absent;
    bool settled = true;  // no folder had changed so shortly before that its time would not tell the next change
  };
  using ListingPtr = std::shared_ptr<const Listing>;
  struct Known {
    ListingPtr listing;  // null: not read yet
    bool being_read = false;
  };
  static bool fresh(const Listing& listing);
  Listing read(const std::string& kind) const;
  void add_tiny_vaes(Listing& vaes) const;

  bool in_built_in(const std::filesystem::path& path) const;

  std::map<std::string, std::vector<std::filesystem::path>> folders_;
  std::filesystem::path built_in_;  // without links; empty: none
  mutable Mutex mutex_;
  mutable Condition was_read_;
  mutable std::map<std::string, Known> listings_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::library
