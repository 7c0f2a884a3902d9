#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>

#include "base/cancel.h"
#include "tensor/device_memory.h"

namespace easel {

Shape::Shape(std::initializer_list<int64_t> dims) : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) {
  for (int64_t d : dims) push_back(d);
}

void Shape::push_back(int64_t dim) {
  if (rank_ == kMaxRank) throw Error(Fault::kUnsupported, "a tensor of more than six dimensions");
  dims_[static_cast<size_t>(rank_++)] = dim;
}

int64_t Shape::numel() const {
  int64_t n = 1;
  for (int64_t d : *this) n *= d;
  return n;
}

bool Shape::operator==(const Shape& o) const { return rank_ == o.rank_ && std::equal(begin(), end(), o.begin()); }

std::string Shape::str() const {
  std::string s = "[";
  for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
  return s + "]";
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides = shape;
  int64_t step = 1;
  for (int i = shape.rank(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

namespace {

// The size of a contiguous tensor. Zero dimensions are left out of the overflow check, because the other dimensions are
// multiplied elsewhere.
size_t checked_bytes(const Shape& shape, DType dtype) {
  uint64_t bytes = dtype_size(dtype);
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) throw Error(Fault::kInternal, "a tensor of negative size " + shape.str());
    if (d == 0) empty = true;
    else if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(d), &bytes) || bytes > uint64_t{1} << 62)
      throw Error(Fault::kMemory, "a tensor of size " + shape.str() + " is larger than any memory")
          .fix("Use a smaller size or batch");
  }
  return empty ? 0 : bytes;
}

constexpr size_t kFilledAtOnce = size_t{16} << 20;  // bytes between two looks at whether the work is to stop

}  // namespace

Tensor::Tensor(const Shape& shape, DType dtype, Device device)
    : storage_(device_memory(device).allocate(std::max<size_t>(1, checked_bytes(shape, dtype)))),
      data_(device == kHost ? storage_->data() : nullptr),
      shape_(shape),
      strides_(contiguous_strides(shape)),
      dtype_(dtype),
      device_(device) {}

Tensor::Tensor(StorageRef storage, void* data, const Shape& shape, const Shape& strides, DType dtype)
    : storage_(std::move(storage)), data_(data), shape_(shape), strides_(strides), dtype_(dtype) {
  if (storage_->device() != kHost) throw Error(Fault::kInternal, "a view by address of memory that is not the host's");
  int64_t last = 0, span = 0;
  bool empty = false, overflow = false;
  for (int i = 0; i < shape.rank(); ++i) {
    if (strides[i] < 0 || shape[i] < 0) throw Error(Fault::kInternal, "a tensor with a negative size or stride");
    if (shape[i] == 0) empty = true;
    else
      overflow |= __builtin_mul_overflow(shape[i] - 1, strides[i], &span) || __builtin_add_overflow(last, span, &last);
  }
  const auto* base = static_cast<const char*>(storage_->data());
  const auto* first = static_cast<const char*>(data);
  const auto room = [&] { return static_cast<size_t>(base + storage_->bytes() - first) / dtype_size(dtype); };
  const bool inside = first >= base && first <= base + storage_->bytes() &&
                      (empty || (!overflow && static_cast<uint64_t>(last) < room()));
  if (!inside) throw Error(Fault::kInternal, "a tensor view leaves its memory");
  offset_ = static_cast<size_t>(first - base);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  Tensor t(shape, dtype);
  auto* const bytes = static_cast<char*>(t.raw());
  for (size_t at = 0; at < t.nbytes(); at += kFilledAtOnce) {
    poll_cancelled();
    std::memset(bytes + at, 0, std::min(kFilledAtOnce, t.nbytes() - at));
  }
  return t.to(device);
}

Tensor Tensor::full(const Shape& shape, float value, Device device) {
  Tensor t(shape);
  constexpr auto kValues = static_cast<int64_t>(kFilledAtOnce / sizeof(float));
  for (int64_t at = 0; at < t.numel(); at += kValues) {
    poll_cancelled();
    std::fill_n(t.f32() + at, std::min(kValues, t.numel() - at), value);
  }
  return t.to(device);
}

Tensor Tensor::of(const Shape& shape, std::span<const float> values) {
  Tensor t(shape);
  if (static_cast<int64_t>(values.size()) != t.numel())
    throw Error(Fault::kInternal, "Tensor::of: " + std::to_string(values.size()) + " values for shape " + shape.str());
  std::copy(values.begin(), values.end(), t.f32());
  return t;
}

Tensor Tensor::of(const Shape& shape, std::initializer_list<float> values) {
  return of(shape, std::span<const float>(values.begin(), values.size()));
}

bool Tensor::contiguous() const {
  int64_t step = 1;
  for (int i = rank(); i-- > 0;) {
    if (shape_[i] != 1 && strides_[i] != step) return false;
    step *= shape_[i];
  }
  return true;
}

std::span<float> Tensor::values() {
  if (!contiguous()) throw Error(Fault::kInternal, "values() of a strided tensor");
  return {f32(), static_cast<size_t>(numel())};
}

std::span<const float> Tensor::values() const {
  if (!contiguous()) throw Error(Fault::kInternal, "values() of a strided tensor");
  return {f32(), static_cast<size_t>(numel())};
}

Tensor Tensor::view(const Shape& shape) const {
  Shape full = shape;
  int64_t known = 1;
  int open = -1;
  for (int i = 0; i < full.rank(); ++i) {
    if (full[i] >= 0) known *= full[i];
    else open = i;
  }
  if (open >= 0) full[open] = known > 0 ? numel() / known : 0;
  if (!contiguous() || full.numel() != numel())
    throw Error(Fault::kInternal, "cannot view " + str() + " as " + shape.str());
  Tensor t = *this;
  t.shape_ = full;
  t.strides_ = contiguous_strides(full);
  return t;
}

Tensor Tensor::slice(int dim, int64_t start, int64_t length) const {
  if (dim < 0) dim += rank();
  if (dim < 0 || dim >= rank() || start < 0 || length < 0 || start + length > shape_[dim])
    throw Error(Fault::kInternal, "slice " + std::to_string(start) + "+" + std::to_string(length) + " of dimension " +
                                      std::to_string(dim) + " of " + str());
  Tensor t = *this;
  t.skip(start * strides_[dim]);
  t.shape_[dim] = length;
  return t;
}

Tensor Tensor::select(int dim, int64_t index) const {
  if (dim < 0) dim += rank();
  Tensor t = slice(dim, index, 1);
  Shape shape, strides;
  for (int i = 0; i < rank(); ++i)
    if (i != dim) {
      shape.push_back(shape_[i]);
      strides.push_back(strides_[i]);
    }
  t.shape_ = shape;
  t.strides_ = strides;
  return t;
}

Tensor Tensor::permute(std::initializer_list<int> order) const {
  if (static_cast<int>(order.size()) != rank())
    throw Error(Fault::kInternal, "permute needs every dimension of " + str());
  Tensor t = *this;
  int i = 0;
  for (int from : order) {
    t.shape_[i] = shape_[from];
    t.strides_[i++] = strides_[from];
  }
  return t;
}

Tensor Tensor::expand(const Shape& shape) const {
  bool fits = shape.rank() == rank();
  for (int d = 0; fits && d < rank(); ++d) fits = shape_[d] == shape[d] || shape_[d] == 1;
  if (!fits) throw Error(Fault::kInternal, "cannot repeat " + str() + " to " + shape.str());
  Tensor t = *this;
  for (int d = 0; d < rank(); ++d)
    if (shape_[d] != shape[d]) t.strides_[d] = 0;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::rows() const {
  if (rank() < 1) return {};
  int64_t step = -1, expected = -1, count = 1;
  for (int d = rank() - 1; d-- > 0;) {
    count *= shape_[d];
    if (shape_[d] == 1) continue;
    if (step < 0) step = strides_[d];
    else if (strides_[d] != expected) return {};
    expected = strides_[d] * shape_[d];
  }
  Tensor t = *this;
  t.shape_ = {count, shape_[-1]};
  t.strides_ = {step < 0 ? shape_[-1] : step, strides_[-1]};
  return t;
}

Tensor Tensor::to(Device device) const {
  if (device == device_) return *this;
  const Tensor from = easel::contiguous(*this);
  Tensor t(shape_, dtype_, device);
  if (on_host()) {
    device_memory(device).upload(from.raw(), nbytes(), t.storage_, t.offset_);
  } else if (t.on_host()) {
    device_memory(device_).download(from.storage_, from.offset_, nbytes(), t.raw());
  } else {
    return from.to(kHost).to(device);
  }
  return t;
}

void Tensor::skip(int64_t elements) {
  const size_t bytes = static_cast<size_t>(elements) * dtype_size(dtype_);
  offset_ += bytes;
  if (data_) data_ = static_cast<char*>(data_) + bytes;
}

void Tensor::refuse_access() const {
  throw Error(Fault::kInternal, str() + " is in the memory of '" + device_name(device_) + "', which only it can read");
}

std::string Tensor::str() const { return defined() ? std::string(dtype_name(dtype_)) + shape_.str() : "undefined"; }

void Tensor::check_type(DType wanted) const {
  const bool byte = wanted == DType::kU8 && dtype_size(dtype_) == 1;
  if (dtype_ != wanted && !byte)
    throw Error(Fault::kInternal,
                "a " + std::string(dtype_name(dtype_)) + " tensor read as " + std::string(dtype_name(wanted)));
}

}  // namespace easel
