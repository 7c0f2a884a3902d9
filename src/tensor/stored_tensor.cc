#include "tensor/stored_tensor.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "tensor/mapped_file.h"

namespace easel {
namespace {

// Blocks in one row of `shape`.
int64_t blocks_in_row(const Shape& shape, const BlockEncoding& encoding) { return shape[-1] / encoding.block_values(); }

size_t bytes_of(const Shape& shape, const BlockEncoding& encoding) {
  const int64_t row = shape[-1];
  if (row == 0) return 0;
  return static_cast<size_t>(shape.numel() / row * blocks_in_row(shape, encoding)) * encoding.block_bytes();
}

// The size of `blocks` blocks; checked, because the shapes of hostile files may overflow.
bool lies_inside(const Shape& shape, const BlockEncoding& encoding, uint64_t room) {
  uint64_t values = 1;
  for (const int64_t d : shape)
    if (d < 0 || __builtin_mul_overflow(values, static_cast<uint64_t>(d), &values)) return false;
  return values / static_cast<uint64_t>(encoding.block_values()) <= room / encoding.block_bytes();
}

}  // namespace

StoredTensor::StoredTensor(Tensor plain) : plain_(std::move(plain)) {}

StoredTensor::StoredTensor(StorageRef storage, const void* data, const Shape& shape,
                           std::shared_ptr<const BlockEncoding> encoding)
    : blocks_(std::move(encoding)),
      storage_(std::move(storage)),
      data_(static_cast<const uint8_t*>(data)),
      shape_(shape) {
  if (shape.rank() < 1 || shape[-1] % blocks_->block_values() != 0)
    throw Error(Fault::kBadFile, "a tensor of shape " + shape.str() + " does not divide into blocks of " +
                                     std::to_string(blocks_->block_values()) + " values");
  const auto* base = static_cast<const uint8_t*>(storage_->data());
  if (data_ < base || data_ > base + storage_->bytes() ||
      !lies_inside(shape, *blocks_, static_cast<uint64_t>(base + storage_->bytes() - data_)))
    throw Error(Fault::kBadFile, "a tensor of shape " + shape.str() + " lies outside of its file");
}

std::string_view StoredTensor::encoding() const { return blocks_ ? blocks_->name() : dtype_name(plain_.dtype()); }

std::string StoredTensor::str() const { return defined() ? std::string(encoding()) + shape().str() : "undefined"; }

size_t StoredTensor::nbytes() const {
  if (!blocks_) return plain_.nbytes();
  return bytes_of(transposed_ ? Shape{shape_[1], shape_[0]} : shape_, *blocks_);
}

StoredTensor StoredTensor::slice(int64_t begin, int64_t count) const {
  if (!blocks_ || transposed_ || rank() < 2) return tensor().slice(0, begin, count);
  if (begin < 0 || count < 0 || begin + count > dim(0))
    throw Error(Fault::kInternal,
                "rows " + std::to_string(begin) + "+" + std::to_string(count) + " of the stored tensor " + str());
  Shape row = shape_, rows = shape_;
  row[0] = 1;
  rows[0] = count;
  StoredTensor out = *this;
  out.shape_ = rows;
  out.data_ += static_cast<size_t>(begin) * bytes_of(row, *blocks_);
  return out;
}

StoredTensor StoredTensor::transposed() const {
  if (!blocks_) return plain_.permute({1, 0});
  StoredTensor out = *this;
  out.shape_ = {shape_[1], shape_[0]};
  out.transposed_ = !transposed_;
  return out;
}

StoredTensor StoredTensor::matrix() const {
  const Shape flat{dim(0), numel() / std::max<int64_t>(1, dim(0))};
  if (!blocks_) return contiguous(plain_).view(flat);
  if (transposed_) return *this;
  StoredTensor out = *this;
  out.shape_ = flat;
  return out;
}

Tensor StoredTensor::tensor() const {
  if (!blocks_) return plain_;
  Tensor out(transposed_ ? Shape{shape_[1], shape_[0]} : shape_);
  const int64_t values = blocks_->block_values(), blocks = out.numel() / values;
  constexpr int64_t kPiece = 64;  // blocks that a thread decodes at a time
  parallel_for(blocks, kPiece, [&](int64_t begin, int64_t end) {
    blocks_->decode(data_ + static_cast<size_t>(begin) * blocks_->block_bytes(), end - begin,
                    out.f32() + begin * values);
  });
  return transposed_ ? out.permute({1, 0}) : out;
}

void StoredTensor::drop_pages() const { easel::drop_pages(storage(), data(), nbytes()); }

}  // namespace easel
