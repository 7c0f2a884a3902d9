#include "models/weights/weight_cache.h"

#include <fcntl.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/parallel.h"
#include "base/round.h"
#include "base/sha256.h"
#include "tensor/mapped_file.h"

namespace easel::models {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[16] = "easel packed";
constexpr uint64_t kVersion = 2;  // of the file format; that of the layouts is ops::packed_layout_fingerprint()
constexpr size_t kAlign = 4096;
constexpr size_t kPiece = size_t{1} << 20;  // read and hashed at once, while it is in the cache

// The first bytes of a file. The blobs follow, each at a multiple of kAlign, and then the index.
struct Header {
  char magic[16];
  uint64_t version, count, index_offset, index_hash;
  char identity[64];  // SHA-256 of what the weights depend on
};
static_assert(sizeof(Header) <= kAlign);

// A blob in the mapped file: nothing has to be read while the system still caches the file, and the system can drop the
// memory when it is short.
class PartOfFile final : public Storage {
 public:
  PartOfFile(StorageRef file, uint64_t offset, size_t bytes)
      : Storage(static_cast<char*>(file->data()) + offset, bytes), file_(std::move(file)) {}
  void release() noexcept override { delete this; }

 private:
  StorageRef file_;
};

// The hash of a blob is the hash of its pieces' hashes, so that pieces can be hashed on several threads.
uint64_t hash_blob(const void* data, size_t bytes, bool on_all_threads) {
  std::vector<uint64_t> parts(ceil_div(bytes, kPiece));
  const auto hash_some = [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      parts[i] = hash_memory(static_cast<const char*>(data) + i * kPiece, std::min(kPiece, bytes - i * kPiece));
  };
  const auto count = static_cast<int64_t>(parts.size());
  if (on_all_threads) parallel_for(count, 1, hash_some);
  else hash_some(0, count);
  return hash_memory(parts.data(), parts.size() * sizeof(uint64_t));
}

// Logs to standard error, because standard output is for results.
spdlog::logger& log() {
  static spdlog::logger logger("weight cache", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  return logger;
}

Mutex g_mutex;
WeightCacheFolder g_folder EASEL_GUARDED_BY(g_mutex);

WeightCacheFolder cache_folder() {
  const MutexLock lock(g_mutex);
  return g_folder;
}

// Whether the file is a leftover of an interrupted write.
bool is_leftover(const fs::directory_entry& file) {
  const std::string name = file.path().filename().string();
  if (!name.starts_with(".") || !name.ends_with(".part") || name.find(".packed.") == std::string::npos) return false;
  std::error_code error;
  const auto age = fs::file_time_type::clock::now() - file.last_write_time(error);
  return !error && age > std::chrono::hours(1);
}

// Deletes the files used longest ago until the rest fit the limit, and old leftovers.
void make_room(const fs::path& folder, uint64_t limit, const fs::path& keep) {
  struct File {
    fs::path path;
    uint64_t bytes;
    int64_t used;
  };
  std::vector<File> files;
  uint64_t total = 0;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    if (is_leftover(file)) fs::remove(file.path(), ignored);
    struct stat info {};
    if (file.path().extension() != ".packed" || ::stat(file.path().c_str(), &info) != 0) continue;
    files.push_back({file.path(), static_cast<uint64_t>(info.st_size),
                     int64_t{info.st_atim.tv_sec} * 1'000'000'000 + info.st_atim.tv_nsec});
    total += files.back().bytes;
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.used < b.used; });
  for (const File& file : files) {
    if (limit == 0 || total <= limit) return;
    if (file.path == keep || !fs::remove(file.path, ignored)) continue;
    total -= file.bytes;
    log().debug("{} deleted: the weight cache is full", file.path.string());
  }
}

// Writers in the background; waits for them when the program ends.
class Writers {
 public:
  ~Writers() { finish(); }
  void start(std::shared_ptr<const WeightCache> cache) {
    const MutexLock lock(mutex_);
    threads_.emplace_back([cache = std::move(cache)] {
      try {
        cache->write();
      } catch (const std::exception& e) {
        log().warn("the weight cache was not written: {}", e.what());
      }
    });
  }
  void finish() {
    std::vector<std::thread> waiting;
    {
      const MutexLock lock(mutex_);
      waiting.swap(threads_);
    }
    for (std::thread& t : waiting) t.join();
  }

 private:
  Mutex mutex_;
  std::vector<std::thread> threads_ EASEL_GUARDED_BY(mutex_);
};

Writers& writers() {
  log();  // constructed before this object, so that it outlives the last writer
  static Writers all;
  return all;
}

}  // namespace

void set_weight_cache(const WeightCacheFolder& folder) {
  const MutexLock lock(g_mutex);
  g_folder = folder;
}

bool weight_cache_is_on() { return !cache_folder().path.empty(); }

WeightCache::WeightCache(fs::path file, const std::string& identity)
    : file_(std::move(file)), identity_(sha256_hex(identity)) {
  try {
    read_index();
  } catch (const Error& e) {
    mapped_ = {};
    if (e.fault() != Fault::kMissing) log().debug("{}: {}; packing anew", file_.string(), e.message());
  }
}

// The file is not trusted: every number is checked against its length.
void WeightCache::read_index() {
  mapped_ = MappedFile::open(file_).storage();
  const auto* data = static_cast<const char*>(mapped_->data());
  const uint64_t bytes = mapped_->bytes();
  if (bytes < kAlign) throw Error(Fault::kBadFile, "the weight cache is cut short");
  Header h{};
  std::memcpy(&h, data, sizeof h);
  if (std::memcmp(h.magic, kMagic, sizeof kMagic) != 0) throw Error(Fault::kBadFile, "not a weight cache");
  if (h.version != kVersion || std::memcmp(h.identity, identity_.data(), sizeof h.identity) != 0)
    throw Error(Fault::kBadFile, "the weight cache is of another version");
  const uint64_t index = std::min<uint64_t>(h.index_offset, bytes), room = bytes - index;
  if (h.count > room / sizeof(Entry) || h.count * sizeof(Entry) != room)
    throw Error(Fault::kBadFile, "the weight cache is cut short");
  if (hash_blob(data + index, room, false) != h.index_hash) throw Error(Fault::kBadFile, "the weight cache is damaged");
  std::vector<Entry> entries(h.count);
  if (room > 0) std::memcpy(entries.data(), data + index, room);
  for (const Entry& e : entries)
    if (e.offset % kAlign != 0 || e.offset > h.index_offset || e.bytes > h.index_offset - e.offset)
      throw Error(Fault::kBadFile, "the weight cache is damaged");
  madvise(mapped_->data(), bytes, MADV_HUGEPAGE);
  found_ = std::move(entries);
}

StorageRef WeightCache::take(uint64_t kind, size_t bytes) {
  const size_t next = entries_.size();
  if (next < found_.size() && found_[next].kind == kind && found_[next].bytes == bytes) {
    StorageRef memory(new PartOfFile(mapped_, found_[next].offset, bytes));
    if (hash_blob(memory->data(), bytes, true) == found_[next].hash) {
      entries_.push_back({kind, memory, bytes});
      return memory;
    }
    log().warn("{}: damaged; packing anew", file_.string());
  }
  missed_ = true;
  return {};
}

void WeightCache::keep(uint64_t kind, const StorageRef& storage, size_t bytes) {
  entries_.push_back({kind, storage, bytes});
}

void WeightCache::write() const {
  fs::create_directories(file_.parent_path());
  AtomicFile out(file_);
  const std::vector<char> zeros(kAlign);
  out.write(zeros.data(), kAlign);
  std::vector<Entry> index;
  for (const Kept& k : entries_) {
    index.push_back({k.kind, out.position(), k.bytes, hash_blob(k.storage->data(), k.bytes, false)});
    out.write(k.storage->data(), k.bytes);
    out.write(zeros.data(), round_up(k.bytes, kAlign) - k.bytes);
  }
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.version = kVersion;
  h.count = index.size();
  h.index_offset = out.position();
  h.index_hash = hash_blob(index.data(), index.size() * sizeof(Entry), false);
  std::memcpy(h.identity, identity_.data(), sizeof h.identity);
  out.write(index.data(), index.size() * sizeof(Entry));
  out.write_at(0, &h, sizeof h);
  out.commit();
  make_room(file_.parent_path(), cache_folder().limit, file_);
}

void WeightCache::touch() const {
  // UTIME_NOW counts in ticks of some milliseconds: two uses within one would look alike.
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const timespec times[] = {now, {0, UTIME_OMIT}};
  ::utimensat(AT_FDCWD, file_.c_str(), times, 0);
}

std::shared_ptr<WeightCache> WeightCache::open(const std::string& name, const std::string& version, Device device) {
  const fs::path folder = cache_folder().path;
  const std::string layout(ops::packed_layout(device));
  if (folder.empty() || layout.empty()) return nullptr;
  const std::string owner = name + "\n" + layout;
  const std::string identity = owner + "\n" + version + "\n" + std::to_string(ops::packed_layout_fingerprint(device));
  return std::make_shared<WeightCache>(folder / (sha256_hex(owner).substr(0, 32) + ".packed"), identity);
}

void WeightCache::finish(std::shared_ptr<WeightCache> cache) {
  if (cache->incomplete()) writers().start(std::move(cache));
  else cache->touch();
}

void finish_weight_caches() { writers().finish(); }

}  // namespace easel::models
