#include "library/folders.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/files/utf8.h"
#include "base/nearest.h"
#include "library/extra_paths.h"

namespace easel::library {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 1'000'000;  // of one kind
constexpr const char* kTinyVaes = "vae_approx";
constexpr const char* kStyles = "styles";
constexpr std::array<const char*, 2> kTinyVaeNames{"taesd", "taesdxl"};
constexpr int64_t kClockTick = 50'000'000;  // ns; file systems stamp changes no more exactly than that

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
      {"controlnet_aux", {"controlnet_aux"}},
      {"diffusion_models", {"unet", "diffusion_models"}},
      {"embeddings", {"embeddings"}},
      {"gligen", {"gligen"}},
      {"hypernetworks", {"hypernetworks"}},
      {"inpaint", {"inpaint"}},
      {"ipadapter", {"ipadapter"}},
      {"latent_upscale_models", {"latent_upscale_models"}},
      {"loras", {"loras"}},
      {"photomaker", {"photomaker"}},
      {"rembg", {"rembg", "u2net"}},
      {"sams", {"sams"}},
      {"style_models", {"style_models"}},
      {kStyles, {kStyles}},
      {"text_encoders", {"text_encoders", "clip"}},
      {"ultralytics_bbox", {"ultralytics/bbox"}},
      {"ultralytics_segm", {"ultralytics/segm"}},
      {"upscale_models", {"upscale_models"}},
      {"vae", {"vae"}},
      {"vae_approx", {"vae_approx"}},
  };
  return kLayout;
}

// A kind that is two others: their files are named by the folder that both kinds have in one.
constexpr const char* kDetectors = "ultralytics";
struct Part {
  const char *kind, *prefix;
};
constexpr std::array<Part, 2> kDetectorParts{{{"ultralytics_bbox", "bbox/"}, {"ultralytics_segm", "segm/"}}};

// Earlier names of kinds.
std::string canonical(std::string_view kind) {
  if (kind == "clip") return "text_encoders";
  if (kind == "unet") return "diffusion_models";
  if (kind == "t2i_adapter" || kind == "t2i_adapters") return "controlnet";
  return std::string(kind);
}

bool is_model_file(const fs::path& path, const std::string& kind) {
  static const std::set<std::string> kModels{".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"};
  const std::string extension = lower_ascii(path.extension().string());
  if (kind == "configs") return extension == ".yaml";
  if (kind == kStyles) return extension == ".json";
  if (kind == "inpaint" && extension == ".patch") return true;  // Fooocus names its inpaint patches so
  if ((kind == "controlnet_aux" || kind == "rembg") && extension == ".onnx") return true;
  return kModels.count(extension) != 0;
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
  // Extensions that keep models beside their code.
  const fs::path extensions = models.parent_path() / "custom_nodes";
  add("controlnet_aux", extensions / "comfyui_controlnet_aux" / "ckpts");
  add("latent_upscale_models", extensions / "ComfyUi_NNLatentUpscale");
  add(kStyles, extensions / "sdxl_prompt_styler");
  for (const fs::path& place : {models, models.parent_path()}) {
    std::error_code ignored;
    const fs::path yaml = place / "extra_model_paths.yaml";
    if (fs::is_regular_file(yaml, ignored)) add_extra_paths(yaml);
  }
}

Folders::Folders(const Folders& other) : folders_(other.folders_), built_in_(other.built_in_) {}

void Folders::add(std::string_view kind, const fs::path& folder, bool first) {
  if (kind == kDetectors) {
    for (const Part& part : kDetectorParts)
      add(part.kind, folder / std::string_view(part.prefix).substr(0, std::string_view(part.prefix).size() - 1), first);
    return;
  }
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

void Folders::add_built_in(const fs::path& root) {
  if (root.empty()) return;
  built_in_ = fs::weakly_canonical(root);
  for (const auto& [kind, folders] : layout())
    for (const char* folder : folders) add(kind, built_in_ / folder);
}

bool Folders::in_built_in(const fs::path& path) const { return !built_in_.empty() && lies_inside(path, built_in_); }

bool Folders::built_in(std::string_view kind, std::string_view name) const {
  if (built_in_.empty()) return false;
  const auto path = try_find(kind, name);
  return path && in_built_in(*path);
}

std::vector<std::string> Folders::kinds() const {
  std::vector<std::string> out;
  for (const auto& [kind, folders] : folders_)
    if (kind != kStyles) out.push_back(kind);
  return out;
}

std::vector<fs::path> Folders::folders(std::string_view kind) const {
  if (kind == kDetectors) {
    std::vector<fs::path> out;
    for (const Part& part : kDetectorParts)
      for (fs::path& folder : folders(part.kind)) out.push_back(std::move(folder));
    return out;
  }
  const auto it = folders_.find(canonical(kind));
  return it == folders_.end() ? std::vector<fs::path>{} : it->second;
}

bool Folders::fresh(const Listing& listing) {
  return listing.settled &&
         std::all_of(listing.folders.begin(), listing.folders.end(),
                     [](const WalkedFolder& folder) { return folder_state(folder.path) == folder.state; }) &&
         std::all_of(listing.absent.begin(), listing.absent.end(),
                     [](const fs::path& folder) { return folder_state(folder) == FolderState{}; });
}

Folders::Listing Folders::read(const std::string& kind) const {
  Listing out;
  std::set<std::string> own, built_in;
  for (const fs::path& folder : folders(kind)) {
    std::set<std::string>& names = in_built_in(folder) ? built_in : own;
    auto walked = walk_files(folder, {}, [&](const fs::directory_entry& entry) {
      std::error_code gone;
      if (!is_model_file(entry.path(), kind) || !entry.is_regular_file(gone)) return true;
      std::string name = entry.path().lexically_relative(folder).generic_string();
      if (is_utf8(name)) names.insert(std::move(name));
      return own.size() + built_in.size() < kMaxFiles;
    });
    if (walked.empty()) out.absent.push_back(folder);
    out.folders.insert(out.folders.end(), walked.begin(), walked.end());
  }
  out.names.assign(own.begin(), own.end());
  std::copy_if(built_in.begin(), built_in.end(), std::back_inserter(out.names),
               [&](const std::string& name) { return !own.contains(name); });
  if (kind == "vae") add_tiny_vaes(out);
  const int64_t now = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  out.settled = std::none_of(out.folders.begin(), out.folders.end(),
                             [&](const WalkedFolder& folder) { return now - folder.state.changed < kClockTick; });
  return out;
}

void Folders::add_tiny_vaes(Listing& vaes) const {
  Listing halves = read(kTinyVaes);
  for (const std::string name : kTinyVaeNames) {
    const auto has = [&](const char* half) {
      return std::any_of(halves.names.begin(), halves.names.end(),
                         [&](const std::string& file) { return file.starts_with(name + half); });
    };
    if (has("_decoder.") && has("_encoder.")) vaes.names.push_back(name);
  }
  vaes.folders.insert(vaes.folders.end(), halves.folders.begin(), halves.folders.end());
  vaes.absent.insert(vaes.absent.end(), halves.absent.begin(), halves.absent.end());
}

std::vector<std::string> Folders::list(std::string_view kind) const {
  if (kind == kDetectors) {
    std::vector<std::string> out;
    for (const Part& part : kDetectorParts)
      for (const std::string& name : list(part.kind)) out.push_back(part.prefix + name);
    return out;
  }
  const std::string key = canonical(kind);
  if (!folders_.count(key)) return {};
  ListingPtr known;
  {
    MutexLock lock(mutex_);
    was_read_.wait(lock, [&]() EASEL_REQUIRES(mutex_) { return listings_[key].listing || !listings_[key].being_read; });
    Known& entry = listings_[key];
    if (entry.being_read) return entry.listing->names;
    entry.being_read = true;
    known = entry.listing;
  }
  // Without the lock: a slow disk keeps nobody waiting who can do with what is known.
  try {
    if (!known || !fresh(*known)) known = std::make_shared<const Listing>(read(key));
  } catch (...) {
    MutexLock lock(mutex_);
    listings_[key].being_read = false;
    was_read_.notify_all();
    throw;
  }
  {
    MutexLock lock(mutex_);
    listings_[key] = {known, false};
  }
  was_read_.notify_all();
  return known->names;
}

std::optional<fs::path> Folders::try_find(std::string_view kind, std::string_view name) const {
  if (check_name(name, NameFrom::kUser) != NameFault::kNone) return std::nullopt;
  if (kind == kDetectors) {
    for (const Part& part : kDetectorParts)
      if (name.starts_with(part.prefix)) return try_find(part.kind, name.substr(std::string_view(part.prefix).size()));
    return std::nullopt;
  }
  if (kind == "vae" && std::find(kTinyVaeNames.begin(), kTinyVaeNames.end(), name) != kTinyVaeNames.end())
    for (const std::string& file : list(kTinyVaes))
      if (file.starts_with(std::string(name) + "_decoder.")) return try_find(kTinyVaes, file);
  for (const fs::path& folder : folders(kind)) {
    std::error_code ignored;
    fs::path path = (folder / std::string(name)).lexically_normal();
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return std::nullopt;
}

bool Folders::has(std::string_view kind, std::string_view name) const {
  return is_model_file(std::string(name), canonical(kind)) && try_find(kind, name).has_value();
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
