// Information for clients that compose a workflow: what each model file is, and how long a prompt is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files/file_version.h"
#include "base/mutex.h"
#include "library/folders.h"
#include "workflow/json.h"

namespace easel::techniques {

// Descriptions of all model files. A file is read once, and again when it has changed. Thread-safe.
class Catalogue {
 public:
  // `folders` outlives the catalogue.
  explicit Catalogue(const library::Folders& folders) : folders_(folders) {}

  // [{"folder", "name", "kind", "family", "summary", "fits", "inpainting", "few_steps", "problem", "built_in",
  // "picture"}], sorted, built-in ones last. "few_steps" is techniques::to_json() of them, or null. Of a file that
  // cannot be read there is "folder", "name", and why in "problem"; "picture" says whether one lies beside the file.
  workflow::Json files();

  // {name: {"base_model", "is_inpaint", "type"}} of the files of one kind of folder, as the tooling nodes' clients ask
  // for them: "base_model" is "sd15", "sd20", "sd21", "sdxl", "ssd1b", "sdxl-refiner" or "unknown", "type" what SDXL
  // predicts ("eps", "v-prediction", "edm"). `limit` of them from `offset` on, and then with "_meta": {"offset",
  // "count", "total"}; all of them without a limit.
  workflow::Json base_models(const std::string& kind, size_t offset, std::optional<size_t> limit);

 private:
  struct Known {
    FileVersion version;
    workflow::Json description, base_model;
  };
  Known describe(const std::filesystem::path& path);

  const library::Folders& folders_;
  Mutex mutex_;
  std::map<std::filesystem::path, Known> known_ EASEL_GUARDED_BY(mutex_);
};

// The picture that lies beside a model file under its name: x.preview.png, x.png, x.jpg, x.jpeg or x.webp beside
// x.safetensors. Empty when there is none.
std::filesystem::path picture_beside(const std::filesystem::path& model);

// How many tokens of a prompt each chunk of CLIP's text encoders takes, its marks at both ends left out: 0 to 75.
// Throws Error(kInvalid) as text::tokenize() does.
std::vector<int64_t> tokens_of_chunks(std::string_view prompt);

}  // namespace easel::techniques
