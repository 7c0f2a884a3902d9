#include "artifacts/folder_store.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "artifacts/numbered.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/files/utf8.h"
#include "base/files/walk.h"
#include "tensor/mapped_file.h"

namespace easel::artifacts {
namespace fs = std::filesystem;
namespace {

constexpr auto kPassOver = fs::directory_options::skip_permission_denied;

// Takes a number of at most nine digits off the end of `s`; nothing when there is none.
std::optional<int> take_number(std::string_view& s) {
  const size_t begin = s.find_last_not_of("0123456789") + 1, digits = s.size() - begin;
  if (digits == 0 || digits > 9) return std::nullopt;
  const int value = std::stoi(std::string(s.substr(begin)));
  s.remove_suffix(digits);
  return value;
}

// The process that writes a file under a temporary name of AtomicFile's, ".NAME.PROCESS-COUNT.part".
std::optional<pid_t> writer_of(std::string_view name) {
  constexpr std::string_view kEnd = ".part";
  if (!name.starts_with('.') || !name.ends_with(kEnd)) return std::nullopt;
  name.remove_suffix(kEnd.size());
  if (!take_number(name) || !name.ends_with('-')) return std::nullopt;
  name.remove_suffix(1);
  const auto process = take_number(name);
  if (!process || !name.ends_with('.') || name.size() < 3) return std::nullopt;
  return *process;
}

[[noreturn]] void missing() { throw Error(Fault::kMissing, "there is no such file"); }

bool same_content(const fs::path& file, std::string_view content) {
  std::error_code error;
  if (fs::file_size(file, error) != content.size() || error) return false;
  const MappedFile mapped = MappedFile::open(file);
  return std::ranges::equal(mapped.bytes(), content,
                            [](uint8_t kept, char given) { return kept == static_cast<uint8_t>(given); });
}

// Keeps the content under its name, or under "name (1)" and so on where other content has that name already.
// Returns the name.
std::string put_beside(const fs::path& folder, const std::string& wanted, std::string_view content) {
  for (int i = 0;; ++i) {
    const std::string file = name_beside(wanted, i);
    const fs::path path = folder / file;
    std::error_code error;
    if (fs::is_regular_file(fs::symlink_status(path, error))) {
      if (same_content(path, content)) return file;
      continue;
    }
    if (fs::exists(fs::symlink_status(path, error))) continue;
    AtomicFile out(path);
    out.write(content);
    if (out.commit_new()) return file;
    --i;  // somebody took the name in between: look at it again
  }
}

}  // namespace

FolderStore::FolderStore(const Directories& directories)
    : roots_{directories.input, directories.output, directories.temp} {}

void FolderStore::prepare() {
  for (const Area area : {Area::kInput, Area::kOutput, Area::kTemp}) {
    fs::path& root = roots_[static_cast<size_t>(area)];
    std::error_code error;
    fs::path resolved;
    fs::create_directories(root, error);
    if (!error) resolved = fs::canonical(root, error);
    if (error)
      throw Error(Fault::kBadFile, std::string("cannot use the ") + area_name(area) + " folder: " + error.message())
          .in_file(root.string());
    root = std::move(resolved);
  }
}

Name FolderStore::put(const Name& name, std::string_view content, IfTaken if_taken) {
  const fs::path folder = make_subfolder(name.area, name.subfolder);
  const fs::path path = safe_join(folder, name.file);
  if (path.parent_path() != folder) throw Error(Fault::kInvalid, "not a usable file name");
  std::string file = path.filename().string();
  if (if_taken == IfTaken::kReplace) write_file(path, content);
  else file = put_beside(folder, file, content);
  const std::string subfolder = folder.lexically_relative(fs::canonical(root(name.area))).generic_string();
  return {name.area, subfolder == "." ? "" : subfolder, file};
}

Name FolderStore::put_numbered(Area area, const std::string& prefix, const std::string& extension,
                               std::string_view content) {
  return put_numbered(area, prefix, extension, [content](const auto& take) { take(content); });
}

Name FolderStore::put_numbered(Area area, const std::string& prefix, const std::string& extension,
                               const ContentPieces& content) {
  auto [subfolder, file] = save_numbered(root(area), prefix, extension, content);
  return {area, std::move(subfolder), std::move(file)};
}

Name ArtifactStore::put_numbered(Area area, const std::string& prefix, const std::string& extension,
                                 const ContentPieces& content) {
  std::string whole;
  content([&](std::string_view piece) { whole += piece; });
  return put_numbered(area, prefix, extension, std::string_view(whole));
}

void ArtifactStore::check_prefix(Area, const std::string& prefix) const { split_prefix(prefix); }

void FolderStore::check_prefix(Area area, const std::string& prefix) const { folder_of_prefix(root(area), prefix); }

fs::path FolderStore::get(const Name& name) const {
  if (name.file.empty()) throw Error(Fault::kInvalid, "a file name is needed");
  const fs::path path = safe_join(safe_join(root(name.area), name.subfolder), name.file);
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  if (error || !lies_inside(real, root(name.area)) || !fs::is_regular_file(real, error)) missing();
  return real;
}

std::optional<fs::path> FolderStore::find(const Name& name, NameFrom from) const {
  const std::string whole = name.subfolder.empty() ? name.file : name.subfolder + "/" + name.file;
  if (check_name(whole, from) == NameFault::kNoFile) return std::nullopt;
  auto path = resolve_inside(root(name.area), whole, from);
  if (!path) throw Error(Fault::kInvalid, "the name '" + whole + "' leads outside of its folder");
  std::error_code ignored;
  if (!fs::is_regular_file(*path, ignored)) return std::nullopt;
  return path;
}

void FolderStore::remove(const Name& name) {
  try {
    get(name);
  } catch (const Error& e) {
    if (e.fault() == Fault::kMissing) return;
    throw;
  }
  std::error_code error;
  fs::remove(safe_join(safe_join(root(name.area), name.subfolder), name.file), error);
  if (error) throw Error(Fault::kBadFile, "cannot be deleted: " + error.message()).in_file(name.file);
}

fs::path FolderStore::make_subfolder(Area area, const std::string& subfolder) const {
  const fs::path path = safe_join(root(area), subfolder);
  // What exists of the path must already lie inside before anything is made below it.
  if (!lies_inside(path, root(area))) missing();
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !lies_inside(path, root(area)))
    throw Error(Fault::kInvalid, "cannot make the folder: " + error.message());
  return fs::canonical(path);
}

std::vector<std::string> FolderStore::list(Area area) const {
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator it(root(area), error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.front() != '.' && is_utf8(name) && it->is_regular_file(ignored))
      found.emplace_back(it->last_write_time(ignored), name);
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  std::vector<std::string> names;
  for (auto& [time, name] : found) names.push_back(std::move(name));
  return names;
}

uint64_t FolderStore::bytes_used(Area area) const {
  uint64_t bytes = 0;
  walk_files(root(area), {.follow_links = false}, [&](const fs::directory_entry& entry) {
    std::error_code gone;
    if (entry.is_symlink(gone) || !entry.is_regular_file(gone)) return true;
    if (const uint64_t size = entry.file_size(gone); !gone) bytes += size;
    return true;
  });
  return bytes;
}

void FolderStore::remove_leftovers() const {
  std::vector<fs::path> old;
  for (const Area area : {Area::kInput, Area::kOutput}) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(root(area), kPassOver, error), end; !error && it != end;
         it.increment(error)) {
      const auto writer = writer_of(it->path().filename().string());
      if (writer && (*writer == getpid() || kill(*writer, 0) != 0)) old.push_back(it->path());
    }
  }
  std::error_code ignored;
  for (const fs::path& path : old) fs::remove(path, ignored);
}

void FolderStore::clear_temp(double seconds) {
  const auto limit = fs::file_time_type::clock::now() -
                     std::chrono::duration_cast<fs::file_time_type::duration>(std::chrono::duration<double>(seconds));
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::recursive_directory_iterator it(root(Area::kTemp), kPassOver, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (it->is_symlink(ignored) || it->is_regular_file(ignored))
      if (seconds <= 0 || fs::last_write_time(it->path(), ignored) < limit) old.push_back(it->path());
  }
  for (const fs::path& path : old) fs::remove(path, error);
}

}  // namespace easel::artifacts
