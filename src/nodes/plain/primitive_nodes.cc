// Values as nodes, to be linked to several inputs.
#include "node_api/table.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "utils/primitive";

}  // namespace

void register_primitive_nodes(Table& table) {
  table.add({.name = "PrimitiveInt",
             .display = "Int",
             .category = kCategory,
             .description = "A whole number.",
             .inputs = {Int("value").def(0).range(-INT64_MAX, INT64_MAX)},
             .outputs = {{"INT"}},
             .run = [](Call& call) -> Outputs { return {Value("INT", call.integer("value"))}; }});
  table.add({.name = "PrimitiveFloat",
             .display = "Float",
             .category = kCategory,
             .description = "A number.",
             .inputs = {Float("value").def(0.0).range(-9223372036854775807.0, 9223372036854775807.0)},
             .outputs = {{"FLOAT"}},
             .run = [](Call& call) -> Outputs { return {Value("FLOAT", call.number("value"))}; }});
  table.add({.name = "PrimitiveBoolean",
             .display = "Boolean",
             .category = kCategory,
             .description = "Yes or no.",
             .inputs = {Bool("value").def(false)},
             .outputs = {{"BOOLEAN"}},
             .run = [](Call& call) -> Outputs { return {Value("BOOLEAN", call.flag("value"))}; }});
  const auto text = [&](const char* name, const char* display, In input) {
    table.add({.name = name,
               .display = display,
               .category = kCategory,
               .description = "A text.",
               .inputs = {std::move(input)},
               .outputs = {{"STRING"}},
               .run = [](Call& call) -> Outputs { return {Value("STRING", call.text("value"))}; }});
  };
  text("PrimitiveString", "String", Text("value").def(""));
  text("PrimitiveStringMultiline", "String (Multiline)", Text("value").def("").multiline());
  table.add({.name = "GetImageSize",
             .display = "Get Image Size",
             .category = "image",
             .description = "How large a picture is, and how many there are.",
             .inputs = {Link("image", "IMAGE")},
             .outputs = {{"INT", "width"}, {"INT", "height"}, {"INT", "batch_size"}},
             .run = [](Call& call) -> Outputs {
               const Tensor& pixels = call.tensor("image");
               return {Value("INT", pixels.dim(2)), Value("INT", pixels.dim(1)), Value("INT", pixels.dim(0))};
             }});
}

}  // namespace easel::nodes
