#include "artifacts/blobs.h"

#include <chrono>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/sha256.h"

namespace easel::artifacts {
namespace fs = std::filesystem;
namespace {

constexpr size_t kDigits = 64;
// What a sweep has set apart: no blob's name.
constexpr const char* kApart = ".apart";

// False when there is no such file.
bool touch(const fs::path& file) {
  std::error_code error;
  fs::last_write_time(file, fs::file_time_type::clock::now(), error);
  return !error;
}

bool older(const fs::path& file, fs::file_time_type limit) {
  std::error_code error;
  const auto changed = fs::last_write_time(file, error);
  return !error && changed < limit;
}

}  // namespace

Blob blob_of(std::string_view content) { return {sha256_hex(content), content.size()}; }

bool is_sha256(std::string_view text) {
  return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void check_blob(const Blob& blob, std::string_view content, const std::string& from) {
  if (content.size() != blob.bytes || sha256_hex(content) != blob.sha256)
    throw Error(Fault::kBadFile,
                "what came from " + from + " is not the content " + blob.sha256.substr(0, 12) + " that was asked for")
        .fix("Something changes files on the way, or where they are kept");
}

fs::path FolderBlobs::path_of(const std::string& sha256) const {
  if (!is_sha256(sha256)) throw Error(Fault::kInvalid, "a content is named by 64 hexadecimal digits");
  return folder_ / sha256.substr(0, 2) / sha256;
}

std::optional<fs::path> FolderBlobs::find(const Blob& blob) const {
  fs::path path = path_of(blob.sha256);
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(path, error)) || fs::file_size(path, error) != blob.bytes || error)
    return std::nullopt;
  return path;
}

Blob FolderBlobs::put(std::string_view content) {
  Blob blob = blob_of(content);
  keep(blob, content);
  return blob;
}

void FolderBlobs::keep(const Blob& blob, std::string_view content) {
  // As new as if it had been written now, so that a sweep leaves it (see there).
  if (find(blob) && touch(path_of(blob.sha256))) return;
  const fs::path path = path_of(blob.sha256);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    throw Error(Fault::kBadFile, "cannot make the folder: " + error.message()).in_file(path.parent_path().string());
  write_file(path, content);
}

fs::path FolderBlobs::get(const Blob& blob) {
  if (auto path = find(blob)) return *path;
  throw Error(Fault::kMissing, "the content " + blob.sha256.substr(0, 12) + " is not here").in_file(folder_.string());
}

std::vector<FolderBlobs::Entry> FolderBlobs::entries() const {
  std::vector<Entry> out;
  std::error_code error;
  constexpr auto kPassOver = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder_, kPassOver, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const std::string name = it->path().filename().string();
    if (!is_sha256(name) || !it->is_regular_file(gone)) continue;
    const uint64_t bytes = it->file_size(gone);
    const auto changed = it->last_write_time(gone);
    if (!gone) out.push_back({{name, bytes}, changed});
  }
  return out;
}

// Others may put the same content at any moment, on other machines as well, and give it a name a moment later. They
// make the file new before that. So a file is set apart first and looked at again: what was made new before that is
// put back, and whoever comes after that finds no file and writes one.
void FolderBlobs::sweep(double seconds,
                        const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) {
  const auto limit = fs::file_time_type::clock::now() -
                     std::chrono::duration_cast<fs::file_time_type::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::string> old;
  for (const Entry& entry : entries())
    if (entry.changed < limit) old.push_back(entry.blob.sha256);
  if (old.empty()) return;
  std::error_code ignored;
  for (const std::string& sha256 : unused(std::move(old))) {
    const fs::path path = path_of(sha256), apart = path.string() + kApart;
    std::error_code error;
    fs::rename(path, apart, error);
    if (error) continue;
    if (older(apart, limit)) fs::remove(apart, ignored);
    else fs::rename(apart, path, ignored);
  }
}

}  // namespace easel::artifacts
