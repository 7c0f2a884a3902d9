// Types of links that WAS Node Suite (github.com/WASasquatch/was-node-suite-comfyui) brought along.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "node_api/value.h"

namespace easel::nodes {

// A whole number or one with a point, as Python keeps them apart.
struct WasNumber {
  std::variant<int64_t, double> value;
  double real() const {
    return std::visit([](auto v) { return static_cast<double>(v); }, value);
  }
};
template <>
struct LinkType<WasNumber> : PlainLink<WasNumber> {
  static constexpr const char* kName = "NUMBER";
};

// SEED: a number in a wrapping of its own.
struct WasSeed {
  uint64_t seed = 0;
  // As INT. Throws Error(kInvalid) where it has no place in one.
  int64_t number(const char* input) const {
    if (seed > INT64_MAX)
      throw Error(Fault::kInvalid, "the seed " + std::to_string(seed) + " is too large for a number here")
          .at_input(input)
          .fix("Choose one below 2^63");
    return static_cast<int64_t>(seed);
  }
};
template <>
struct LinkType<WasSeed> : PlainLink<WasSeed> {
  static constexpr const char* kName = "SEED";
};

// Python's int() of a number. Throws Error(kInvalid), naming the input, when it has no place in 64 bits.
int64_t whole(const WasNumber& number, const char* input);
// Python's str().
std::string as_text(const WasNumber& number);

}  // namespace easel::nodes
