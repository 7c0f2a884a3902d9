#include "formats/onnx/tensors.h"

#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/files/utf8.h"
#include "formats/onnx/onnx.h"
#include "formats/tensors/owned_bytes.h"

namespace easel::formats {
namespace {

// By ONNX's numbers of element types.
std::optional<DType> element_type(int64_t type) {
  switch (type) {
    case 1: return DType::kF32;
    case 2: return DType::kU8;
    case 3: return DType::kI8;
    case 5: return DType::kI16;
    case 6: return DType::kI32;
    case 7: return DType::kI64;
    case 9: return DType::kBool;
    case 10: return DType::kF16;
    case 11: return DType::kF64;
    case 16: return DType::kBF16;
    default: return std::nullopt;
  }
}

// Fields of a message lie at any address; f32 values, nearly all of a file, are decoded from there when they are read
// instead of being copied when the file is opened.
class LooseFloats final : public BlockEncoding {
 public:
  std::string_view name() const override { return "F32"; }
  int64_t block_values() const override { return 1; }
  size_t block_bytes() const override { return sizeof(float); }
  void decode(const uint8_t* from, int64_t blocks, float* to) const override {
    std::memcpy(to, from, static_cast<size_t>(blocks) * sizeof(float));
  }
};

StoredTensor stored(const StorageRef& storage, const uint8_t* data, const Shape& shape, DType type) {
  static const auto kLoose = std::make_shared<const LooseFloats>();
  if (type != DType::kF32 || shape.rank() == 0 || shape.numel() == 0 ||
      reinterpret_cast<uintptr_t>(data) % alignof(float) == 0)
    return view_or_copy(storage, data, shape, type);
  return {storage, data, shape, kLoose};
}

// Values written one by one as numbers of 64 bits, in the size of their type.
StoredTensor narrowed(const std::vector<int64_t>& values, const Shape& shape, DType type) {
  const size_t size = dtype_size(type);
  StorageRef memory = owned_bytes(std::max<size_t>(values.size() * size, 1));
  auto* to = static_cast<uint8_t*>(memory->data());
  // Little endian: the low bytes are the number in the smaller type.
  for (size_t i = 0; i < values.size(); ++i) std::memcpy(to + i * size, &values[i], size);
  return view_or_copy(memory, to, shape, type);
}

int64_t whole_number(std::string_view text) {
  int64_t out = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 0)
    bad_onnx("it says where a tensor lies by '" + std::string(text.substr(0, 40)) + "', which is no number");
  return out;
}

}  // namespace

bool is_onnx_float(int64_t type) {
  const auto element = element_type(type);
  return element && is_float(*element);
}

std::vector<int64_t> whole_numbers(const StoredTensor& tensor) {
  const Tensor dense = contiguous(tensor.tensor());
  const auto read = [&]<class T>(T) {
    const auto* from = static_cast<const T*>(dense.raw());
    return std::vector<int64_t>(from, from + dense.numel());
  };
  switch (dense.dtype()) {
    case DType::kI64: return read(int64_t{});
    case DType::kI32: return read(int32_t{});
    case DType::kI16: return read(int16_t{});
    case DType::kI8: return read(int8_t{});
    case DType::kU8:
    case DType::kBool: return read(uint8_t{});
    default: throw Error(Fault::kInternal, tensor.str() + " read as whole numbers");
  }
}

WireBytes OnnxTensors::outside(const Place& place, uint64_t bytes, StorageRef& storage) {
  const std::filesystem::path folder = std::filesystem::path(file_.path()).parent_path();
  const auto path = is_utf8(place.location) ? resolve_inside(folder, place.location) : std::nullopt;
  if (!path) bad_onnx("it says that its tensors lie in a file outside of its folder");
  auto known = beside_.find(path->string());
  if (known == beside_.end()) {
    MappedFile opened = MappedFile::open(*path);
    const uint64_t size = opened.bytes().size();
    known = beside_.emplace(path->string(), Beside{std::move(opened), size}).first;
  }
  Beside& there = known->second;
  const WireBytes all = there.file.bytes();
  const auto offset = static_cast<uint64_t>(place.offset);
  if (offset > all.size() || bytes > all.size() - offset || bytes > there.rest ||
      (place.length >= 0 && static_cast<uint64_t>(place.length) != bytes))
    bad_onnx("its tensors do not fit into the file '" + place.location + "' beside it");
  there.rest -= bytes;
  storage = there.file.storage();
  return all.subspan(static_cast<size_t>(offset), static_cast<size_t>(bytes));
}

std::pair<std::string, StoredTensor> OnnxTensors::read(WireBytes message) {
  enum {
    kDims = 1,
    kType = 2,
    kFloats = 4,
    kInts32 = 5,
    kInts64 = 7,
    kName = 8,
    kRaw = 9,
    kDoubles = 10,
    kOutside = 13,
    kWhere = 14
  };
  std::string name;
  std::vector<int64_t> dims;
  int64_t type_number = 0;
  bool lies_outside = false;
  Place place;
  std::array<std::optional<WireBytes>, kDoubles + 1> values;  // by field
  for (WireMessage m(message); m.next();) {
    switch (m.field()) {
      case kDims: m.append(dims, kMostDims); break;
      case kType: type_number = m.integer(); break;
      case kName:
        if (m.text().size() > kLongestName) bad_onnx("a name in it is too long");
        name = m.text();
        break;
      case kFloats:
      case kInts32:
      case kInts64:
      case kRaw:
      case kDoubles:
        if (values[m.field()]) bad_onnx("a tensor in it has its values in pieces");
        values[m.field()] = m.bytes();
        break;
      case kWhere: lies_outside = m.integer() == 1; break;
      case kOutside: {
        std::string_view key, value;
        for (WireMessage entry(m.bytes()); entry.next();) {
          if (entry.field() == 1) key = entry.text();
          if (entry.field() == 2) value = entry.text();
        }
        if (key == "location" && value.size() <= kLongestName) place.location = value;
        if (key == "offset") place.offset = whole_number(value);
        if (key == "length") place.length = whole_number(value);
        break;
      }
      default: break;
    }
  }
  const std::string called = "tensor '" + name + "'";
  const auto type = element_type(type_number);
  if (!type)
    throw Error(Fault::kUnsupported,
                called + " has elements of ONNX's type " + std::to_string(type_number) + ", which Easel does not read");
  if (dims.size() > static_cast<size_t>(Shape::kMaxRank))
    throw Error(Fault::kUnsupported, called + " has more than six dimensions");
  uint64_t count = 1;
  bool empty = false;
  for (const int64_t d : dims) {
    if (d == 0) empty = true;
    else if (d < 0 || __builtin_mul_overflow(count, static_cast<uint64_t>(d), &count) || count > (uint64_t{1} << 40))
      bad_onnx(called + " has an impossible shape");
  }
  if (empty) count = 0;
  const Shape shape{std::span<const int64_t>(dims)};
  const uint64_t bytes = count * dtype_size(*type);
  StorageRef storage = file_.storage();
  std::optional<WireBytes> raw = values[kRaw];
  if (lies_outside) raw = outside(place, bytes, storage);
  if (!raw && *type == DType::kF32) raw = values[kFloats];
  if (!raw && *type == DType::kF64) raw = values[kDoubles];
  if (raw || empty) {
    if ((raw ? raw->size() : 0) != bytes) bad_onnx(called + " has not as many values as its shape says");
    const uint8_t* data = raw ? raw->data() : static_cast<const uint8_t*>(storage->data());
    return {std::move(name), stored(storage, data, shape, *type)};
  }
  const auto& listed = values[*type == DType::kI64 ? kInts64 : kInts32];
  if (!listed || is_float(*type) != (*type == DType::kF16 || *type == DType::kBF16))
    bad_onnx(called + " has no values, or values of another type");
  std::vector<int64_t> numbers;
  // Each takes a byte at least.
  if (count > listed->size()) bad_onnx(called + " has not as many values as its shape says");
  numbers.reserve(static_cast<size_t>(count));
  append_varints(*listed, numbers, static_cast<size_t>(count));
  if (numbers.size() != count) bad_onnx(called + " has not as many values as its shape says");
  return {std::move(name), narrowed(numbers, shape, *type)};
}

}  // namespace easel::formats
