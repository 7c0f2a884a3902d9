#include "node_api/files.h"

#include <algorithm>
#include <ctime>

#include "artifacts/names.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/files/utf8.h"
#include "base/nearest.h"
#include "formats/pictures/picture_format.h"
#include "library/folders.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;

std::string safe_part(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127 ||
        std::string_view("/?<>\\:*|\"").find(c) != std::string_view::npos)
      c = '_';
  return text;
}

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm out{};
  localtime_r(&now, &out);
  return out;
}

std::string padded(int64_t value, size_t width) {
  std::string text = std::to_string(value);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

// The editor's date format: runs of d, M, y, h, m and s.
std::string format_date(const std::string& format, const std::tm& time) {
  if (format.empty()) return format_date("yyyyMMddhhmmss", time);
  std::string out;
  for (size_t i = 0; i < format.size();) {
    size_t end = i;
    while (end < format.size() && format[end] == format[i]) ++end;
    const size_t run = end - i;
    const std::string year = padded(time.tm_year + 1900, 4);
    switch (format[i]) {
      case 'y': out += run >= 4 ? year : year.substr(2); break;
      case 'M': out += padded(time.tm_mon + 1, run); break;
      case 'd': out += padded(time.tm_mday, run); break;
      case 'h': out += padded(time.tm_hour, run); break;
      case 'm': out += padded(time.tm_min, run); break;
      case 's': out += padded(time.tm_sec, run); break;
      default: out += format.substr(i, run);
    }
    i = end;
  }
  return out;
}

std::optional<std::string> variable(const std::string& name, int64_t width, int64_t height, const Context& context) {
  const std::tm time = local_time();
  if (name == "width") return std::to_string(width);
  if (name == "height") return std::to_string(height);
  if (name == "year") return padded(time.tm_year + 1900, 4);
  if (name == "month") return padded(time.tm_mon + 1, 2);
  if (name == "day") return padded(time.tm_mday, 2);
  if (name == "hour") return padded(time.tm_hour, 2);
  if (name == "minute") return padded(time.tm_min, 2);
  if (name == "second") return padded(time.tm_sec, 2);
  if (name.starts_with("date:")) return safe_part(format_date(name.substr(5), time));
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return std::nullopt;
  const auto value = context.events.input_of(name.substr(0, dot), name.substr(dot + 1));
  return value ? std::optional(safe_part(*value)) : std::nullopt;
}

}  // namespace

namespace {

using artifacts::ArtifactStore;

struct Kind {
  const char* name;
  std::vector<std::string_view> extensions;
};
const Kind& pictures() {
  static const Kind kind = [] {
    Kind out{"picture", {}};
    for (const auto& format : formats::picture_kinds())
      out.extensions.insert(out.extensions.end(), format.endings.begin(), format.endings.end());
    return out;
  }();
  return kind;
}
const Kind& latents() {
  static const Kind kind{"latent", {".latent"}};
  return kind;
}

// The names of files that are in no subfolder, sorted.
std::vector<std::string> list(const ArtifactStore& store, artifacts::Area area, const Kind& kind) {
  std::vector<std::string> out;
  for (const std::string& name : store.list(area)) {
    const std::string extension = lower_ascii(fs::path(name).extension().string());
    if (std::find(kind.extensions.begin(), kind.extensions.end(), extension) != kind.extensions.end() && is_utf8(name))
      out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

fs::path find(const ArtifactStore& store, const std::string& name, const Kind& kind) {
  const auto [plain, named_area] = artifacts::split_annotation(name);
  const artifacts::Area area = named_area.value_or(artifacts::Area::kInput);
  if (plain.empty()) throw Error(Fault::kMissing, std::string("no ") + kind.name + " is named");
  std::string slashed = plain;  // workflows saved on Windows separate folders with a backslash
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  for (const std::string& spelling : {plain, slashed})
    if (const auto path = store.find({area, "", spelling}, NameFrom::kUser)) return *path;
  throw Error(Fault::kMissing, std::string("there is no ") + kind.name + " '" + plain + "' in the " +
                                   artifacts::area_name(area) + " folder")
      .fix(did_you_mean(plain, list(store, area, kind)));
}

}  // namespace

fs::path find_picture(const ArtifactStore& store, const std::string& name) { return find(store, name, pictures()); }
fs::path find_latent(const ArtifactStore& store, const std::string& name) { return find(store, name, latents()); }

std::string expand_prefix(const std::string& prefix, int64_t width, int64_t height, const Context& context) {
  std::string out;
  for (size_t i = 0; i < prefix.size();) {
    const size_t end = prefix[i] == '%' ? prefix.find('%', i + 1) : std::string::npos;
    if (end != std::string::npos) {
      if (const auto value = variable(prefix.substr(i + 1, end - i - 1), width, height, context)) {
        out += *value;
        i = end + 1;
        continue;
      }
    }
    out += prefix[i++];
  }
  return out;
}

void show_saved(Call& call, const std::string& list, const artifacts::Name& saved) {
  call.show(list, {saved.file, saved.subfolder, artifacts::area_name(saved.area)});
}

std::vector<std::string> FolderChoices::choices(const std::string& source) const {
  if (source == workflow::kInputLatents) return list(store_, artifacts::Area::kInput, latents());
  return source == workflow::kInputImages ? list(store_, artifacts::Area::kInput, pictures()) : folders_.list(source);
}

bool FolderChoices::has_own_check(const std::string& source) const {
  return source == workflow::kInputImages || source == workflow::kInputLatents;
}

std::optional<Error> FolderChoices::check(const std::string& source, const std::string& value) const {
  const bool latent = source == workflow::kInputLatents;
  try {
    latent ? find_latent(store_, value) : find_picture(store_, value);
    return std::nullopt;
  } catch (const Error& e) {
    // The message is ComfyUI's.
    Error out(e.fault(), (latent ? "Invalid latent file: " : "Invalid image file: ") + value);
    return e.advice().empty() ? out : out.fix(e.advice());
  }
}

bool FolderChoices::has_unlisted(const std::string& source, const std::string& value) const {
  return folders_.has(source, value);
}

}  // namespace easel::nodes
