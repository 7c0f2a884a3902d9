#include "node_api/value.h"

#include <algorithm>

namespace easel::nodes {

void Value::fail_type() const {
  throw Error(Fault::kInternal, "a " + (empty() ? "missing value" : type_) + " is not of the type it was taken for");
}

Value list_of(const char* type, std::vector<Value> items) {
  constexpr size_t kMostInList = 1'000'000;
  if (items.size() > kMostInList)
    throw Error(Fault::kMemory, "makes a list of more than " + std::to_string(kMostInList) + " values");
  if (items.empty()) throw Error(Fault::kInvalid, std::string("a list of ") + type + " has nothing in it");
  size_t bytes = 0;
  for (const Value& item : items) bytes += item.bytes();
  return {type, ValueList{std::move(items)}, bytes};
}

size_t bytes_of(const Tensor& t) { return t.defined() ? t.nbytes() : 0; }

size_t bytes_of_floats(std::initializer_list<int64_t> factors) {
  size_t bytes = sizeof(float);
  for (const int64_t factor : factors)
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(std::max<int64_t>(0, factor)), &bytes)) return SIZE_MAX;
  return bytes;
}

}  // namespace easel::nodes
