#include "node_api/value.h"

namespace easel::nodes {

namespace {

size_t bytes_of(const Tensor& t) { return t.defined() ? t.nbytes() : 0; }

}  // namespace

Value image(Tensor pixels) {
  const size_t bytes = bytes_of(pixels);
  return Value("IMAGE", std::move(pixels), bytes);
}

Value mask(Tensor values) {
  const size_t bytes = bytes_of(values);
  return Value("MASK", std::move(values), bytes);
}

Value latent(Latent latent) {
  const size_t bytes = bytes_of(latent.samples) + bytes_of(latent.noise_mask);
  return Value("LATENT", std::move(latent), bytes);
}

}  // namespace easel::nodes
