#include "nodes/common/python/values_as_text.h"

#include "workflow/json.h"

namespace easel::nodes {
namespace {

std::string shape(const Tensor& t) {
  std::string out;
  for (int i = 0; i < t.rank(); ++i) out += (i ? "x" : " ") + std::to_string(t.dim(i));
  return out;
}

}  // namespace

bool has_text(const Value& value) {
  return value.get<int64_t>() || value.get<double>() || value.get<bool>() || value.get<std::string>();
}

std::string as_text(const Value& value) {
  if (const auto* v = value.get<int64_t>()) return std::to_string(*v);
  if (const auto* v = value.get<double>()) return workflow::python_str(workflow::Json(*v));
  if (const auto* v = value.get<bool>()) return *v ? "True" : "False";
  if (const auto* v = value.get<std::string>()) return *v;
  if (const auto* list = value.get<ValueList>()) {
    std::string out;
    for (const Value& item : list->items) out += (out.empty() ? "" : ", ") + as_text(item);
    return "[" + out + "]";
  }
  if (const auto* list = value.get<NumberList>()) return workflow::python_str(workflow::Json(list->values));
  if (const auto* t = value.get<Tensor>()) return value.type() + shape(*t);
  if (const auto* latent = value.get<Latent>()) return value.type() + shape(latent->samples);
  return value.empty() ? "None" : value.type();
}

}  // namespace easel::nodes
