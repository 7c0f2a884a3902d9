// Nodes that hold a value, to be linked to several inputs.
#include "node_api/table.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "utils/primitive";

struct WholeNumber {
  int64_t value = 0;
};
struct Number {
  double value = 0.0;
};
struct YesOrNo {
  bool value = false;
};
struct Words {
  std::string value;
};
struct OfImage {
  Linked<Image> image;
};

Results<int64_t, int64_t, int64_t> image_size(const OfImage& in) {
  return {in.image->dim(2), in.image->dim(1), in.image->dim(0)};
}

Foreseen<int64_t, int64_t, int64_t> foresee_image_size(const Known<OfImage>& in) {
  const ForeseenPicture* known = in(&OfImage::image);
  if (!known) return {};
  return {known->width, known->height, std::nullopt};  // a file may hold fewer pictures of one size than it says
}

// The input of a text that may be linked to a prompt.
Input<Words> text_input() { return Text("value", &Words::value).names_embeddings(); }
Results<std::string> text(const Words& in) { return {in.value}; }

}  // namespace

void register_primitive_nodes(Table& table) {
  table.add(NodeOf<WholeNumber>{.name = "PrimitiveInt",
                                .display = "Int",
                                .category = kCategory,
                                .description = "A whole number.",
                                .inputs = {Int("value", &WholeNumber::value).range(-INT64_MAX, INT64_MAX)},
                                .runs_when_checked = true,
                                .run = [](const WholeNumber& in) -> Results<int64_t> { return {in.value}; }});
  table.add(
      NodeOf<Number>{.name = "PrimitiveFloat",
                     .display = "Float",
                     .category = kCategory,
                     .description = "A number.",
                     .inputs = {Float("value", &Number::value).range(-9223372036854775807.0, 9223372036854775807.0)},
                     .runs_when_checked = true,
                     .run = [](const Number& in) -> Results<double> { return {in.value}; }});
  table.add(NodeOf<YesOrNo>{.name = "PrimitiveBoolean",
                            .display = "Boolean",
                            .category = kCategory,
                            .description = "Yes or no.",
                            .inputs = {Bool("value", &YesOrNo::value)},
                            .runs_when_checked = true,
                            .run = [](const YesOrNo& in) -> Results<bool> { return {in.value}; }});
  table.add(NodeOf<Words>{.name = "PrimitiveString",
                          .display = "String",
                          .category = kCategory,
                          .description = "A text.",
                          .inputs = {text_input()},
                          .runs_when_checked = true,
                          .run = text});
  table.add(NodeOf<Words>{.name = "PrimitiveStringMultiline",
                          .display = "String (Multiline)",
                          .category = kCategory,
                          .description = "A text.",
                          .inputs = {text_input().multiline()},
                          .runs_when_checked = true,
                          .run = text});
  table.add(NodeOf<OfImage>{.name = "GetImageSize",
                            .display = "Get Image Size",
                            .category = "image",
                            .description = "The size of pictures, and their number.",
                            .inputs = {Link("image", &OfImage::image)},
                            .outputs = {{"width"}, {"height"}, {"batch_size"}},
                            .run = image_size,
                            .foresee = foresee_image_size});
}

}  // namespace easel::nodes
