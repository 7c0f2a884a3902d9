#include "engine/result_cache.h"

namespace easel::engine {

size_t Result::bytes() const {
  size_t sum = 0;
  for (const nodes::Value& value : outputs) sum += value.bytes();
  return sum;
}

}  // namespace easel::engine
