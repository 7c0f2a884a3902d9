// Nodes of WAS Node Suite (github.com/WASasquatch/was-node-suite-comfyui): texts, numbers, switches.
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/extensions/was/was_values.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;

constexpr const char* kOrigin = "was";

// --- Texts ---

// Tokens that the original replaces by the time, or by the name of the computer or the user.
void refuse_tokens(const std::string& text, const char* input) {
  for (const char* token : {"[time]", "[time(", "[hostname]", "[cuda_device]", "[cuda_name]", "[user]"})
    if (text.find(token) != std::string::npos)
      throw Error(Fault::kInvalid, std::string("the token ") + token + " is not replaced here")
          .at_input(input)
          .fix("Remove it from the text");
}

struct Lines {
  std::string text;
};

// Lines that begin with # are left out.
Results<std::string> lines(const Lines& in) {
  refuse_tokens(in.text, "text");
  return {joined(without_comments(in.text))};
}

Foreseen<std::string> foresee_lines(const Known<Lines>& in) {
  refuse_tokens(in(&Lines::text), "text");
  return {};
}

struct Four {
  std::string text, text_b, text_c, text_d;
};

Results<std::string, std::string, std::string, std::string> four(const Four& in) {
  refuse_tokens(in.text, "text");
  refuse_tokens(in.text_b, "text_b");
  refuse_tokens(in.text_c, "text_c");
  refuse_tokens(in.text_d, "text_d");
  return {in.text, in.text_b, in.text_c, in.text_d};
}

Foreseen<std::string, std::string, std::string, std::string> foresee_four(const Known<Four>& in) {
  refuse_tokens(in(&Four::text), "text");
  refuse_tokens(in(&Four::text_b), "text_b");
  refuse_tokens(in(&Four::text_c), "text_c");
  refuse_tokens(in(&Four::text_d), "text_d");
  return {};
}

struct Concatenate {
  std::string delimiter = ", ";
  bool clean_whitespace = true;
  std::string text_a, text_b, text_c, text_d;
};

Results<std::string> concatenate(const Concatenate& in) {
  const std::string delimiter = in.delimiter == "\\n" ? "\n" : in.delimiter;
  std::string out;
  bool first = true;
  for (const std::string* text : {&in.text_a, &in.text_b, &in.text_c, &in.text_d}) {
    const std::string part = in.clean_whitespace ? stripped(*text) : *text;
    if (part.empty()) continue;
    out += (first ? "" : delimiter) + part;
    first = false;
  }
  return {std::move(out)};
}

struct ChooseText {
  std::string text_a, text_b;
  bool boolean = true;
};
struct Encode {
  Linked<ClipHandle> clip;
  std::string text;
};

Value encoded(Call& call, Parts::Doing doing) {
  return Parts(call, doing).make("CLIPTextEncode", typed_of(call, {"text"}), {{"clip", value_of(call, "clip")}})[0];
}

template <class P>
Input<P> linked_text(const char* name, std::string P::*member) {
  return Text(name, member).link_only().names_embeddings();
}

void add_texts(Table& table) {
  table.add(NodeOf<Lines>{.name = "Text Multiline",
                          .category = "WAS Suite/Text",
                          .description = "A text of several lines; those that begin with # are left out.",
                          .origin = kOrigin,
                          .inputs = {Text("text", &Lines::text).multiline().dynamic_prompts().names_embeddings()},
                          .run = lines,
                          .foresee = foresee_lines});
  table.add(NodeOf<Four>{.name = "Text String",
                         .category = "WAS Suite/Text",
                         .description = "Up to four texts.",
                         .origin = kOrigin,
                         .inputs = {Text("text", &Four::text).names_embeddings(),
                                    Text("text_b", &Four::text_b).names_embeddings().optional(),
                                    Text("text_c", &Four::text_c).names_embeddings().optional(),
                                    Text("text_d", &Four::text_d).names_embeddings().optional()},
                         .outputs = {{"TEXT"}, {"TEXT_B"}, {"TEXT_C"}, {"TEXT_D"}},
                         .run = four,
                         .foresee = foresee_four});
  table.add(NodeOf<Concatenate>{
      .name = "Text Concatenate",
      .category = "WAS Suite/Text",
      .description = "Joins the texts that are not empty.",
      .origin = kOrigin,
      .inputs = {Text("delimiter", &Concatenate::delimiter),
                 Choice("clean_whitespace", &Concatenate::clean_whitespace, {{"true", true}, {"false", false}}),
                 linked_text("text_a", &Concatenate::text_a).optional(),
                 linked_text("text_b", &Concatenate::text_b).optional(),
                 linked_text("text_c", &Concatenate::text_c).optional(),
                 linked_text("text_d", &Concatenate::text_d).optional()},
      .run = concatenate});
  table.add(NodeOf<ChooseText>{
      .name = "Text Input Switch",
      .category = "WAS Suite/Logic",
      .description = "Passes on text_a or text_b.",
      .origin = kOrigin,
      .inputs = {linked_text("text_a", &ChooseText::text_a), linked_text("text_b", &ChooseText::text_b),
                 Bool("boolean", &ChooseText::boolean).link_only()},
      .run = [](const ChooseText& in) -> Results<std::string> { return {in.boolean ? in.text_a : in.text_b}; }});
  table.add(NodeOf<Encode>{.name = "Text to Conditioning",
                           .category = "WAS Suite/Text/Operations",
                           .description = "Encodes a text as CLIPTextEncode does.",
                           .origin = kOrigin,
                           .inputs = {Link("clip", &Encode::clip), linked_text("text", &Encode::text)},
                           .run = [](const Encode&, Call& call) -> Results<Conditioning> {
                             return {Handed{encoded(call, Parts::Doing::kRun)}};
                           },
                           .foresee = [](const Known<Encode>&, Call& call) -> Foreseen<Conditioning> {
                             return {Handed{encoded(call, Parts::Doing::kForesee)}};
                           }});
}

// --- Pictures and numbers ---

struct ChoosePicture {
  Linked<Image> image_a, image_b;
  bool boolean = true;
};
struct SizeOf {
  Linked<Image> image;
};
struct OneNumber {
  Linked<WasNumber> number;
};

Results<WasNumber, WasNumber, double, double, int64_t, int64_t> size_of(const SizeOf& in) {
  const int64_t width = in.image->dim(2), height = in.image->dim(1);
  return {WasNumber{width}, WasNumber{height}, static_cast<double>(width), static_cast<double>(height), width, height};
}

void add_numbers(Table& table) {
  constexpr const char* kCategory = "WAS Suite/Number/Operations";
  table.add(NodeOf<ChoosePicture>{
      .name = "Image Input Switch",
      .category = "WAS Suite/Logic",
      .description = "Passes on image_a or image_b.",
      .origin = kOrigin,
      .inputs = {Link("image_a", &ChoosePicture::image_a), Link("image_b", &ChoosePicture::image_b),
                 Bool("boolean", &ChoosePicture::boolean).link_only()},
      .run = [](const ChoosePicture& in) -> Results<Image> { return {in.boolean ? in.image_a : in.image_b}; },
      .foresee = [](const Known<ChoosePicture>& in, Call& call) -> Foreseen<Image> {
        if (call.awaits("boolean")) return {};
        return {Handed{value_of(call, in(&ChoosePicture::boolean) ? "image_a" : "image_b")}};
      }});
  table.add(NodeOf<SizeOf>{
      .name = "Image Size to Number",
      .category = kCategory,
      .description = "The size of pictures.",
      .origin = kOrigin,
      .inputs = {Link("image", &SizeOf::image)},
      .outputs = {{"width_num"}, {"height_num"}, {"width_float"}, {"height_float"}, {"width_int"}, {"height_int"}},
      .run = size_of});
  table.add(
      NodeOf<OneNumber>{.name = "Number to Int",
                        .category = kCategory,
                        .description = "A number without what is behind its point.",
                        .origin = kOrigin,
                        .inputs = {Link("number", &OneNumber::number)},
                        .run = [](const OneNumber& in) -> Results<int64_t> { return {whole(*in.number, "number")}; }});
  table.add(NodeOf<OneNumber>{.name = "Number to Float",
                              .category = kCategory,
                              .description = "Turns a number into a float.",
                              .origin = kOrigin,
                              .inputs = {Link("number", &OneNumber::number)},
                              .run = [](const OneNumber& in) -> Results<double> { return {in.number->real()}; }});
  for (const char* name : {"Number to String", "Number to Text"})
    table.add(
        NodeOf<OneNumber>{.name = name,
                          .category = kCategory,
                          .description = "A number as text.",
                          .origin = kOrigin,
                          .inputs = {Link("number", &OneNumber::number)},
                          .run = [](const OneNumber& in) -> Results<std::string> { return {as_text(*in.number)}; }});
}

}  // namespace

void register_was_nodes(Table& table) {
  add_texts(table);
  add_numbers(table);
}

}  // namespace easel::nodes
