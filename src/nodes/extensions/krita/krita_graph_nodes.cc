// Nodes of graphs that Krita fills in before it sends them, and those that tell it something (comfyui-tooling-nodes).
#include <charconv>
#include <utility>

#include "image/edit/masks.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"
#include "nodes/common/python/values_as_text.h"
#include "workflow/json.h"

namespace easel::nodes {

// What a style names of a node's choices: its links lead to such inputs only.
struct ChosenName {
  std::string name;
};
template <>
struct LinkType<ChosenName> : PlainLink<ChosenName> {
  static constexpr const char* kName = "COMBO";
  static size_t bytes(const ChosenName& chosen) { return chosen.name.size(); }
};

namespace {

using models::ClipHandle;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kCategory = "krita";
constexpr image::Size kPlaceholder{512, 512};

// What only Krita knows.
[[noreturn]] void only_from_krita() {
  throw Error(Fault::kUnsupported, "Krita puts something else in the place of this node: it has no value here")
      .fix("Start the graph from Krita, or put a loader in its place");
}

struct Nothing {};

struct Layer {
  std::string name = "Image";
};

struct MaskLayer {
  std::string name = "Mask";
};

struct Selection {
  std::string context = "entire image";
  int64_t padding = 0;
};

struct Style {
  std::string name = "Style", sampler_preset = "auto";
};

struct StyleAndPrompt {
  std::string sampler_preset = "auto";
};

template <class P>
void add_placeholder(Table& table, const char* name, const char* display, const char* description, Inputs<P> inputs,
                     std::vector<OutputLabel> outputs, Run<P> run) {
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = kCategory,
                      .description = description,
                      .origin = "tooling",
                      .inputs = std::move(inputs),
                      .outputs = std::move(outputs),
                      .run = std::move(run),
                      .check = [](const P&) { only_from_krita(); }});
}

using StyleResults =
    Results<ModelHandle, ClipHandle, VaeHandle, std::string, std::string, ChosenName, ChosenName, int64_t, double>;

template <class P>
Input<P> preset_input(std::string P::*member) {
  return Choice("sampler_preset", member, {"auto", "regular", "live"});
}

void add_placeholders(Table& table) {
  add_placeholder<Nothing>(
      table, "ETN_KritaCanvas", "Krita Canvas", "The canvas, in graphs that are started from Krita.", {},
      {{"image"}, {"width"}, {"height"}, {"seed"}, {"mask"}},
      [](const Nothing&) -> Results<Image, int64_t, int64_t, int64_t, Mask> { only_from_krita(); });
  add_placeholder<Layer>(table, "ETN_KritaImageLayer", "Krita Image Layer",
                         "A layer, in graphs that are started from Krita.", {Text("name", &Layer::name)},
                         {{"image"}, {"mask"}}, [](const Layer&) -> Results<Image, Mask> { only_from_krita(); });
  add_placeholder<Style>(table, "ETN_KritaStyle", "Krita Style", "A style, in graphs that are started from Krita.",
                         {Text("name", &Style::name), preset_input(&Style::sampler_preset)},
                         {{"model"},
                          {"clip"},
                          {"vae"},
                          {"positive prompt"},
                          {"negative prompt"},
                          {"sampler name"},
                          {"scheduler"},
                          {"steps"},
                          {"guidance"}},
                         [](const Style&) -> StyleResults { only_from_krita(); });
  add_placeholder<StyleAndPrompt>(table, "ETN_KritaStyleAndPrompt", "Krita Style & Prompt",
                                  "The style and the prompt in use, in graphs that are started from Krita.",
                                  {preset_input(&StyleAndPrompt::sampler_preset)},
                                  {{"model (with loras)"},
                                   {"clip"},
                                   {"vae"},
                                   {"positive prompt (evaluated)"},
                                   {"negative prompt (evaluated)"},
                                   {"sampler name"},
                                   {"scheduler"},
                                   {"steps"},
                                   {"guidance"}},
                                  [](const StyleAndPrompt&) -> StyleResults { only_from_krita(); });
}

Results<Mask, bool, int64_t, int64_t> no_selection(const Selection&) {
  return {image::solid_mask(1.0, kPlaceholder), false, int64_t{0}, int64_t{0}};
}

// --- Parameters ---

struct Parameter {
  std::string name = "Parameter", type = "auto", default_value;
  double min = -1e10, max = 1e10;
};

template <class T>
T number_in(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    throw Error(Fault::kInvalid, "'" + text + "' is no number").at_input("default");
  return value;
}

Results<Anything> parameter(const Parameter& in) {
  if (in.type == "number") return {computed<double>(number_in<double>(in.default_value))};
  if (in.type == "number (integer)") return {computed<int64_t>(number_in<int64_t>(in.default_value))};
  return {computed<std::string>(in.default_value)};
}

// --- What Krita is told ---

struct Output {
  Linked<Image> images;
  int64_t x = 0, y = 0;
  std::string name, batch_mode = "default";
  bool resize_canvas = false;
};

void tell(Call& call, const std::string& list, const workflow::Json& object) {
  UiFile shown;
  shown.text = workflow::dump_json(object);
  shown.sent_as = "application/json";
  call.show(list, std::move(shown));
}

// The pictures as ETN_SendImageWebSocket sends them, and what to do with them.
void output(const Output& in, Call& call) {
  Parts(call, Parts::Doing::kRun)
      .make("ETN_SendImageWebSocket", {{"format", std::string("PNG")}}, {{"images", in.images.value()}});
  tell(call, "info",
       {{"name", in.name},
        {"offset_x", in.x},
        {"offset_y", in.y},
        {"batch_mode", in.batch_mode},
        {"resize_canvas", in.resize_canvas}});
}

struct SendText {
  Linked<Anything> value;
  std::string name = "Output", type = "text";
};

void send_text(const SendText& in, Call& call) {
  const char* kind = in.type == "markdown" ? "text/markdown" : in.type == "html" ? "text/html" : "text/plain";
  tell(call, "text", {{"name", in.name}, {"text", as_text(in.value.value())}, {"content-type", kind}});
}

}  // namespace

void register_krita_graph_nodes(Table& table) {
  add_placeholders(table);
  constexpr int64_t kFarthest = int64_t{1} << 31;
  table.add(NodeOf<Selection>{
      .name = "ETN_KritaSelection",
      .display = "Krita Selection",
      .category = kCategory,
      .description = "The selection, in graphs that are started from Krita; else all of a "
                     "picture of 512x512.",
      .origin = "tooling",
      .inputs = {Choice("context", &Selection::context, {"automatic", "entire image", "mask bounds"}).says_default(),
                 Int("padding", &Selection::padding).range(0, kFarthest).useful(0, 512, 8)},
      .outputs = {{"mask"}, {"active"}, {"x"}, {"y"}},
      .run = no_selection,
      .foresee = [](const Known<Selection>&) -> Foreseen<Mask, bool, int64_t, int64_t> {
        return {ForeseenMask{kPlaceholder.width, kPlaceholder.height}, std::nullopt, std::nullopt, std::nullopt};
      }});
  table.add(
      NodeOf<MaskLayer>{.name = "ETN_KritaMaskLayer",
                        .display = "Krita Mask Layer",
                        .category = kCategory,
                        .description = "A mask layer, in graphs that are started from Krita; else all of a "
                                       "picture of 512x512.",
                        .origin = "tooling",
                        .inputs = {Text("name", &MaskLayer::name)},
                        .run = [](const MaskLayer&) -> Results<Mask> { return {image::solid_mask(1.0, kPlaceholder)}; },
                        .foresee = [](const Known<MaskLayer>&) -> Foreseen<Mask> {
                          return {ForeseenMask{kPlaceholder.width, kPlaceholder.height}};
                        }});
  table.add(
      NodeOf<Parameter>{.name = "ETN_Parameter",
                        .display = "Parameter",
                        .category = kCategory,
                        .description = "A value that is asked for in Krita; else its default.",
                        .origin = "tooling",
                        .inputs = {Text("name", &Parameter::name),
                                   Choice("type", &Parameter::type,
                                          {"auto", "number", "number (integer)", "toggle", "choice", "text",
                                           "prompt (positive)", "prompt (negative)"})
                                       .says_default(),
                                   Text("default", &Parameter::default_value),
                                   Float("min", &Parameter::min).range(-1e300, 1e300).useful(-100, 100, 1).optional(),
                                   Float("max", &Parameter::max).range(-1e300, 1e300).useful(-100, 100, 1).optional()},
                        .outputs = {{"value"}},
                        .run = parameter});
  table.add(NodeOf<Output>{
      .name = "ETN_KritaOutput",
      .display = "Krita Output",
      .category = kCategory,
      .description = "Sends pictures to Krita, and says where they go.",
      .origin = "tooling",
      .inputs = {Link("images", &Output::images), Int("x", &Output::x).range(-kFarthest, kFarthest).useful(0, 2048, 8),
                 Int("y", &Output::y).range(-kFarthest, kFarthest).useful(0, 2048, 8), Text("name", &Output::name),
                 Choice("batch_mode", &Output::batch_mode, {"default", "images", "animation", "layers"}),
                 Bool("resize_canvas", &Output::resize_canvas)},
      .output_node = true,
      .always = true,
      .run = output});
  table.add(NodeOf<SendText>{.name = "ETN_KritaSendText",
                             .display = "Send Text",
                             .category = kCategory,
                             .description = "Shows a value as text in Krita.",
                             .origin = "tooling",
                             .inputs = {Link("value", &SendText::value), Text("name", &SendText::name),
                                        Choice("type", &SendText::type, {"text", "markdown", "html"})},
                             .output_node = true,
                             .run = send_text});
}

}  // namespace easel::nodes
