#include "artifacts/content_store.h"

#include "artifacts/numbered.h"
#include "base/error.h"

namespace easel::artifacts {
namespace fs = std::filesystem;
namespace {

constexpr double kGraceSeconds = 3600;

// A name as the index has it. The root is only there to be joined with: nothing is looked up on this machine.
Name canonical(const Name& name) {
  if (name.file.empty()) throw Error(Fault::kInvalid, "a file name is needed");
  const fs::path root = "/artifacts";
  const fs::path path = safe_join(safe_join(root, name.subfolder), name.file);
  const std::string folder = path.parent_path().lexically_relative(root).generic_string();
  return {name.area, folder == "." ? "" : folder, path.filename().string()};
}

}  // namespace

Name ContentStore::put(const Name& name, std::string_view content, IfTaken if_taken) {
  Name kept = canonical(name);
  if (kept.file != name.file) throw Error(Fault::kInvalid, "not a usable file name");
  const Blob blob = blobs_.put(content);
  if (if_taken == IfTaken::kReplace) {
    names_.put(kept, blob);
    return kept;
  }
  for (int i = 0;; ++i) {
    kept.file = name_beside(name.file, i);
    if (names_.put_new(kept, blob) == blob) return kept;
  }
}

Name ContentStore::put_numbered(Area area, const std::string& prefix, const std::string& extension,
                                std::string_view content) {
  auto [subfolder, stem] = split_prefix(prefix);
  const Blob blob = blobs_.put(content);
  std::string file = names_.put_numbered(area, subfolder, stem, extension, blob);
  return {area, std::move(subfolder), std::move(file)};
}

fs::path ContentStore::get(const Name& name) const {
  const auto blob = names_.find(canonical(name));
  if (!blob) throw Error(Fault::kMissing, "there is no such file");
  return blobs_.get(*blob);
}

std::optional<fs::path> ContentStore::find(const Name& name, NameFrom from) const {
  const std::string whole = name.subfolder.empty() ? name.file : name.subfolder + "/" + name.file;
  if (check_name(whole, from) == NameFault::kNoFile) return std::nullopt;
  const fs::path root = "/artifacts";
  const auto path = join_inside(root, whole, from);
  if (!path) throw Error(Fault::kInvalid, "the name '" + whole + "' leads outside of its folder");
  const std::string folder = path->parent_path().lexically_relative(root).generic_string();
  const auto blob = names_.find({name.area, folder == "." ? "" : folder, path->filename().string()});
  if (!blob) return std::nullopt;
  return blobs_.get(*blob);
}

void ContentStore::remove(const Name& name) { names_.remove(canonical(name)); }

void ContentStore::clear_temp(double seconds) {
  try {
    names_.expire(Area::kTemp, seconds);
    if (keeps_) blobs_.sweep(kGraceSeconds, [this](auto sha256s) { return names_.unused(sha256s); });
  } catch (const std::exception&) {
    // The next call tries again.
  }
}

}  // namespace easel::artifacts
