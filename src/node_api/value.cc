#include "node_api/value.h"

namespace easel::nodes {

void Value::fail_type() const {
  throw Error(Fault::kInternal, "a " + (empty() ? "missing value" : type_) + " is not of the type it was taken for");
}

size_t bytes_of(const Tensor& t) { return t.defined() ? t.nbytes() : 0; }

}  // namespace easel::nodes
