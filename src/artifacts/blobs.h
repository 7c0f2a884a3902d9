// Contents without names: each is kept once, under the SHA-256 of its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace easel::artifacts {

// Names a content by what it is.
struct Blob {
  std::string sha256;  // 64 lower-case hexadecimal digits
  uint64_t bytes = 0;
  bool operator==(const Blob&) const = default;
};

Blob blob_of(std::string_view content);
// Whether a text has the form of a SHA-256, and so may be used as a file's name.
bool is_sha256(std::string_view text);
// Throws Error(kBadFile) unless the content is the blob's; `from` says where it came from.
void check_blob(const Blob& blob, std::string_view content, const std::string& from);

// Thread-safe.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // Keeps a content, whole and durable when the call returns. Throws Error(kMemory) when there is no room.
  virtual Blob put(std::string_view content) = 0;
  // A file of this machine with the content. Throws Error(kMissing) when the store does not have it.
  virtual std::filesystem::path get(const Blob& blob) = 0;
  // Removes contents that were kept for longer than `seconds` and that `unused` picks from the SHA-256s it is given.
  // Never fails.
  virtual void sweep(double seconds,
                     const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) = 0;
};

// Blobs as files of one folder, which several machines may share: FOLDER/ab/abcdef...
class FolderBlobs final : public BlobStore {
 public:
  // The folder is made when something is put into it.
  explicit FolderBlobs(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Blob put(std::string_view content) override;
  std::filesystem::path get(const Blob& blob) override;
  void sweep(double seconds, const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) override;

  // As put(), for a content of which the caller knows that it is the blob's: to find that out reads all of it.
  void keep(const Blob& blob, std::string_view content);
  // The file of a content that is here; nothing when it is not, or has another size than the blob's.
  std::optional<std::filesystem::path> find(const Blob& blob) const;
  std::filesystem::path path_of(const std::string& sha256) const;
  struct Entry {
    Blob blob;
    std::filesystem::file_time_type changed;
  };
  std::vector<Entry> entries() const;

 private:
  const std::filesystem::path folder_;
};

// Where contents are kept that this machine has copies of only.
class RemoteBlobs {
 public:
  virtual ~RemoteBlobs() = default;
  // Durable there when the call returns. Tries for a while when nobody answers; then throws Error(kMissing).
  virtual void send(const Blob& blob, std::string_view content) = 0;
  // The blob's content, checked. Throws Error(kMissing) when it is not there.
  virtual std::string fetch(const Blob& blob) = 0;
  // As BlobStore::sweep(). No effect where those who keep contents sweep them.
  virtual void sweep(double, const std::function<std::vector<std::string>(std::vector<std::string>)>&) {}
};

}  // namespace easel::artifacts
