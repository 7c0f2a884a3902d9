#include "nodes/extensions/was/was_values.h"

#include "nodes/common/python/python_values.h"
#include "workflow/json.h"

namespace easel::nodes {

int64_t whole(const WasNumber& number, const char* input) {
  if (const auto* v = std::get_if<int64_t>(&number.value)) return *v;
  return python_int(number.real(), input);
}

std::string as_text(const WasNumber& number) {
  return std::visit([](auto v) { return workflow::python_str(workflow::Json(v)); }, number.value);
}

}  // namespace easel::nodes
