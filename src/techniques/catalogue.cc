#include "techniques/catalogue.h"

#include <algorithm>

#include "base/error.h"
#include "models/checkpoint/describe.h"
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
          {"problem", d.problem}};
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

Json Catalogue::describe(const std::filesystem::path& path) {
  const FileVersion version = file_version(path);
  {
    const MutexLock lock(mutex_);
    if (const auto it = known_.find(path); it != known_.end() && it->second.version == version)
      return it->second.description;
  }
  Json description;
  try {
    description = to_json(models::describe_file(path));
  } catch (const Error& e) {
    description = {{"problem", e.message()}};
  }
  const MutexLock lock(mutex_);
  known_[path] = {version, description};
  return description;
}

Json Catalogue::files() {
  Json out = Json::array();
  for (const std::string& kind : folders_.kinds())
    for (const std::string& name : folders_.list(kind)) {
      const auto path = folders_.try_find(kind, name);
      if (!path) continue;  // deleted since the folder was read
      Json row = {{"folder", kind}, {"name", name}};
      row.update(describe(*path));
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
