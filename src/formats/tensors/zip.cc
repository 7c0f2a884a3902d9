#include "formats/tensors/zip.h"

#include <algorithm>

#include "base/error.h"

// Field layouts: PKWARE APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (central directory),
// 4.3.14 to 4.3.16 (ends of the directory), 4.5.3 (zip64 extra field).
namespace easel::formats {
namespace {

[[noreturn]] void bad(const std::string& message) {
  throw Error(Fault::kBadFile, "damaged zip archive: " + message)
      .fix("The file was probably not downloaded completely");
}

// Little-endian fields with every access checked.
class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> data) : data_(data) {}
  uint64_t field(uint64_t offset, int width) const {
    if (offset > data_.size() || data_.size() - offset < static_cast<uint64_t>(width)) bad("it ends too early");
    uint64_t v = 0;
    for (int i = width; i-- > 0;) v = v << 8 | data_[offset + static_cast<uint64_t>(i)];
    return v;
  }
  uint16_t u16(uint64_t at) const { return static_cast<uint16_t>(field(at, 2)); }
  uint32_t u32(uint64_t at) const { return static_cast<uint32_t>(field(at, 4)); }
  uint64_t u64(uint64_t at) const { return field(at, 8); }
  std::span<const uint8_t> part(uint64_t offset, uint64_t length) const {
    if (offset > data_.size() || data_.size() - offset < length) bad("an entry lies outside the file");
    return data_.subspan(offset, length);
  }
  uint64_t size() const { return data_.size(); }

 private:
  std::span<const uint8_t> data_;
};

struct Directory {
  uint64_t offset, bytes, entries;
};

// The record at the very end, behind a comment of at most 65535 bytes.
uint64_t find_end_record(const Bytes& file) {
  constexpr uint64_t kRecord = 22, kComment = 65535;
  if (file.size() < kRecord) bad("it ends too early");
  const uint64_t last = file.size() - kRecord, first = last > kComment ? last - kComment : 0;
  for (uint64_t at = last + 1; at-- > first;)
    if (file.u32(at) == 0x06054b50 && at + kRecord + file.u16(at + 20) == file.size()) return at;
  bad("its directory is missing");
}

Directory find_directory(const Bytes& file) {
  const uint64_t end = find_end_record(file);
  Directory d{file.u32(end + 16), file.u32(end + 12), file.u16(end + 10)};
  if (end >= 20 && file.u32(end - 20) == 0x07064b50) {  // a zip64 locator
    const uint64_t record = file.u64(end - 12);
    if (record >= end || file.u32(record) != 0x06064b50) bad("its zip64 directory is missing");
    d = {file.u64(record + 48), file.u64(record + 40), file.u64(record + 32)};
  }
  if (d.offset > end || d.bytes > end - d.offset) bad("its directory lies outside the file");
  if (d.entries > d.bytes / 46) bad("its directory claims more entries than it has");
  return d;
}

// Replaces fields that are all ones by the values of the zip64 extra field, which holds just those.
void apply_zip64(const Bytes& extra, uint64_t& size, uint64_t& packed, uint64_t& offset) {
  for (uint64_t at = 0; at + 4 <= extra.size();) {
    const uint16_t id = extra.u16(at);
    const Bytes field(extra.part(at + 4, extra.u16(at + 2)));
    if (id == 1) {
      uint64_t next = 0;
      for (uint64_t* v : {&size, &packed, &offset})
        if (*v == 0xffffffffu) {
          *v = field.u64(next);
          next += 8;
        }
      return;
    }
    at += 4 + field.size();
  }
}

// With overlapping entries a small archive could expand to a huge one.
void check_overlaps(const std::vector<ZipEntry>& entries) {
  std::vector<const ZipEntry*> order;
  for (const ZipEntry& e : entries)
    if (!e.data.empty()) order.push_back(&e);
  std::sort(order.begin(), order.end(),
            [](const ZipEntry* a, const ZipEntry* b) { return a->data.data() < b->data.data(); });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i]->data.data() < order[i - 1]->data.data() + order[i - 1]->data.size())
      bad("entries '" + order[i - 1]->name + "' and '" + order[i]->name + "' overlap");
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(std::span<const uint8_t> bytes) {
  const Bytes file(bytes);
  const Directory directory = find_directory(file);
  const Bytes list(file.part(directory.offset, directory.bytes));
  std::vector<ZipEntry> entries;
  uint64_t at = 0;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    if (list.u32(at) != 0x02014b50) bad("its directory is malformed");
    const uint16_t flags = list.u16(at + 8), method = list.u16(at + 10);
    uint64_t packed = list.u32(at + 20), size = list.u32(at + 24), offset = list.u32(at + 42);
    const uint16_t name_bytes = list.u16(at + 28), extra_bytes = list.u16(at + 30), comment_bytes = list.u16(at + 32);
    const auto name = list.part(at + 46, name_bytes);
    apply_zip64(Bytes(list.part(at + 46 + name_bytes, extra_bytes)), size, packed, offset);
    at += 46u + name_bytes + extra_bytes + comment_bytes;

    ZipEntry entry{std::string(name.begin(), name.end()), {}, method == 0 && (flags & 1) == 0};
    if (file.u32(offset) != 0x04034b50) bad("entry '" + entry.name + "' is not where the directory says");
    if (entry.stored) {
      if (packed != size) bad("entry '" + entry.name + "' has two different sizes");
      // The local header repeats name and extra field; their lengths may differ from the directory's.
      entry.data = file.part(offset + 30u + file.u16(offset + 26) + file.u16(offset + 28), size);
    }
    entries.push_back(std::move(entry));
  }
  check_overlaps(entries);
  return entries;
}

}  // namespace easel::formats
