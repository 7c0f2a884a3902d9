#include "formats/tensors/torch_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "formats/tensors/owned_bytes.h"
#include "formats/tensors/zip.h"

namespace easel::formats {
namespace {

// 0x1950a86a20f9469cfc6c as pickles write it: the first value of a legacy stream.
constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr int64_t kLegacyVersion = 1001;

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, message); }

// Bytes of a storage where they lie, or a copy where that is not aligned for their type.
StorageBytes aligned_storage(const MappedFile& file, std::span<const uint8_t> data, DType dtype) {
  const size_t alignment = dtype == DType::kU8 ? 8 : dtype_size(dtype);
  if (reinterpret_cast<uintptr_t>(data.data()) % alignment == 0) return {file.storage(), data.data(), data.size()};
  StorageRef copy = owned_bytes(data.size());
  std::memcpy(copy->data(), data.data(), data.size());
  drop_pages(file.storage(), data.data(), data.size());
  const auto* first = static_cast<const uint8_t*>(copy->data());
  return {std::move(copy), first, data.size()};
}

// The entries of a torch archive by their name below its one top folder.
class Archive {
 public:
  explicit Archive(const MappedFile& file) {
    for (ZipEntry& e : read_zip_directory(file.bytes())) {
      const size_t slash = e.name.find('/');
      if (slash == std::string::npos) continue;
      std::string folder = e.name.substr(0, slash), name = e.name.substr(slash + 1);
      if (name == "data.pkl") {
        if (!folder_.empty() && folder != folder_) bad("the archive has two pickles");
        folder_ = folder;
      }
      if (!entries_.emplace(e.name, e).second) bad("the archive names '" + e.name + "' twice");
    }
    if (folder_.empty())
      throw Error(Fault::kBadFile, "is a zip archive, but not one that torch.save wrote: it has no data.pkl")
          .fix("If it is an archive of model files, unpack it");
  }

  bool has(const std::string& name) const { return entries_.count(folder_ + "/" + name) != 0; }
  std::span<const uint8_t> data(const std::string& name) const {
    const auto it = entries_.find(folder_ + "/" + name);
    if (it == entries_.end()) bad("the archive lacks '" + name + "'");
    if (!it->second.stored)
      throw Error(Fault::kBadFile, "'" + name + "' is compressed in the archive, which torch never does")
          .fix("Easel does not inflate model files. Save it again with torch.save, or as safetensors");
    return it->second.data;
  }

 private:
  std::string folder_;
  std::unordered_map<std::string, ZipEntry> entries_;
};

// Reads pickles and numbers from the front of a legacy file.
class LegacyStream {
 public:
  explicit LegacyStream(std::span<const uint8_t> bytes) : rest_(bytes) {}
  Pickle pickle() {
    Pickle p = Pickle::read(rest_, check_torch_global);
    rest_ = rest_.subspan(p.consumed());
    return p;
  }
  std::span<const uint8_t> take(uint64_t bytes) {
    if (bytes > rest_.size()) bad("the file ends inside a tensor's data");
    const auto part = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return part;
  }
  uint64_t u64() {
    uint64_t v = 0;
    std::memcpy(&v, take(8).data(), 8);
    return v;
  }

 private:
  std::span<const uint8_t> rest_;
};

void check_legacy_system(const Pickle& info) {
  const auto& fields = info.root().items;
  for (size_t i = 0; info.root().kind == Pickle::Kind::kDict && i < fields.size(); i += 2)
    if (info[fields[i]].text == "little_endian" && info[fields[i + 1]].integer == 0)
      throw Error(Fault::kUnsupported, "was written on a big-endian machine");
}

}  // namespace

bool is_script_class(std::string_view name) { return name.starts_with("__torch__."); }

void check_script_global(std::string_view module, std::string_view name) {
  if (module == "__torch__" || is_script_class(module)) return;
  constexpr std::array kLists{"build_boollist", "build_doublelist", "build_intlist", "build_tensorlist",
                              "restore_type_tag"};
  if (module == "torch.jit._pickle" && std::find(kLists.begin(), kLists.end(), name) != kLists.end()) return;
  check_torch_global(module, name);
}

bool looks_like_torch_zip(std::span<const uint8_t> bytes) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "PK\3\4", 4) == 0;
}

bool looks_like_torch_legacy(std::span<const uint8_t> bytes) {
  // PROTO, FRAME in late protocols, LONG1, the number.
  if (bytes.size() < 16 || bytes[0] != 0x80) return false;
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 32));
  return start.find(kLegacyMagic) != std::string_view::npos;
}

TorchContent read_torch_zip(const MappedFile& file) {
  const Archive archive(file);
  if (archive.has("byteorder")) {
    const auto order = archive.data("byteorder");
    if (std::string_view(reinterpret_cast<const char*>(order.data()), order.size()) != "little")
      throw Error(Fault::kUnsupported, "was written on a big-endian machine");
  }
  // torch.jit.save writes constants beside what torch.save writes, and code, of which only the tensors are of interest.
  const bool script = archive.has("constants.pkl");
  const Pickle pickle = Pickle::read(archive.data("data.pkl"), script ? check_script_global : check_torch_global);
  std::unordered_map<std::string, StorageBytes> loaded;
  return interpret_torch(pickle, [&](const StorageName& name) {
    const auto [it, fresh] = loaded.try_emplace(name.key);
    if (!fresh) return it->second;
    const auto data = archive.data("data/" + name.key);
    if (name.elements > data.size() / dtype_size(name.dtype))
      bad("storage '" + name.key + "' has " + std::to_string(data.size()) + " bytes, too few for " +
          std::to_string(name.elements) + " elements");
    return it->second = aligned_storage(file, data, name.dtype);
  });
}

TorchContent read_torch_legacy(const MappedFile& file) {
  LegacyStream stream(file.bytes());
  const Pickle magic = stream.pickle();
  if (magic.root().kind != Pickle::Kind::kBigInt || magic.root().text != kLegacyMagic) bad("is not a torch file");
  const Pickle version = stream.pickle();
  if (version.root().kind != Pickle::Kind::kInt || version.root().integer != kLegacyVersion)
    throw Error(Fault::kUnsupported, "is a torch stream of an unknown version");
  check_legacy_system(stream.pickle());
  const Pickle object = stream.pickle();
  const Pickle keys = stream.pickle();

  std::unordered_map<std::string, StorageName> named;
  for (StorageName& s : list_storages(object)) named.emplace(s.key, s);
  std::unordered_map<std::string, StorageBytes> loaded;
  for (Pickle::Ref ref : keys.root().items) {
    const auto& v = keys[ref];
    const std::string key = v.kind == Pickle::Kind::kInt ? std::to_string(v.integer) : std::string(v.text);
    const auto it = named.find(key);
    if (it == named.end()) bad("holds data of a storage that no tensor names");
    const uint64_t elements = stream.u64(), size = dtype_size(it->second.dtype);
    if (elements > file.bytes().size() / size) bad("the file ends inside a tensor's data");
    if (!loaded.emplace(key, aligned_storage(file, stream.take(elements * size), it->second.dtype)).second)
      bad("holds the data of a storage twice");
  }
  return interpret_torch(object, [&](const StorageName& name) {
    const auto it = loaded.find(name.key);
    if (it == loaded.end()) bad("lacks the data of storage '" + name.key + "'");
    if (name.dtype != named.at(name.key).dtype) bad("uses storage '" + name.key + "' as two types");
    return it->second;
  });
}

}  // namespace easel::formats
