#include "techniques/catalogue.h"

#include <algorithm>

#include "base/error.h"
#include "models/checkpoint/describe.h"
#include "techniques/few_steps.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace easel::techniques {

using workflow::Json;

namespace {

constexpr const char* kPictureEndings[] = {".preview.png", ".preview.jpg", ".png", ".jpg", ".jpeg", ".webp"};

Json to_json(const models::FileDescription& d) {
  return {{"kind", models::file_kind_name(d.kind)},
          {"family", d.family ? models::family_name(d.family) : ""},
          {"summary", d.summary},
          {"fits", d.fits},
          {"inpainting", d.inpainting},
          {"few_steps", d.few_steps ? techniques::to_json(*d.few_steps) : Json(nullptr)},
          {"problem", d.problem}};
}

// By the names of the tooling nodes' clients.
Json base_model_of(const models::FileDescription& d) {
  const bool network = d.kind == models::FileKind::kCheckpoint || d.kind == models::FileKind::kUNet;
  if (!network || d.base_model.empty()) return {{"base_model", "unknown"}};
  // Of other models the clients' server does not say whether they are for inpainting.
  const bool may_inpaint = d.base_model == "sd15" || d.base_model == "sdxl";
  Json out = {{"base_model", d.base_model}, {"is_inpaint", may_inpaint && d.inpainting}};
  if (d.base_model == "sdxl") out["type"] = d.prediction;
  return out;
}

}  // namespace

std::filesystem::path picture_beside(const std::filesystem::path& model) {
  for (const char* ending : kPictureEndings) {
    std::filesystem::path picture = model;
    picture.replace_extension();
    picture += ending;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(picture, ignored)) return picture;
  }
  return {};
}

Catalogue::Known Catalogue::describe(const std::filesystem::path& path) {
  const FileVersion version = file_version(path);
  {
    const MutexLock lock(mutex_);
    if (const auto it = known_.find(path); it != known_.end() && it->second.version == version) return it->second;
  }
  Known known{version, {}, {}};
  try {
    const models::FileDescription description = models::describe_file(path);
    known.description = to_json(description);
    known.base_model = base_model_of(description);
  } catch (const Error& e) {
    known.description = {{"problem", e.message()}};
    known.base_model = {{"base_model", "unknown"}, {"error", e.message()}};
  }
  const MutexLock lock(mutex_);
  return known_[path] = std::move(known);
}

Json Catalogue::base_models(const std::string& kind, size_t offset, std::optional<size_t> limit) {
  const std::vector<std::string> names = folders_.list(kind);
  const size_t begin = std::min(offset, names.size());
  const size_t count = std::min(limit.value_or(names.size()), names.size() - begin);
  Json out = Json::object();
  for (size_t i = begin; i < begin + count; ++i)
    if (const auto path = folders_.try_find(kind, names[i])) out[names[i]] = describe(*path).base_model;
  if (limit) out["_meta"] = {{"offset", offset}, {"count", count}, {"total", names.size()}};
  return out;
}

Json Catalogue::files() {
  Json out = Json::array();
  for (const std::string& kind : folders_.kinds())
    for (const std::string& name : folders_.list(kind)) {
      const auto path = folders_.try_find(kind, name);
      if (!path) continue;  // deleted since the folder was read
      Json row = {{"folder", kind}, {"name", name}};
      row.update(describe(*path).description);
      row["built_in"] = folders_.built_in(kind, name);
      row["picture"] = !picture_beside(*path).empty();
      out.push_back(std::move(row));
    }
  return out;
}

std::vector<int64_t> tokens_of_chunks(std::string_view prompt) {
  constexpr int32_t kStart = text::Tokenizer::kStartToken, kEnd = text::Tokenizer::kEndToken;
  std::vector<int64_t> counts;
  for (const text::Chunk& chunk : text::tokenize(prompt, {.pad_token = kEnd})) {
    // Everything from the first end mark on is padding.
    const auto end = std::find_if(chunk.begin(), chunk.end(), [](const text::Token& t) { return t.id == kEnd; });
    counts.push_back(end - chunk.begin() - (!chunk.empty() && chunk.front().id == kStart ? 1 : 0));
  }
  return counts;
}

}  // namespace easel::techniques
