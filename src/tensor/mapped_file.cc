#include "tensor/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"
#include "tensor/mapping_guard.h"

namespace easel {
namespace {

std::string version_of(const struct stat& info) {
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
         std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

// Keeps the file open: a file that was replaced under its name is still whole here, one that was written into is not.
class MappedStorage final : public Storage {
 public:
  MappedStorage(void* data, size_t bytes, Descriptor fd, FileVersion file)
      : Storage(data, bytes), fd_(std::move(fd)), file_(std::move(file)) {
    guard_.emplace(data, bytes);
  }
  const FileVersion& file() const { return file_; }
  bool failed() const { return guard_->hit(); }
  bool changed() const {
    struct stat now {};
    return fstat(fd_.get(), &now) != 0 || version_of(now) != file_.version;
  }
  void release() noexcept override { delete this; }

 private:
  ~MappedStorage() override {
    guard_.reset();
    if (bytes_ > 0) munmap(data_, bytes_);
  }

  Descriptor fd_;
  FileVersion file_;
  std::optional<MappingGuard> guard_;  // ends before the mapping does
};

// Where the system keeps a file in huge pages it can map them as such only at an address that is a multiple of theirs.
void* map_aligned(int fd, size_t bytes) {
  constexpr size_t kHuge = size_t{2} << 20;
  if (bytes < kHuge) return mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  const size_t room = (bytes + 4095) / 4096 * 4096 + kHuge;
  void* const reserved = mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return MAP_FAILED;
  char* const begin = static_cast<char*>(reserved);
  const size_t skip = (kHuge - reinterpret_cast<uintptr_t>(begin) % kHuge) % kHuge;
  void* const data = mmap(begin + skip, bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
  const int code = errno;
  if (skip > 0) munmap(begin, skip);
  if (data == MAP_FAILED) munmap(begin + skip, room - skip);
  else munmap(begin + skip + (room - kHuge), kHuge - skip);
  errno = code;
  return data;
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0)
    throw Error(Fault::kMissing, std::string("cannot open the file: ") + std::strerror(errno)).in_file(path.string());
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    throw Error(Fault::kMissing, "is not a regular file").in_file(path.string());
  const size_t bytes = static_cast<size_t>(info.st_size);
  void* data = nullptr;
  if (bytes > 0) {
    data = map_aligned(fd.get(), bytes);
    if (data == MAP_FAILED)
      throw Error(Fault::kMemory, std::string("cannot map the file: ") + std::strerror(errno)).in_file(path.string());
  }
  std::error_code ignored;
  const FileVersion version{std::filesystem::absolute(path, ignored).lexically_normal().string(), version_of(info)};
  return MappedFile(path.string(), StorageRef(new MappedStorage(data, bytes, std::move(fd), version)));
}

FileVersion mapped_file(const StorageRef& storage) {
  const auto* mapped = dynamic_cast<const MappedStorage*>(storage.get());
  return mapped ? mapped->file() : FileVersion{};
}

void require_unchanged(const StorageRef& storage) {
  const auto* mapped = dynamic_cast<const MappedStorage*>(storage.get());
  if (!mapped) return;
  if (mapped->changed())
    throw Error(Fault::kBadFile, "the file was changed while it was being read")
        .in_file(mapped->file().path)
        .fix("Run this again when the file is complete");
  if (mapped->failed())
    throw Error(Fault::kBadFile, "part of the file cannot be read")
        .in_file(mapped->file().path)
        .fix("Check the disk or the network it is on");
}

void drop_pages(const StorageRef& storage, const void* data, size_t bytes) {
  if (!dynamic_cast<const MappedStorage*>(storage.get())) return;
  constexpr size_t kPage = 4096;
  const size_t skip = (kPage - reinterpret_cast<uintptr_t>(data) % kPage) % kPage;  // to the first whole page
  if (bytes < skip + kPage) return;
  madvise(static_cast<char*>(const_cast<void*>(data)) + skip, (bytes - skip) / kPage * kPage, MADV_DONTNEED);
}

}  // namespace easel
