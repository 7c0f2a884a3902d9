#include "ops/reference/memory.h"

#include <cstring>

#include "ops/reference/values.h"

namespace easel::ops::reference {
namespace {

// The address of element number `i` in C order.
const char* address(const Tensor& t, int64_t i) {
  int64_t steps = 0;
  for (int d = t.rank(); d-- > 0;) {
    steps += i % t.dim(d) * t.stride(d);
    i /= t.dim(d);
  }
  return static_cast<const char*>(t.storage()->data()) + t.offset() + at(steps) * dtype_size(t.dtype());
}

template <class T>
double load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return static_cast<double>(static_cast<float>(value));
}

template <>
double load<double>(const char* from) {
  double value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

double load(const char* from, DType type) {
  switch (type) {
    case DType::kF32: return load<float>(from);
    case DType::kF16: return load<Half>(from);
    case DType::kBF16: return load<BFloat16>(from);
    case DType::kF64: return load<double>(from);
    case DType::kI64: return load<int64_t>(from);
    case DType::kI32: return load<int32_t>(from);
    case DType::kI16: return load<int16_t>(from);
    case DType::kI8: return load<int8_t>(from);
    case DType::kU8:
    case DType::kBool: return load<uint8_t>(from);
    case DType::kF8E4M3: return static_cast<double>(f8e4m3_to_float(static_cast<uint8_t>(*from)));
    case DType::kF8E5M2: return static_cast<double>(f8e5m2_to_float(static_cast<uint8_t>(*from)));
  }
  throw Error(Fault::kInternal, "an element of no type");
}

template <class T>
void store(double value, char* to) {
  const T narrow = static_cast<T>(static_cast<float>(value));
  std::memcpy(to, &narrow, sizeof narrow);
}

void store(double value, char* to, DType type) {
  switch (type) {
    case DType::kF32: return store<float>(value, to);
    case DType::kF16: return store<Half>(value, to);
    case DType::kBF16: return store<BFloat16>(value, to);
    default: throw Error(Fault::kInternal, "conversion to " + std::string(dtype_name(type)) + " is not offered");
  }
}

class Memory final : public PooledMemory {
 public:
  Memory() : PooledMemory(kDevice) {}
  void convert(const Tensor& from, Tensor& to) override {
    const size_t size = dtype_size(to.dtype());
    char* out = static_cast<char*>(to.storage()->data()) + to.offset();
    for (int64_t i = 0; i < to.numel(); ++i, out += size) {
      if (from.dtype() == to.dtype()) std::memcpy(out, address(from, i), size);
      else store(load(address(from, i), from.dtype()), out, to.dtype());
    }
  }
};

}  // namespace

PooledMemory& memory() {
  static auto* memory = new Memory;  // never destroyed: tensors with static lifetime may outlive main
  return *memory;
}

Values read(const Tensor& t) {
  Values values(at(t.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = load(address(t, static_cast<int64_t>(i)), t.dtype());
  return values;
}

void write(const Values& values, Tensor& to) {
  if (values.size() != at(to.numel())) throw Error(Fault::kInternal, "as many values as " + to.str() + " has expected");
  const size_t size = dtype_size(to.dtype());
  char* out = static_cast<char*>(to.storage()->data()) + to.offset();
  for (const double v : values) {
    store(v, out, to.dtype());
    out += size;
  }
}

void scatter(const Tensor& from, Tensor& to) {
  for (int64_t i = 0; i < to.numel(); ++i)
    std::memcpy(const_cast<char*>(address(to, i)), address(from, i), dtype_size(to.dtype()));
}

}  // namespace easel::ops::reference
