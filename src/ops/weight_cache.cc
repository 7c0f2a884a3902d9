#include "ops/weight_cache.h"

#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "ops/cpu/cpu_features.h"
#include "tensor/mapped_file.h"

namespace easel::ops {
namespace {

constexpr char kMagic[16] = "easel packed";
constexpr uint64_t kVersion = 1;  // of the file and of every layout in it
constexpr size_t kAlign = 4096;

// The first bytes of a file. The blobs follow, each at a multiple of kAlign, and then the index.
struct Header {
  char magic[16];
  uint64_t version, count, index_offset, index_hash;
  char identity[64];  // SHA-256 of what the weights depend on
};
static_assert(sizeof(Header) <= kAlign);

size_t round_up(size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

// Eight independent chains of FNV-1a over words: as fast as memory. Finds damage, not malice.
uint64_t hash_block(const unsigned char* p, size_t bytes) {
  constexpr uint64_t kPrime = 0x100000001b3;
  std::array<uint64_t, 8> h{};
  for (size_t i = 0; i < h.size(); ++i) h[i] = 0xcbf29ce484222325 + i;
  for (; bytes >= 64; bytes -= 64, p += 64) {
    std::array<uint64_t, 8> w;
    std::memcpy(w.data(), p, 64);
    for (size_t i = 0; i < h.size(); ++i) h[i] = (h[i] ^ w[i]) * kPrime + (h[i] >> 32);
  }
  uint64_t all = bytes;
  for (uint64_t x : h) all = (all ^ x) * kPrime + (all >> 32);
  for (size_t i = 0; i < bytes; ++i) all = (all ^ p[i]) * kPrime;
  return all;
}

// On all threads, unless the caller works in the background.
uint64_t hash(const void* data, size_t bytes, bool alone = false) {
  constexpr size_t kPiece = size_t{1} << 20;
  const auto* p = static_cast<const unsigned char*>(data);
  const size_t pieces = (bytes + kPiece - 1) / kPiece;
  std::vector<uint64_t> parts(pieces);
  const auto count = static_cast<int64_t>(pieces);
  parallel_for(count, alone ? count : 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      parts[i] = hash_block(p + i * kPiece, std::min(kPiece, bytes - i * kPiece));
  });
  return hash_block(reinterpret_cast<const unsigned char*>(parts.data()), pieces * sizeof(uint64_t));
}

std::mutex g_mutex;
std::filesystem::path g_folder;
thread_local WeightCache* t_current = nullptr;

// Writers in the background; waits for them when the program ends.
class Writers {
 public:
  ~Writers() { finish(); }
  void start(std::shared_ptr<const WeightCache> cache) {
    std::lock_guard lock(mutex_);
    threads_.emplace_back([cache = std::move(cache)] {
      try {
        cache->write();
      } catch (const std::exception& e) {
        spdlog::warn("the weight cache was not written: {}", e.what());
      }
    });
  }
  void finish() {
    std::vector<std::thread> waiting;
    {
      std::lock_guard lock(mutex_);
      waiting.swap(threads_);
    }
    for (std::thread& t : waiting) t.join();
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

Writers& writers() {
  static Writers all;
  return all;
}

}  // namespace

void set_weight_cache_folder(const std::filesystem::path& folder) {
  std::lock_guard lock(g_mutex);
  g_folder = folder;
}

WeightCache::WeightCache(std::filesystem::path file, const std::string& identity)
    : file_(std::move(file)), identity_(sha256_hex(identity)) {
  try {
    if (std::filesystem::exists(file_)) read_index();
  } catch (const Error& e) {
    spdlog::warn("{}: {}; packing anew", file_.string(), e.message());
    found_.clear();
  }
}

// Nothing in the file is believed: every number is checked against the file's length.
void WeightCache::read_index() {
  const MappedFile file = MappedFile::open(file_);
  const auto bytes = file.bytes();
  Header h{};
  if (bytes.size() < kAlign) throw Error(Fault::kBadFile, "the weight cache is cut short");
  std::memcpy(&h, bytes.data(), sizeof h);
  if (std::memcmp(h.magic, kMagic, sizeof kMagic) != 0) throw Error(Fault::kBadFile, "not a weight cache");
  if (h.version != kVersion || std::memcmp(h.identity, identity_.data(), sizeof h.identity) != 0)
    throw Error(Fault::kBadFile, "the weight cache is of another version");
  const uint64_t room = bytes.size() - std::min<uint64_t>(h.index_offset, bytes.size());
  if (h.count > room / sizeof(Entry) || h.count * sizeof(Entry) != room)
    throw Error(Fault::kBadFile, "the weight cache is cut short");
  std::vector<Entry> entries(h.count);
  std::memcpy(entries.data(), bytes.data() + h.index_offset, room);
  if (hash(entries.data(), room) != h.index_hash) throw Error(Fault::kBadFile, "the weight cache is damaged");
  for (const Entry& e : entries)
    if (e.offset % kAlign != 0 || e.offset > h.index_offset || e.bytes > h.index_offset - e.offset)
      throw Error(Fault::kBadFile, "the weight cache is damaged");
  mapping_ = file.storage();
  found_ = std::move(entries);
}

WeightCache::Blob WeightCache::take(uint64_t kind, size_t bytes) {
  const size_t next = entries_.size();
  if (next < found_.size() && found_[next].kind == kind && found_[next].bytes == bytes) {
    const char* data = static_cast<const char*>(mapping_->data()) + found_[next].offset;
    if (hash(data, bytes) == found_[next].hash) {
      entries_.push_back({kind, mapping_, data, bytes});
      return {mapping_, data};
    }
    spdlog::warn("{}: damaged; packing anew", file_.string());
  }
  missed_ = true;
  return {};
}

void WeightCache::keep(uint64_t kind, const StorageRef& storage, const void* data, size_t bytes) {
  entries_.push_back({kind, storage, data, bytes});
}

void WeightCache::write() const {
  std::filesystem::create_directories(file_.parent_path());
  AtomicFile out(file_);
  const std::vector<char> zeros(kAlign);
  out.write(zeros.data(), kAlign);
  std::vector<Entry> index;
  for (const Kept& k : entries_) {
    index.push_back({k.kind, out.position(), k.bytes, hash(k.data, k.bytes, true)});
    out.write(k.data, k.bytes);
    out.write(zeros.data(), round_up(k.bytes) - k.bytes);
  }
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.version = kVersion;
  h.count = index.size();
  h.index_offset = out.position();
  h.index_hash = hash(index.data(), index.size() * sizeof(Entry), true);
  std::memcpy(h.identity, identity_.data(), sizeof h.identity);
  out.write(index.data(), index.size() * sizeof(Entry));
  out.write_at(0, &h, sizeof h);
  out.commit();
}

WeightCache* WeightCache::current() { return t_current; }

WeightCacheScope::WeightCacheScope(const std::string& identity) : before_(t_current) {
  std::filesystem::path folder;
  {
    std::lock_guard lock(g_mutex);
    folder = g_folder;
  }
  t_current = nullptr;
  if (folder.empty()) return;
  const std::string full = identity + "\n" + std::string(cpu::isa_name(cpu::isa()));
  cache_ = std::make_shared<WeightCache>(folder / (sha256_hex(full).substr(0, 32) + ".packed"), full);
  t_current = cache_.get();
}

WeightCacheScope::~WeightCacheScope() {
  t_current = before_;
  // Not while an error passes through: the model is then not whole.
  if (cache_ && cache_->incomplete() && std::uncaught_exceptions() == 0) writers().start(std::move(cache_));
}

void finish_weight_caches() { writers().finish(); }

}  // namespace easel::ops
