#include "engine/precision.h"

#include <string>

#include "base/error.h"

namespace easel::engine {
namespace {

bool fast_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

}  // namespace

DType parse_precision(std::string_view name) {
  if (name == "f32") return DType::kF32;
  if (name == "bf16") return DType::kBF16;
  if (name == "int8") return DType::kI8;
  if (name == "auto") return fast_bf16() ? DType::kBF16 : DType::kF32;
  throw Error(Fault::kUsage, "there is no precision '" + std::string(name) + "'").fix("Choose f32, bf16, int8 or auto");
}

}  // namespace easel::engine
