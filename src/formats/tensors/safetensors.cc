#include "formats/tensors/safetensors.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "formats/tensors/owned_bytes.h"
#include "formats/tensors/safetensors_stream.h"

namespace easel::formats {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit
constexpr auto kAllTypes = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64,  DType::kI64,    DType::kI32,
                            DType::kI16, DType::kI8,  DType::kU8,   DType::kBool, DType::kF8E4M3, DType::kF8E5M2};

[[noreturn]] void bad(const std::string& message) {
  throw Error(Fault::kBadFile, message).fix("The file is damaged or was not downloaded completely");
}

DType parse_dtype(const std::string& name, const std::string& tensor) {
  for (DType t : kAllTypes)
    if (dtype_name(t) == name) return t;
  throw Error(Fault::kUnsupported,
              "tensor '" + tensor + "' has the element type '" + name + "', which Easel cannot read");
}

struct Entry {
  std::string name, dtype;
  std::vector<uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Receives the header's JSON as events, so that a hostile header is never built up as a tree.
// Level 0: outside; 1: the top object; 2: a tensor's object or the metadata; 3: an array of a tensor.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(Metadata* metadata) : metadata_(metadata) {}
  std::vector<Entry> entries;

  bool start_object(size_t) override {
    if (level_ == 0) {
      level_ = 1;
      return true;
    }
    if (level_ != 1) bad("the header nests deeper than the format does");
    level_ = 2;
    in_metadata_ = key_ == "__metadata__";
    if (!in_metadata_) entries.push_back({.name = key_, .dtype = {}, .shape = {}, .offsets = {}});
    return true;
  }
  bool end_object() override {
    if (level_ == 2 && !in_metadata_) {
      const Entry& e = entries.back();
      if (!e.has_dtype || !e.has_shape || !e.has_offsets)
        bad("the header entry of tensor '" + e.name + "' lacks dtype, shape or data_offsets");
    }
    --level_;
    return true;
  }
  bool start_array(size_t) override {
    if (level_ != 2 || in_metadata_) bad("the header has an array where none belongs");
    Entry& e = entries.back();
    if (key_ == "shape") {
      claim(e.has_shape);
      list_ = &e.shape;
    } else if (key_ == "data_offsets") {
      claim(e.has_offsets);
      list_ = &e.offsets;
    } else bad("the header entry of tensor '" + e.name + "' has an unknown field '" + key_ + "'");
    level_ = 3;
    return true;
  }
  bool end_array() override {
    level_ = 2;
    return true;
  }
  bool key(std::string& text) override {
    key_ = std::move(text);
    return true;
  }
  bool string(std::string& text) override {
    if (level_ == 2 && in_metadata_) {
      if (metadata_) (*metadata_)[key_] = std::move(text);
      return true;
    }
    if (level_ != 2 || key_ != "dtype") bad("the header has a text where none belongs");
    claim(entries.back().has_dtype);
    entries.back().dtype = std::move(text);
    return true;
  }
  bool number_unsigned(uint64_t value) override {
    if (level_ != 3) bad("the header has a number where none belongs");
    if (list_->size() >= 64) bad("tensor '" + entries.back().name + "' has too many dimensions");
    list_->push_back(value);
    return true;
  }
  bool null() override { bad("the header has a null where none belongs"); }
  bool boolean(bool) override { bad("the header has a truth value where none belongs"); }
  bool number_integer(int64_t) override { bad("the header has a negative number"); }
  bool number_float(double, const std::string&) override { bad("the header has a number that is not a whole one"); }
  bool binary(nlohmann::json::binary_t&) override { bad("the header is not JSON"); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    bad("the header is not valid JSON at byte " + std::to_string(position));
  }

 private:
  void claim(bool& seen) {
    if (seen) bad("the header entry of tensor '" + entries.back().name + "' has a field twice");
    seen = true;
  }

  Metadata* metadata_;
  std::string key_;
  std::vector<uint64_t>* list_ = nullptr;
  int level_ = 0;
  bool in_metadata_ = false;
};

uint64_t little_endian64(const uint8_t* p) {
  uint64_t v = 0;
  for (int i = 8; i-- > 0;) v = v << 8 | p[i];
  return v;
}

struct TypeAndShape {
  DType dtype;
  Shape shape;
};

// What one header entry says, which its bytes in the buffer of `data_bytes` must bear out.
TypeAndShape check_entry(const Entry& e, uint64_t data_bytes) {
  const DType dtype = parse_dtype(e.dtype, e.name);
  if (e.offsets.size() != 2 || e.offsets[0] > e.offsets[1] || e.offsets[1] > data_bytes)
    bad("tensor '" + e.name + "' lies outside the file");
  if (e.shape.size() > static_cast<size_t>(Shape::kMaxRank))
    throw Error(Fault::kUnsupported, "tensor '" + e.name + "' has more than six dimensions");
  // Even if one dimension is zero, later products of the others could overflow, so all of them are bounded.
  uint64_t bytes = dtype_size(dtype);
  bool empty = false;
  for (uint64_t d : e.shape) {
    if (d == 0) empty = true;
    else if (__builtin_mul_overflow(bytes, d, &bytes) || bytes > (uint64_t{1} << 62))
      bad("tensor '" + e.name + "' has an impossible shape");
  }
  if (empty) bytes = 0;
  if (bytes != e.offsets[1] - e.offsets[0])
    bad("tensor '" + e.name + "' takes " + std::to_string(e.offsets[1] - e.offsets[0]) +
        " bytes, but its shape and type need " + std::to_string(bytes));
  Shape shape;
  for (uint64_t d : e.shape) shape.push_back(static_cast<int64_t>(d));
  return {dtype, shape};
}

// The tensors, taken in order of their place, must fill the buffer without gaps or overlaps.
void check_tiling(const std::vector<Entry>& entries, uint64_t data_bytes) {
  std::vector<const Entry*> order;
  order.reserve(entries.size());
  for (const Entry& e : entries) order.push_back(&e);
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
  uint64_t at = 0;
  for (const Entry* e : order) {
    if (e->offsets[0] != at)
      bad("tensor '" + e->name + "' " + (e->offsets[0] < at ? "overlaps another" : "leaves a gap before it"));
    at = e->offsets[1];
  }
  if (at != data_bytes)
    bad("the header accounts for " + std::to_string(at) + " bytes of tensor data, the file has " +
        std::to_string(data_bytes));
}

StoredTensors read(const MappedFile& file, Metadata* metadata) {
  const auto bytes = file.bytes();
  if (bytes.size() < 8) bad("too short for a safetensors file");
  const uint64_t length = little_endian64(bytes.data());
  if (length > kMaxHeader)
    bad("the header claims " + std::to_string(length) + " bytes, above the 100 MB the format allows");
  if (length > bytes.size() - 8)
    bad("the header claims " + std::to_string(length) + " bytes, the file has only " +
        std::to_string(bytes.size() - 8) + " left");
  const auto header = bytes.subspan(8, length);
  const auto data = bytes.subspan(8 + length);
  if (header.empty() || header[0] != '{') bad("the header is not a JSON object");
  HeaderReader reader(metadata);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  // All is checked before the first tensor is made: tensors that lie unaligned are copied, and copies of parts that
  // overlap could fill any memory.
  std::vector<TypeAndShape> checked;
  checked.reserve(reader.entries.size());
  for (const Entry& e : reader.entries) checked.push_back(check_entry(e, data.size()));
  StoredTensors tensors;
  for (const Entry& e : reader.entries) {
    if (tensors.contains(e.name)) bad("the header names tensor '" + e.name + "' twice");
    tensors.set(e.name, {});
  }
  check_tiling(reader.entries, data.size());
  for (size_t i = 0; i < checked.size(); ++i) {
    const Entry& e = reader.entries[i];
    tensors.set(e.name, view_or_copy(file.storage(), data.data() + e.offsets[0], checked[i].shape, checked[i].dtype));
  }
  return tensors;
}

}  // namespace

bool looks_like_safetensors(std::span<const uint8_t> bytes) { return bytes.size() > 8 && bytes[8] == '{'; }

StoredTensors read_safetensors(const MappedFile& file, Metadata* metadata) {
  try {
    return read(file, metadata);
  } catch (Error& e) {
    e.in_file(file.path());
    throw;
  }
}

namespace {

// The length and the text of a header, padded, and how many bytes of data come after it. Throws Error(kUsage) when a
// name occurs twice.
std::pair<std::string, uint64_t> make_header(const std::vector<TensorSpec>& tensors, const Metadata& metadata) {
  // Assembled by hand: the order of the tensors is part of the file, and huge models have long headers.
  const auto quoted = [](const std::string& s) {
    return nlohmann::json(s).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) header += quoted(key) + ":" + quoted(value) + ",";
    header.back() = '}';
    header += ",";
  }
  std::map<std::string_view, bool> seen;
  uint64_t at = 0;
  for (const TensorSpec& t : tensors) {
    if (!seen.emplace(t.name, true).second || t.name == "__metadata__")
      throw Error(Fault::kUsage, "a safetensors file cannot hold a second tensor '" + t.name + "'");
    const uint64_t bytes = static_cast<uint64_t>(t.shape.numel()) * dtype_size(t.dtype);
    std::string shape;
    for (int64_t d : t.shape) shape += (shape.empty() ? "" : ",") + std::to_string(d);
    header += quoted(t.name) + ":{\"dtype\":\"" + std::string(dtype_name(t.dtype)) + "\",\"shape\":[" + shape +
              "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(at + bytes) + "]},";
    at += bytes;
  }
  if (header.back() == ',') header.pop_back();
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string length;
  for (size_t i = 0; i < 8; ++i) length += static_cast<char>(static_cast<uint64_t>(header.size()) >> (8 * i));
  return {length + header, at};
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                                     const Metadata& metadata)
    : file_(path) {
  try {
    const auto [header, data_bytes] = make_header(tensors, metadata);
    file_.write(header);
    end_ = file_.position() + data_bytes;
  } catch (Error& e) {
    e.in_file(path.string());
    throw;
  }
}

std::string encode_safetensors(const TensorMap& tensors, const Metadata& metadata) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, t] : tensors) specs.push_back({name, t.dtype(), t.shape()});
  std::string out = make_header(specs, metadata).first;
  for (const auto& [name, t] : tensors) {
    const Tensor packed = contiguous(t);
    if (packed.nbytes() > 0) out.append(static_cast<const char*>(packed.raw()), packed.nbytes());
  }
  return out;
}

void stream_safetensors(const std::vector<TensorSpec>& tensors, const Metadata& metadata,
                        const std::function<Tensor(size_t index)>& make,
                        const std::function<void(std::string_view bytes)>& take) {
  take(make_header(tensors, metadata).first);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor made = make(i);
    if (made.dtype() != tensors[i].dtype || !(made.shape() == tensors[i].shape))
      throw Error(Fault::kInternal, "tensor '" + tensors[i].name + "' is not as its header says");
    const Tensor packed = contiguous(made);
    if (packed.nbytes() > 0) take({static_cast<const char*>(packed.raw()), packed.nbytes()});
  }
}

void SafetensorsWriter::write(const void* data, size_t bytes) {
  if (bytes > end_ - file_.position()) throw Error(Fault::kInternal, "more tensor data than the header declares");
  file_.write(data, bytes);
}

void SafetensorsWriter::commit() {
  if (file_.position() != end_) throw Error(Fault::kInternal, "less tensor data than the header declares");
  file_.commit();
}

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata) {
  StoredTensors stored;
  for (const auto& [name, t] : tensors) stored.set(name, t);
  write_safetensors(path, stored, metadata);
}

void write_safetensors(const std::filesystem::path& path, const StoredTensors& tensors, const Metadata& metadata) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, t] : tensors)
    specs.push_back({name, t.plain() ? t.plain()->dtype() : DType::kF32, t.shape()});
  SafetensorsWriter writer(path, specs, metadata);
  for (const auto& [name, t] : tensors) {
    const Tensor packed = contiguous(t.tensor());
    writer.write(packed.raw(), packed.nbytes());
  }
  writer.commit();
}

}  // namespace easel::formats
