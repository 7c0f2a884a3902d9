// Nodes that show something and hand it on: of rgthree-comfy (github.com/rgthree/rgthree-comfy), ComfyUI-Easy-Use
// (github.com/yolain/ComfyUI-Easy-Use) and ComfyUI-Custom-Scripts (github.com/pythongosssss/ComfyUI-Custom-Scripts).
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/python/values_as_text.h"

namespace easel::nodes {
namespace {

struct Two {
  MaybeLinked<Image> image_a, image_b;
};

void compare(const Two& in, Call& call) {
  const Parts parts(call, Parts::Doing::kRun);
  for (const MaybeLinked<Image>* image : {&in.image_a, &in.image_b})
    if (*image) parts.make("PreviewImage", {}, {{"images", image->value()}});
}

struct Source {
  Linked<Anything> source;
};

// As JSON, except for texts.
std::string displayed(const Value& value) {
  if (const auto* yes = value.get<bool>()) return *yes ? "true" : "false";
  return as_text(value);
}

void display(const Source& in, Call& call) { call.show_text(displayed(in.source.value())); }

struct Optional {
  MaybeLinked<Anything> anything;
};

Results<Anything> show(const Optional& in, Call& call) {
  if (in.anything) call.show_text(displayed(*in.anything));
  return {in.anything};
}

struct Sound {
  Linked<Anything> any;
  std::string mode, file = "notify.mp3";
  double volume = 0.5;
};
struct Notice {
  Linked<Anything> any;
  std::string message = "Your notification has triggered.", mode;
};

template <class P>
Results<Anything> hand_on(const P& in) {
  return {in.any};
}

template <class P>
Input<P> mode_input() {
  return Choice("mode", &P::mode, {"always", "on empty queue"});
}

}  // namespace

void register_display_nodes(Table& table) {
  table.add(NodeOf<Two>{.name = "Image Comparer (rgthree)",
                        .category = "rgthree",
                        .description = "Shows pictures to be compared with each other.",
                        .origin = "rgthree",
                        .inputs = {Link("image_a", &Two::image_a), Link("image_b", &Two::image_b)},
                        .output_node = true,
                        .hidden_prompt = true,
                        .run = compare});
  table.add(NodeOf<Source>{.name = "Display Any (rgthree)",
                           .category = "rgthree",
                           .description = "Shows a value as text.",
                           .origin = "rgthree",
                           .inputs = {Link("source", &Source::source)},
                           .output_node = true,
                           .run = display});
  table.add(NodeOf<Optional>{.name = "easy showAnything",
                             .display = "Show Any",
                             .category = "EasyUse/Logic",
                             .description = "Shows a value as text, and hands it on.",
                             .origin = "easy-use",
                             .inputs = {Link("anything", &Optional::anything)},
                             .outputs = {{"output"}},
                             .output_node = true,
                             .run = show});
  table.add(
      NodeOf<Sound>{.name = "PlaySound|pysssss",
                    .display = "PlaySound",
                    .category = "utils",
                    .description = "Hands a value on. The sound is played by the original's page, not by this one.",
                    .origin = "pysssss",
                    .inputs = {Link("any", &Sound::any), mode_input<Sound>(),
                               Float("volume", &Sound::volume).range(0.0, 1.0).step(0.1), Text("file", &Sound::file)},
                    .output_node = true,
                    .always = true,
                    .run = hand_on<Sound>});
  table.add(
      NodeOf<Notice>{.name = "SystemNotification|pysssss",
                     .display = "SystemNotification",
                     .category = "utils",
                     .description = "Hands a value on. The message is shown by the original's page, not by this one.",
                     .origin = "pysssss",
                     .inputs = {Text("message", &Notice::message), Link("any", &Notice::any), mode_input<Notice>()},
                     .output_node = true,
                     .always = true,
                     .run = hand_on<Notice>});
}

}  // namespace easel::nodes
