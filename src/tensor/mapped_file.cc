#include "tensor/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace easel {
namespace {

class MappedStorage final : public Storage {
 public:
  MappedStorage(void* data, size_t bytes, FileVersion file) : Storage(data, bytes), file_(std::move(file)) {}
  const FileVersion& file() const { return file_; }
  void release() noexcept override {
    if (bytes_ > 0) munmap(data_, bytes_);
    delete this;
  }

 private:
  FileVersion file_;
};

std::string version_of(const struct stat& info) {
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
         std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    throw Error(Fault::kMissing, std::string("cannot open the file: ") + std::strerror(errno)).in_file(path.string());
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw Error(Fault::kMissing, "is not a regular file").in_file(path.string());
  }
  const size_t bytes = static_cast<size_t>(info.st_size);
  void* data = nullptr;
  if (bytes > 0) {
    data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      const int code = errno;
      ::close(fd);
      throw Error(Fault::kMemory, std::string("cannot map the file: ") + std::strerror(code)).in_file(path.string());
    }
  }
  ::close(fd);
  std::error_code ignored;
  const FileVersion version{std::filesystem::absolute(path, ignored).lexically_normal().string(), version_of(info)};
  return MappedFile(path.string(), StorageRef(new MappedStorage(data, bytes, version)));
}

FileVersion mapped_file(const StorageRef& storage) {
  const auto* mapped = dynamic_cast<const MappedStorage*>(storage.get());
  return mapped ? mapped->file() : FileVersion{};
}

void drop_pages(const StorageRef& storage, const void* data, size_t bytes) {
  if (!dynamic_cast<const MappedStorage*>(storage.get())) return;
  constexpr size_t kPage = 4096;
  const size_t skip = (kPage - reinterpret_cast<uintptr_t>(data) % kPage) % kPage;  // to the first whole page
  if (bytes < skip + kPage) return;
  madvise(static_cast<char*>(const_cast<void*>(data)) + skip, (bytes - skip) / kPage * kPage, MADV_DONTNEED);
}

}  // namespace easel
