#include "server/fleet/model_identities.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/file_version.h"
#include "base/sha256.h"
#include "server/log.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::Json;
namespace fs = std::filesystem;

namespace {

constexpr size_t kPiece = size_t{1} << 20, kLargestList = size_t{64} << 20;

}  // namespace

ModelIdentities::ModelIdentities(fs::path kept_in) : kept_in_(std::move(kept_in)) {
  try {
    const Json kept = workflow::parse_json(read_file(kept_in_, kLargestList));
    const MutexLock lock(mutex_);
    for (const auto& item : kept.items())
      known_[item.key()] = {item.value().at(0).get<std::string>(), item.value().at(1).get<std::string>()};
  } catch (const std::exception&) {
    // It is made when the first file has been read.
  }
}

std::string ModelIdentities::known(const fs::path& file) const {
  const FileVersion now = file_version(file);
  const MutexLock lock(mutex_);
  const auto it = known_.find(now.path);
  return now && it != known_.end() && it->second.version == now.version ? it->second.identity : std::string();
}

bool ModelIdentities::learn(const fs::path& file, const std::atomic<bool>& stop) {
  if (!known(file).empty()) return true;
  const FileVersion before = file_version(file);
  const std::unique_ptr<FILE, int (*)(FILE*)> in(std::fopen(file.c_str(), "rbe"), &std::fclose);
  if (!before || !in) return false;
  Sha256 hash;
  std::vector<char> piece(kPiece);
  while (const size_t n = std::fread(piece.data(), 1, piece.size(), in.get())) {
    if (stop) return false;
    hash.update(piece.data(), n);
  }
  if (std::ferror(in.get()) || file_version(file) != before) return false;
  const MutexLock lock(mutex_);
  known_[before.path] = {before.version, "sha256:" + hash.hex()};
  keep();
  return true;
}

void ModelIdentities::keep() const {
  Json out = Json::object();
  for (const auto& [path, known] : known_) out[path] = {known.version, known.identity};
  try {
    std::error_code ignored;
    fs::create_directories(kept_in_.parent_path(), ignored);
    write_file(kept_in_, workflow::dump_json(out));
  } catch (const Error& e) {
    log(Level::kWarning, "what model files are cannot be kept for the next start", {{"why", std::string(e.what())}});
  }
}

}  // namespace easel::server
