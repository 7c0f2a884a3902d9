// Nodes of Comfyroll Studio (github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes): switches, texts, sizes.
#include "models/latent_format.h"
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/extensions/comfyroll/comfyroll.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "comfyroll";

// --- Switches ---

template <class L>
struct Choose {
  int64_t number = 1;
  MaybeLinked<L> first, second;
};

template <class L>
void add_switch(Table& table, const char* name, const char* one, const char* two, const char* page) {
  table.add(
      NodeOf<Choose<L>>{.name = name,
                        .category = "Comfyroll/Utils/Logic",
                        .description = "Passes on one of two values.",
                        .origin = kOrigin,
                        .inputs = {Int("Input", &Choose<L>::number).range(1, 2), Link(one, &Choose<L>::first),
                                   Link(two, &Choose<L>::second)},
                        .outputs = {{}, {"show_help"}},
                        .run = [page](const Choose<L>& in) -> Results<L, std::string> {
                          return {in.number == 1 ? in.first : in.second, help(page)};
                        },
                        .foresee = [one, two](const Known<Choose<L>>& in, Call& call) -> Foreseen<L, std::string> {
                          if (call.awaits("Input")) return {};
                          return {Handed{value_of(call, in(&Choose<L>::number) == 1 ? one : two)}, std::nullopt};
                        }});
}

struct ChooseText {
  int64_t number = 1;
  std::string text1, text2;
};

void add_switches(Table& table) {
  add_switch<Image>(table, "CR Image Input Switch", "image1", "image2", "Logic-Nodes#cr-image-input-switch");
  add_switch<Latent>(table, "CR Latent Input Switch", "latent1", "latent2", "Logic-Nodes#cr-latent-input-switch");
  add_switch<models::Conditioning>(table, "CR Conditioning Input Switch", "conditioning1", "conditioning2",
                                   "Logic-Nodes#cr-conditioning-input-switch");
  add_switch<models::ClipHandle>(table, "CR Clip Input Switch", "clip1", "clip2", "Logic-Nodes#cr-clip-input-switch");
  add_switch<models::ModelHandle>(table, "CR Model Input Switch", "model1", "model2",
                                  "Logic-Nodes#cr-model-input-switch");
  add_switch<models::ControlNetHandle>(table, "CR ControlNet Input Switch", "control_net1", "control_net2",
                                       "Logic-Nodes#cr-controlnet-input-switch");
  add_switch<models::VaeHandle>(table, "CR VAE Input Switch", "VAE1", "VAE2", "Logic-Nodes#cr-vae-input-switch");
  table.add(
      NodeOf<ChooseText>{.name = "CR Text Input Switch",
                         .category = "Comfyroll/Utils/Logic",
                         .description = "Passes on one of two texts.",
                         .origin = kOrigin,
                         .inputs = {Int("Input", &ChooseText::number).range(1, 2),
                                    Text("text1", &ChooseText::text1).link_only().optional(),
                                    Text("text2", &ChooseText::text2).link_only().optional()},
                         .outputs = {{}, {"show_help"}},
                         .run = [](const ChooseText& in) -> Results<std::string, std::string> {
                           return {in.number == 1 ? in.text1 : in.text2, help("Logic-Nodes#cr-text-input-switch")};
                         }});
}

// --- Texts and seeds ---

struct Prompt {
  std::string prompt = "prompt";
};
struct Combine {
  std::string part1, part2, part3, part4, separator = ",";
};
struct Lines {
  std::string text;
};
struct Join {
  std::string text1, text2, separator;
};
struct SeedOnly {
  uint64_t seed = 0;
};

template <class P>
Input<P> long_text(const char* name, std::string P::*member) {
  return Text(name, member).multiline().names_embeddings();
}

Results<std::string, std::string> combine(const Combine& in) {
  return {in.part1 + in.separator + in.part2 + in.separator + in.part3 + in.separator + in.part4,
          help("Core-Nodes#cr-prompt-parts")};
}

void add_texts(Table& table) {
  table.add(NodeOf<Prompt>{.name = "CR Prompt Text",
                           .category = "Comfyroll/Essential/Core",
                           .description = "A text.",
                           .origin = kOrigin,
                           .inputs = {long_text("prompt", &Prompt::prompt)},
                           .outputs = {{"prompt"}, {"show_help"}},
                           .run = [](const Prompt& in) -> Results<std::string, std::string> {
                             return {in.prompt, help("Core-Nodes#cr-prompt-text")};
                           }});
  table.add(NodeOf<Combine>{
      .name = "CR Combine Prompt",
      .category = "Comfyroll/Essential/Core",
      .description = "Joins four texts.",
      .origin = kOrigin,
      .inputs = {long_text("part1", &Combine::part1).optional(), long_text("part2", &Combine::part2).optional(),
                 long_text("part3", &Combine::part3).optional(), long_text("part4", &Combine::part4).optional(),
                 Text("separator", &Combine::separator).optional()},
      .outputs = {{"prompt"}, {"show_help"}},
      .run = combine});
  table.add(NodeOf<Lines>{.name = "CR Text",
                          .category = "Comfyroll/Utils/Text",
                          .description = "A text.",
                          .origin = kOrigin,
                          .inputs = {long_text("text", &Lines::text)},
                          .outputs = {{"text"}, {"show_help"}},
                          .run = [](const Lines& in) -> Results<Anything, std::string> {
                            return {computed<std::string>(in.text), help("Other-Nodes#cr-text")};
                          }});
  table.add(NodeOf<Join>{
      .name = "CR Text Concatenate",
      .category = "Comfyroll/Utils/Text",
      .description = "Joins two texts.",
      .origin = kOrigin,
      .inputs = {Text("text1", &Join::text1).link_only().optional(), Text("text2", &Join::text2).link_only().optional(),
                 Text("separator", &Join::separator).optional()},
      .outputs = {{"STRING"}, {"show_help"}},
      .run = [](const Join& in) -> Results<Anything, std::string> {
        return {computed<std::string>(in.text1 + in.separator + in.text2), help("List-Nodes#cr-save-text-to-file")};
      }});
  table.add(NodeOf<SeedOnly>{.name = "CR Seed",
                             .category = "Comfyroll/Essential/Core",
                             .description = "A seed for several nodes.",
                             .origin = kOrigin,
                             .inputs = {Seed("seed", &SeedOnly::seed).range(0, INT64_MAX)},
                             .outputs = {{"seed"}, {"show_help"}},
                             .run = [](const SeedOnly& in) -> Results<int64_t, std::string> {
                               return {static_cast<int64_t>(in.seed), help("Core-Nodes#cr-seed")};
                             }});
}

// --- Sizes ---

struct Aspect {
  int64_t width = 512, height = 512;
  std::string aspect_ratio;
  bool swap_dimensions = false;
  double upscale_factor = 1.0;
  int64_t batch_size = 1;
};
struct AspectSdxl : Aspect {
  AspectSdxl() { width = height = 1024; }
};

using AspectResults = Results<int64_t, int64_t, double, int64_t, Latent, std::string>;

AspectResults aspect(const Aspect& in, const char* page) {
  const image::Size size = chosen_size(in.aspect_ratio, {in.width, in.height}, in.swap_dimensions);
  return {size.width,
          size.height,
          in.upscale_factor,
          in.batch_size,
          empty_latent(latents_for(models::default_latents(), in.batch_size, size)),
          help(page)};
}

template <class P>
Foreseen<int64_t, int64_t, double, int64_t, Latent, std::string> foresee_aspect(const Known<P>& in) {
  const image::Size size = chosen_size(in(&P::aspect_ratio), {in(&P::width), in(&P::height)}, in(&P::swap_dimensions));
  return {std::nullopt,
          std::nullopt,
          std::nullopt,
          std::nullopt,
          latents_for(models::default_latents(), in(&P::batch_size), size),
          std::nullopt};
}

template <class P>
Inputs<P> aspect_inputs(const std::vector<std::string>& ratios) {
  return {Int("width", &Aspect::width).range(64, 8192),
          Int("height", &Aspect::height).range(64, 8192),
          Choice("aspect_ratio", &Aspect::aspect_ratio, ratios),
          Choice("swap_dimensions", &Aspect::swap_dimensions, {{"Off", false}, {"On", true}}),
          Float("upscale_factor", &Aspect::upscale_factor).range(0.1, 100.0).step(0.1),
          Int("batch_size", &Aspect::batch_size).range(1, 64)};
}

void add_aspects(Table& table) {
  const std::vector<OutputLabel> labels = {{"width"},      {"height"},       {"upscale_factor"},
                                           {"batch_size"}, {"empty_latent"}, {"show_help"}};
  table.add(NodeOf<Aspect>{
      .name = "CR SD1.5 Aspect Ratio",
      .category = "Comfyroll/Aspect Ratio",
      .description = "Empty latents in one of the usual sizes of Stable Diffusion 1.5.",
      .origin = kOrigin,
      .inputs = aspect_inputs<Aspect>({"custom", "1:1 square 512x512", "1:1 square 1024x1024", "2:3 portrait 512x768",
                                       "3:4 portrait 512x682", "3:2 landscape 768x512", "4:3 landscape 682x512",
                                       "16:9 cinema 910x512", "1.85:1 cinema 952x512", "2:1 cinema 1024x512",
                                       "2.39:1 anamorphic 1224x512"}),
      .outputs = labels,
      .run = [](const Aspect& in) -> AspectResults { return aspect(in, "Aspect-Ratio-Nodes#cr-sd15-aspect-ratio"); },
      .foresee = foresee_aspect<Aspect>});
  table.add(NodeOf<AspectSdxl>{.name = "CR SDXL Aspect Ratio",
                               .category = "Comfyroll/Aspect Ratio",
                               .description = "Empty latents in one of the sizes that SDXL was trained on.",
                               .origin = kOrigin,
                               .inputs = aspect_inputs<AspectSdxl>(
                                   {"custom", "1:1 square 1024x1024", "3:4 portrait 896x1152", "5:8 portrait 832x1216",
                                    "9:16 portrait 768x1344", "9:21 portrait 640x1536", "4:3 landscape 1152x896",
                                    "3:2 landscape 1216x832", "16:9 landscape 1344x768", "21:9 landscape 1536x640"}),
                               .outputs = labels,
                               .run = [](const AspectSdxl& in) -> AspectResults {
                                 return aspect(in, "Aspect-Ratio-Nodes#cr-sdxl-aspect-ratio");
                               },
                               .foresee = foresee_aspect<AspectSdxl>});
}

}  // namespace

void register_comfyroll_nodes(Table& table) {
  add_switches(table);
  add_texts(table);
  add_aspects(table);
}

}  // namespace easel::nodes
