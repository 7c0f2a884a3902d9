#include "server/routes/settings.h"

#include "base/atomic_file.h"
#include "base/error.h"
#include "server/log.h"

namespace easel::server {

using workflow::Json;
namespace fs = std::filesystem;

namespace {

// The limits for all settings together; the page has about a hundred. Keys are searched one by one, so that many more
// would take seconds.
constexpr workflow::JsonLimits kLimits{.bytes = size_t{4} << 20, .keys = 4000};

}  // namespace

Json Settings::read() {
  MutexLock lock(mutex_);
  return load();
}

void Settings::merge(const Json& values) {
  if (!values.is_object()) throw Error(Fault::kInvalid, "settings are a JSON object: names and their values");
  if (values.size() > kLimits.keys)
    throw Error(Fault::kInvalid, "there can be at most " + std::to_string(kLimits.keys) + " settings");
  MutexLock lock(mutex_);
  Json all = load();
  all.update(values);
  const std::string text = workflow::dump_json(all, 4);
  workflow::parse_json(text, kLimits);  // all together may pass a limit that the values do not
  write_file(file_, text);
}

Json Settings::load() const {
  std::error_code error;
  if (!fs::exists(file_, error)) return Json::object();
  std::string why = "it is no JSON object";
  const std::string text = read_file(file_);
  try {
    Json all = workflow::parse_json(text);
    if (all.is_object()) return all;
  } catch (const Error& e) {
    why = e.message();
  }
  set_aside(why);
  return Json::object();
}

void Settings::set_aside(const std::string& why) const {
  fs::path kept = file_;
  kept += ".damaged";
  std::error_code error;
  for (int i = 1; fs::exists(fs::symlink_status(kept, error)); ++i) {
    kept = file_;
    kept += ".damaged-" + std::to_string(i);
  }
  fs::rename(file_, kept, error);
  if (error)
    throw Error(Fault::kBadFile, "the settings are damaged (" + why + ") and cannot be set aside")
        .in_file(file_.string());
  log(Level::kError, "damaged settings were set aside", {{"kept_as", kept.string()}, {"why", why}});
}

}  // namespace easel::server
