#include "ops/limits.h"

#include <algorithm>
#include <chrono>

#include "ops/backend.h"
#include "ops/linear.h"

namespace easel::ops {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Of a product of squares with sides of `size`.
double operations_of(int64_t size) { return 2.0 * static_cast<double>(size * size * size); }

ProductLimit limit_of(DType type, int64_t size, double seconds, Device device) {
  Tensor values({size, size});
  for (int64_t i = 0; i < values.numel(); ++i) values.f32()[i] = static_cast<float>(i % 31) * 0.0625f - 1.0f;
  const Backend& computes = backend(device);
  const Tensor x = convert(values, type == DType::kI8 ? DType::kBF16 : type).to(device);
  const PackedLinearPtr packed = pack_linear(values, {}, type, false, Packer::pack().on(device));
  ProductLimit limit;
  const double end = now() + seconds;
  for (int i = 0; i < 3 || now() < end; ++i) {
    const double start = now();
    linear(x, *packed);
    computes.wait();
    const double between = now();
    const auto operations = static_cast<double>(computes.register_products(type));
    const double stop = now();
    if (i == 0) continue;  // the first round warms up
    limit.product = std::max(limit.product, operations_of(size) / (between - start));
    limit.registers = std::max(limit.registers, operations / (stop - between));
  }
  return limit;
}

}  // namespace

ProductLimit measure_product_limit(DType type, double seconds, Device device) {
  // A product that a card is done with at once says more of its start than of its speed.
  constexpr double kAtOnce = 0.005;
  ProductLimit limit = limit_of(type, 2048, seconds, device);
  if (device != kHost && operations_of(2048) / limit.product < kAtOnce)
    limit.product = std::max(limit.product, limit_of(type, 4096, seconds, device).product);
  return limit;
}

double measure_copy_bandwidth(Device device) {
  constexpr int64_t kElements = int64_t{16} << 20;
  const Backend& computes = backend(device);
  const Tensor from = Tensor::full({kElements}, 1.0f, device);
  double best = 0;
  for (int i = 0; i < 6; ++i) {
    computes.wait();
    const double start = now();
    const Tensor copy = clone(from);
    computes.wait();
    if (i > 0) best = std::max(best, 2.0 * static_cast<double>(copy.nbytes()) / (now() - start));
  }
  return best;
}

}  // namespace easel::ops
