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
#include "base/huge_pages.h"
#include "tensor/mapping_guard.h"

namespace easel {
namespace {

// Keeps the file open: a file that is replaced under its name stays intact here, but one that is written to does not.
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
    return fstat(fd_.get(), &now) != 0 || file_version(file_.path, now).version != file_.version;
  }
  void release() noexcept override { delete this; }

 private:
  ~MappedStorage() override {
    guard_.reset();
    if (bytes_ > 0) munmap(data_, bytes_);
  }

  Descriptor fd_;
  FileVersion file_;
  std::optional<MappingGuard> guard_;  // destroyed before the mapping
};

// The system can map the huge pages of a file as such only at addresses that are multiples of the huge page size.
void* map_file(int fd, size_t bytes) {
  if (bytes >= kHugePage) return map_at_huge_page(bytes, fd);
  void* const data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  return data == MAP_FAILED ? nullptr : data;
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
    data = map_file(fd.get(), bytes);
    if (!data)
      throw Error(Fault::kMemory, std::string("cannot map the file: ") + std::strerror(errno)).in_file(path.string());
  }
  return MappedFile(path.string(), StorageRef(new MappedStorage(data, bytes, std::move(fd), file_version(path, info))));
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

bool mapping_failed(const StorageRef& storage) {
  const auto* mapped = dynamic_cast<const MappedStorage*>(storage.get());
  return mapped && mapped->failed();
}

void drop_pages(const StorageRef& storage, const void* data, size_t bytes) {
  if (!dynamic_cast<const MappedStorage*>(storage.get())) return;
  const size_t skip = (kPage - reinterpret_cast<uintptr_t>(data) % kPage) % kPage;  // to the first whole page
  if (bytes < skip + kPage) return;
  madvise(static_cast<char*>(const_cast<void*>(data)) + skip, (bytes - skip) / kPage * kPage, MADV_DONTNEED);
}

}  // namespace easel
