#include "library/folders.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/nearest.h"
#include "library/extra_paths.h"

namespace easel::library {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;
constexpr size_t kMaxFiles = 100000;

// Kinds and the subfolders of a models folder that belong to them.
struct KindFolders {
  const char* kind;
  std::vector<const char*> folders;
};
const std::vector<KindFolders>& layout() {
  static const std::vector<KindFolders> kLayout{
      {"checkpoints", {"checkpoints"}},
      {"clip_vision", {"clip_vision"}},
      {"configs", {"configs"}},
      {"controlnet", {"controlnet", "t2i_adapter", "t2i_adapters"}},
      {"diffusion_models", {"unet", "diffusion_models"}},
      {"embeddings", {"embeddings"}},
      {"ipadapter", {"ipadapter"}},
      {"loras", {"loras"}},
      {"style_models", {"style_models"}},
      {"text_encoders", {"text_encoders", "clip"}},
      {"upscale_models", {"upscale_models"}},
      {"vae", {"vae"}},
  };
  return kLayout;
}

// Earlier names of kinds.
std::string canonical(std::string_view kind) {
  if (kind == "clip") return "text_encoders";
  if (kind == "unet") return "diffusion_models";
  if (kind == "t2i_adapter" || kind == "t2i_adapters") return "controlnet";
  return std::string(kind);
}

bool is_model_file(const fs::path& path, const std::string& kind) {
  static const std::set<std::string> kModels{".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return kind == "configs" ? extension == ".yaml" : kModels.count(extension) != 0;
}

fs::path models_root(const fs::path& root) {
  std::error_code ignored;
  if (!fs::is_directory(root, ignored))
    throw Error(Fault::kMissing, "the models folder is not there")
        .in_file(root.string())
        .fix("Name it with --models DIR; it has subfolders checkpoints, vae, ...");
  const bool installation =
      !fs::is_directory(root / "checkpoints", ignored) && fs::is_directory(root / "models" / "checkpoints", ignored);
  return installation ? root / "models" : root;
}

}  // namespace

Folders::Folders(const fs::path& root) {
  const fs::path models = fs::absolute(models_root(root));
  for (const auto& [kind, folders] : layout())
    for (const char* folder : folders) add(kind, models / folder);
  for (const fs::path& place : {models, models.parent_path()}) {
    std::error_code ignored;
    const fs::path yaml = place / "extra_model_paths.yaml";
    if (fs::is_regular_file(yaml, ignored)) add_extra_paths(yaml);
  }
}

Folders::Folders(const Folders& other) : folders_(other.folders_) {}

void Folders::add(std::string_view kind, const fs::path& folder, bool first) {
  auto& list = folders_[canonical(kind)];
  if (std::find(list.begin(), list.end(), folder) != list.end()) return;
  list.insert(first ? list.begin() : list.end(), folder);
}

void Folders::add_extra_paths(const fs::path& yaml) {
  try {
    for (const auto& extra : parse_extra_paths(read_file(yaml, 1 << 20), fs::absolute(yaml).parent_path()))
      add(extra.kind, extra.folder, extra.first);
  } catch (Error& e) {
    throw e.in_file(yaml.string());
  }
}

std::vector<std::string> Folders::kinds() const {
  std::vector<std::string> out;
  for (const auto& [kind, folders] : folders_) out.push_back(kind);
  return out;
}

std::vector<fs::path> Folders::folders(std::string_view kind) const {
  const auto it = folders_.find(canonical(kind));
  return it == folders_.end() ? std::vector<fs::path>{} : it->second;
}

bool Folders::fresh(const Listing& listing, const std::string& kind) const {
  for (const auto& [folder, time] : listing.folders) {
    std::error_code error;
    if (fs::last_write_time(folder, error) != time || error) return false;
  }
  for (const fs::path& folder : folders(kind)) {
    std::error_code ignored;
    if (fs::is_directory(folder, ignored) && !listing.folders.count(folder)) return false;
  }
  return true;
}

Folders::Listing Folders::read(const std::string& kind) const {
  Listing out;
  std::set<std::string> names;
  for (const fs::path& folder : folders(kind)) {
    std::error_code error;
    const auto note = [&](const fs::path& path) {
      std::error_code failed;
      const auto time = fs::last_write_time(path, failed);
      if (!failed) out.folders[path] = time;
    };
    if (!fs::is_directory(folder, error)) continue;
    note(folder);
    constexpr auto kOptions =
        fs::directory_options::follow_directory_symlink | fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator it(folder, kOptions, error), end; it != end && !error; it.increment(error)) {
      std::error_code ignored;
      if (it->is_directory(ignored)) {
        // The depth limit ends cycles of links.
        if (it.depth() >= kMaxDepth || it->path().filename() == ".git") it.disable_recursion_pending();
        note(it->path());
      } else if (it->is_regular_file(ignored) && is_model_file(it->path(), kind)) {
        names.insert(it->path().lexically_relative(folder).generic_string());
        if (names.size() >= kMaxFiles) break;
      }
    }
  }
  out.names.assign(names.begin(), names.end());
  return out;
}

std::vector<std::string> Folders::list(std::string_view kind) const {
  const std::string key = canonical(kind);
  const MutexLock lock(mutex_);
  const auto it = listings_.find(key);
  if (it != listings_.end() && fresh(it->second, key)) return it->second.names;
  return (listings_[key] = read(key)).names;
}

std::optional<fs::path> Folders::try_find(std::string_view kind, std::string_view name) const {
  if (check_name(name, NameFrom::kUser) != NameFault::kNone) return std::nullopt;
  for (const fs::path& folder : folders(kind)) {
    std::error_code ignored;
    fs::path path = (folder / std::string(name)).lexically_normal();
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return std::nullopt;
}

fs::path Folders::find(std::string_view kind, std::string_view name) const {
  if (auto path = try_find(kind, name)) return *path;
  std::string message = "there is no file '" + std::string(name) + "' among the " + canonical(kind);
  const auto names = list(kind);
  std::string advice = did_you_mean(name, names);
  if (!advice.empty()) advice[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(advice[0])));
  else if (names.empty()) advice = "There are no " + canonical(kind) + " at all";
  std::string places;
  for (const fs::path& folder : folders(kind)) places += (places.empty() ? " Looked in " : ", ") + folder.string();
  throw Error(Fault::kMissing, message).fix(advice + (advice.empty() || advice.back() == '?' ? "" : ".") + places);
}

}  // namespace easel::library
