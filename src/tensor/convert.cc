#include <algorithm>
#include <array>
#include <cstring>

#include "base/cpu_features.h"
#include "base/parallel.h"
#include "tensor/host_memory.h"
#include "tensor/tensor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace easel {
namespace {

const std::array<float, 256>& f8_table(bool e4m3) {
  static const auto tables = [] {
    std::array<std::array<float, 256>, 2> t{};
    for (int i = 0; i < 256; ++i) {
      t[0][static_cast<size_t>(i)] = f8e5m2_to_float(static_cast<uint8_t>(i));
      t[1][static_cast<size_t>(i)] = f8e4m3_to_float(static_cast<uint8_t>(i));
    }
    return t;
  }();
  return tables[e4m3 ? 1 : 0];
}

#if defined(__x86_64__)
__attribute__((target("avx2,f16c"))) void half_row_f16c(const Half* in, float* out, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
  for (; i < n; ++i) out[i] = static_cast<float>(in[i]);
}
#endif

void half_row(const Half* in, float* out, int64_t n) {
#if defined(__x86_64__)
  if (cpu_features().avx2) return half_row_f16c(in, out, n);
#endif
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]);
}

// n elements with the given element stride, as f32.
void load_row(const void* in, DType type, int64_t stride, float* out, int64_t n) {
  const auto each = [&]<class T>(const T* p) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(p[i * stride]);
  };
  switch (type) {
    case DType::kF32: return each(static_cast<const float*>(in));
    case DType::kF16:
      if (stride == 1) return half_row(static_cast<const Half*>(in), out, n);
      return each(static_cast<const Half*>(in));
    case DType::kBF16: return each(static_cast<const BFloat16*>(in));
    case DType::kF64: return each(static_cast<const double*>(in));
    case DType::kI64: return each(static_cast<const int64_t*>(in));
    case DType::kI32: return each(static_cast<const int32_t*>(in));
    case DType::kI16: return each(static_cast<const int16_t*>(in));
    case DType::kI8: return each(static_cast<const int8_t*>(in));
    case DType::kU8:
    case DType::kBool: return each(static_cast<const uint8_t*>(in));
    case DType::kF8E4M3:
    case DType::kF8E5M2: {
      const auto& table = f8_table(type == DType::kF8E4M3);
      const auto* p = static_cast<const uint8_t*>(in);
      for (int64_t i = 0; i < n; ++i) out[i] = table[p[i * stride]];
      return;
    }
  }
}

void store_row(const float* in, void* out, DType type, int64_t n) {
  const auto each = [&]<class T>(T* p) {
    for (int64_t i = 0; i < n; ++i) p[i] = static_cast<T>(in[i]);
  };
  switch (type) {
    case DType::kF32: std::memcpy(out, in, static_cast<size_t>(n) * 4); return;
    case DType::kF16: return each(static_cast<Half*>(out));
    case DType::kBF16: return each(static_cast<BFloat16*>(out));
    default: throw Error(Fault::kInternal, "conversion to " + std::string(dtype_name(type)) + " is not offered");
  }
}

template <class T>
void copy_strided(const T* in, int64_t stride, T* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = in[i * stride];
}

// Same type: bytes move unchanged.
void copy_row(const char* in, int64_t stride, char* out, int64_t n, size_t size) {
  if (stride == 1) {
    std::memcpy(out, in, static_cast<size_t>(n) * size);
    return;
  }
  switch (size) {
    case 1: return copy_strided(reinterpret_cast<const uint8_t*>(in), stride, reinterpret_cast<uint8_t*>(out), n);
    case 2: return copy_strided(reinterpret_cast<const uint16_t*>(in), stride, reinterpret_cast<uint16_t*>(out), n);
    case 4: return copy_strided(reinterpret_cast<const uint32_t*>(in), stride, reinterpret_cast<uint32_t*>(out), n);
    default: return copy_strided(reinterpret_cast<const uint64_t*>(in), stride, reinterpret_cast<uint64_t*>(out), n);
  }
}

void convert_on_host(const Tensor& t, Tensor& out) {
  const DType dtype = out.dtype();
  // Convert row by row: the innermost dimension, or all elements at once if contiguous.
  const bool flat = t.contiguous();
  const int64_t row = flat ? std::min<int64_t>(t.numel(), 1 << 14) : t.dim(-1);
  const int64_t rows = (t.numel() + row - 1) / row;
  const size_t in_size = dtype_size(t.dtype()), out_size = dtype_size(dtype);
  parallel_for(rows, std::max<int64_t>(1, (1 << 15) / row), [&](int64_t begin, int64_t end) {
    std::array<float, 1024> buffer;
    for (int64_t r = begin; r < end; ++r) {
      int64_t offset = 0, stride = 1, n = row;
      if (flat) {
        offset = r * row;
        n = std::min(row, t.numel() - offset);
      } else {
        int64_t rest = r;
        for (int d = t.rank() - 1; d-- > 0;) {
          offset += rest % t.dim(d) * t.stride(d);
          rest /= t.dim(d);
        }
        stride = t.stride(-1);
      }
      const char* in = static_cast<const char*>(t.raw()) + static_cast<size_t>(offset) * in_size;
      char* to = static_cast<char*>(out.raw()) + static_cast<size_t>(r * row) * out_size;
      if (t.dtype() == dtype) {
        copy_row(in, stride, to, n, in_size);
        continue;
      }
      for (int64_t i = 0; i < n; i += static_cast<int64_t>(buffer.size())) {
        const int64_t piece = std::min<int64_t>(n - i, static_cast<int64_t>(buffer.size()));
        load_row(in + static_cast<size_t>(i * stride) * in_size, t.dtype(), stride, buffer.data(), piece);
        store_row(buffer.data(), to + static_cast<size_t>(i) * out_size, dtype, piece);
      }
    }
  });
}

class HostMemory final : public PooledMemory {
 public:
  HostMemory() : PooledMemory(kHost) {}
  void convert(const Tensor& from, Tensor& to) override { convert_on_host(from, to); }
};

Tensor copy_as(const Tensor& t, DType dtype) {
  Tensor out(t.shape(), dtype, t.device());
  if (t.numel() > 0) device_memory(t.device()).convert(t, out);
  return out;
}

}  // namespace

PooledMemory& host_memory() {
  static auto* memory = new HostMemory;  // never destroyed: tensors with static lifetime may outlive main
  return *memory;
}

Tensor convert(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype && t.contiguous()) return t;
  return copy_as(t, dtype);
}

Tensor clone(const Tensor& t) { return copy_as(t, t.dtype()); }

}  // namespace easel
