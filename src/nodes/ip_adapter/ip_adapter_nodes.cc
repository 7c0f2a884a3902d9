// The current IP-Adapter nodes.
#include <algorithm>
#include <array>

#include "image/edit/pictures.h"
#include "library/folders.h"
#include "nodes/common/reference_picture.h"
#include "nodes/ip_adapter/ip_adapter_inputs.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using namespace ip;  // NOLINT(google-build-using-namespace): their parameters are these nodes' own

// --- The unified loader, which picks the adapter and the encoder for a model ---

struct Preset {
  const char* name;
  models::IpAdapterKind kind;
  const char* mark;  // a part of the published file names; the contents do not tell the variants of a kind apart
  bool vision_g;     // whether its vision encoder is ViT-bigG
};
constexpr int64_t kVisionGLayers = 48;  // ViT-H has 32
constexpr std::array<Preset, 6> kPresets = {{
    {"LIGHT - SD1.5 only (low strength)", models::IpAdapterKind::kPlain, "light", false},
    {"STANDARD (medium strength)", models::IpAdapterKind::kPlain, "", false},
    {"VIT-G (medium strength)", models::IpAdapterKind::kPlain, "", true},
    {"PLUS (high strength)", models::IpAdapterKind::kPlus, "plus", false},
    {"PLUS FACE (portraits)", models::IpAdapterKind::kPlus, "face", false},
    {"FULL FACE - SD1.5 only (portraits stronger)", models::IpAdapterKind::kFullFace, "", false},
}};

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& p : kPresets) names.emplace_back(p.name);
  return names;
}

// Whether a file's name has the mark of the preset's variant, and none of another variant.
bool marked(const std::string& file, const Preset& preset) {
  const auto has = [&](const char* mark) { return file.find(mark) != std::string::npos; };
  if (has("composition") || has("faceid") || has("portrait")) return false;
  if (preset.kind == models::IpAdapterKind::kFullFace) return true;
  for (const char* mark : {"light", "face"})
    if (has(mark) != (std::string_view(preset.mark) == mark)) return false;
  return true;
}

// The names of the available adapters, newer versions of a file first.
std::vector<std::string> adapters(Call& call) {
  std::vector<std::string> names = call.context().folders.list("ipadapter");
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name.find("_v11") != std::string::npos; });
  return names;
}

IpPipeline find_pipeline(Call& call, const ModelHandle& model, const Preset& preset) {
  for (const std::string& name : adapters(call)) {
    if (!marked(name, preset)) continue;
    try {
      IpPipeline pipeline = open_ip_adapter(call, name);
      if (pipeline.adapter.config.kind != preset.kind || models::ip_adapter_mismatch(pipeline.adapter, nullptr, &model))
        continue;
      pipeline.vision = find_fitting_vision(call, pipeline.adapter);
      if (pipeline.vision && (pipeline.vision->layers == kVisionGLayers) == preset.vision_g) return pipeline;
    } catch (const Error&) {
      continue;
    }
  }
  throw Error(Fault::kMissing, std::string("no IP-Adapter of the kind '") + preset.name + "' for " +
                                   models::family_name(&model.family()) +
                                   " with the CLIP vision encoder it needs is in the model folders")
      .at_input("preset")
      .fix("See docs/models.md for the published files; they go into ipadapter/ and clip_vision/");
}

struct LoadUnified {
  Linked<ModelHandle> model;
  std::string preset = "PLUS (high strength)";
  MaybeLinked<IpPipeline> ipadapter;
};

Results<ModelHandle, IpPipeline> load_unified(const LoadUnified& in, Call& call) {
  const auto preset =
      std::find_if(kPresets.begin(), kPresets.end(), [&](const Preset& p) { return p.name == in.preset; });
  return {in.model, find_pipeline(call, *in.model, *preset)};
}

// --- Applying ---

Results<ModelHandle> apply_simple(const Pictures& in, Call& call) {
  const std::string type = in.weight_type == "style transfer"             ? "style transfer"
                           : in.weight_type == "prompt is more important" ? "ease out"
                                                                          : "linear";
  return apply(in, call, *in.image, {}, application(in, type, false), IpCombine::kConcat);
}

Results<ModelHandle> apply_advanced(const Pictures& in, Call& call) {
  return apply(in, call, *in.image, in.image_negative.value_or_empty(), application(in, in.weight_type, false),
               in.combine_embeds);
}

struct Batch : Pictures {
  int64_t encode_batch_size = 0;
};

Results<ModelHandle> apply_batch(const Batch& in, Call& call) {
  return apply(in, call, *in.image, in.image_negative.value_or_empty(), application(in, in.weight_type, true),
               IpCombine::kConcat);
}

struct Enhanced : Batch {
  int64_t enhance_tiles = 2;
  double enhance_ratio = 1.0;
};
struct EnhancedBatch : Enhanced {
  EnhancedBatch() { enhance_ratio = 0.5; }
};

Results<ModelHandle> apply_enhanced(const Enhanced& in, Call& call, bool unfold) {
  return apply(in, call, *in.image, in.image_negative.value_or_empty(), application(in, in.weight_type, unfold),
               unfold ? IpCombine::kConcat : in.combine_embeds, {}, {in.enhance_tiles, in.enhance_ratio});
}

// The precise weight types have a factor for how strongly the other property of the picture is suppressed.
struct PreciseStyle : Pictures {
  double style_boost = 1.0;
};

Results<ModelHandle> apply_precise_style(const PreciseStyle& in, Call& call) {
  IpApplication how = application(in, "style transfer precise", false);
  how.weight.style_boost = in.style_boost;
  return apply(in, call, *in.image, in.image_negative.value_or_empty(), how, in.combine_embeds);
}

struct PreciseComposition : Pictures {
  double composition_boost = 0.0;
};

Results<ModelHandle> apply_precise_composition(const PreciseComposition& in, Call& call) {
  IpApplication how = application(in, "composition precise", false);
  how.weight.composition_boost = in.composition_boost;
  return apply(in, call, *in.image, in.image_negative.value_or_empty(), how, in.combine_embeds);
}

struct StyleComposition : Application {
  Linked<Image> image_style, image_composition;
  double weight_style = 1.0, weight_composition = 1.0;
  bool expand_style = false;
  IpCombine combine_embeds = IpCombine::kAverage;
  MaybeLinked<Image> image_negative;
};

Results<ModelHandle> apply_style_composition(const StyleComposition& in, Call& call) {
  IpApplication how =
      application(in, in.expand_style ? "strong style and composition" : "style and composition", false);
  how.weight.weight = in.weight_style;
  how.weight.composition_weight = in.weight_composition;
  return apply(in, call, *in.image_style, in.image_negative.value_or_empty(), how, in.combine_embeds,
               *in.image_composition);
}

Foreseen<ModelHandle> foresee_style_composition(const Known<StyleComposition>& in, Call& call) {
  warn_of_crop(call, in(&StyleComposition::image_style));
  return foresee_fit(in, call);
}

struct Embeds : Application {
  Linked<IpEmbed> pos_embed;
  MaybeLinked<IpEmbed> neg_embed;
};

Results<ModelHandle> apply_embeds(const Embeds& in, Call& call, bool unfold) {
  const IpPipeline& pipeline = *in.ipadapter;
  require_adapter_fits(call, pipeline, find_vision(in.clip_vision.get(), pipeline), &*in.model);
  models::IpEmbeds embeds{in.pos_embed->rows, {}};
  if (in.neg_embed) embeds.uncond = in.neg_embed->rows;
  else if (pipeline.adapter.config.takes_hidden_states())
    embeds.uncond =
        models::ip_encode_images(need_vision(in.clip_vision.get(), pipeline), Tensor::zeros({1, 224, 224, 3}), true);
  else embeds.uncond = Tensor::zeros(embeds.cond.shape());
  embeds.uncond = image::fit_batch(embeds.uncond, embeds.cond.dim(0));
  return {apply_ip_adapter(*in.model, pipeline, models::ip_tokens(pipeline.adapter, embeds),
                           application(in, in.weight_type, unfold))};
}

// --- Embeds ---

struct Encode {
  Linked<IpPipeline> ipadapter;
  Linked<Image> image;
  double weight = 1.0;
  MaybeLinked<Mask> mask;
  MaybeLinked<ClipVisionHandle> clip_vision;
};

Results<IpEmbed, IpEmbed> encode(const Encode& in, Call& call) {
  const IpPipeline& pipeline = *in.ipadapter;
  const ClipVisionHandle& vision = need_vision(in.clip_vision.get(), pipeline);
  require_adapter_fits(call, pipeline, &vision, nullptr);
  const bool hidden = pipeline.adapter.config.takes_hidden_states();
  auto embeds = models::ip_embeds(vision, *in.image, hidden, {}, in.mask.value_or_empty());
  if (in.weight != 1.0) embeds.cond = ops::affine(embeds.cond, static_cast<float>(in.weight));
  return {IpEmbed{std::move(embeds.cond)}, IpEmbed{std::move(embeds.uncond)}};
}

struct Combine {
  Linked<IpEmbed> embed1;
  IpCombine method = IpCombine::kConcat;
  MaybeLinked<IpEmbed> embed2, embed3, embed4, embed5;
};

Results<IpEmbed> combine(const Combine& in) {
  std::vector<Tensor> parts{in.embed1->rows};
  for (const auto* more : {&in.embed2, &in.embed3, &in.embed4, &in.embed5})
    if (*more) parts.push_back((*more)->rows);
  return {IpEmbed{models::combine_embeds(ops::concat(parts, 0), in.method)}};
}

// --- Declarations ---

void register_apply(Table& table) {
  table.add(NodeOf<Pictures>{
      .name = "IPAdapter",
      .display = "IPAdapter",
      .category = "ipadapter",
      .description = "Lets reference pictures steer a model.",
      .inputs = {model_input(), adapter_input(), image_input(), weight_input(3.0), start_input(), end_input(),
                 Choice("weight_type", &Application::weight_type,
                        {"standard", "prompt is more important", "style transfer"}),
                 mask_input()},
      .run = apply_simple,
      .foresee = foresee_together});
  table.add(
      NodeOf<Pictures>{.name = "IPAdapterAdvanced",
                       .display = "IPAdapter Advanced",
                       .category = "ipadapter",
                       .description = "Lets reference pictures steer a model, with every parameter.",
                       .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0), weight_type_input(),
                                  combine_input(), start_input(), end_input(), scaling_input(),
                                  negative_input<Pictures>(), mask_input(), vision_input<Application>()},
                       .run = apply_advanced,
                       .foresee = foresee_together});
  table.add(
      NodeOf<Batch>{.name = "IPAdapterBatch",
                    .display = "IPAdapter Batch (Adv.)",
                    .category = "ipadapter",
                    .description = "Each reference picture steers one picture of the batch.",
                    .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0), weight_type_input(),
                               start_input(), end_input(), scaling_input(),
                               Int("encode_batch_size", &Batch::encode_batch_size).range(0, 4096).optional(),
                               negative_input<Pictures>(), mask_input(), vision_input<Application>()},
                    .run = apply_batch,
                    .foresee = [](const Known<Batch>& in, Call& call) { return foresee_pictures(in, call, true); }});
  table.add(
      NodeOf<PreciseStyle>{.name = "IPAdapterPreciseStyleTransfer",
                           .display = "IPAdapter Precise Style Transfer",
                           .category = "ipadapter/style_composition",
                           .description = "Takes the style of a picture and keeps its composition out.",
                           .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0),
                                      Float("style_boost", &PreciseStyle::style_boost).range(-5.0, 5.0).step(0.05),
                                      combine_input(), start_input(), end_input(), scaling_input(),
                                      negative_input<Pictures>(), mask_input(), vision_input<Application>()},
                           .run = apply_precise_style,
                           .foresee = foresee_together});
  table.add(NodeOf<PreciseComposition>{
      .name = "IPAdapterPreciseComposition",
      .display = "IPAdapter Precise Composition",
      .category = "ipadapter/style_composition",
      .description = "Takes the composition of a picture and keeps its style out.",
      .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0),
                 Float("composition_boost", &PreciseComposition::composition_boost).range(-5.0, 5.0).step(0.05),
                 combine_input(), start_input(), end_input(), scaling_input(), negative_input<Pictures>(), mask_input(),
                 vision_input<Application>()},
      .run = apply_precise_composition,
      .foresee = foresee_together});
  table.add(NodeOf<StyleComposition>{
      .name = "IPAdapterStyleComposition",
      .display = "IPAdapter Style & Composition SDXL",
      .category = "ipadapter/style_composition",
      .description = "Takes the style of one picture and the composition of another.",
      .inputs = {model_input(), adapter_input(), Link("image_style", &StyleComposition::image_style),
                 Link("image_composition", &StyleComposition::image_composition),
                 Float("weight_style", &StyleComposition::weight_style).range(-1.0, 5.0).step(0.05).tip(kWeightTip),
                 Float("weight_composition", &StyleComposition::weight_composition)
                     .range(-1.0, 5.0)
                     .step(0.05)
                     .tip(kWeightTip),
                 Bool("expand_style", &StyleComposition::expand_style).added_later(),
                 combine_input(&StyleComposition::combine_embeds), start_input(), end_input(), scaling_input(),
                 negative_input<StyleComposition>(), mask_input(), vision_input<Application>()},
      .run = apply_style_composition,
      .foresee = foresee_style_composition});
}

void register_enhanced(Table& table) {
  const auto tiles = [] {
    return Int("enhance_tiles", &Enhanced::enhance_tiles)
        .range(1, 16)
        .tip("Along each side; the encoder sees each of them at its full size.");
  };
  const auto ratio = [] {
    return Float("enhance_ratio", &Enhanced::enhance_ratio)
        .range(0.0, 1.0)
        .step(0.05)
        .tip("How much of the picture as a whole counts.");
  };
  table.add(
      NodeOf<Enhanced>{.name = "IPAdapterClipVisionEnhancer",
                       .display = "IPAdapter ClipVision Enhancer",
                       .category = "ipadapter/dev",
                       .description = "IPAdapterAdvanced whose encoder also sees the pictures in tiles.",
                       .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0), weight_type_input(),
                                  combine_input(), start_input(), end_input(), scaling_input(), tiles(), ratio(),
                                  negative_input<Pictures>(), mask_input(), vision_input<Application>()},
                       .run = [](const Enhanced& in, Call& call) { return apply_enhanced(in, call, false); },
                       .foresee = foresee_together});
  table.add(NodeOf<EnhancedBatch>{
      .name = "IPAdapterClipVisionEnhancerBatch",
      .display = "IPAdapter ClipVision Enhancer Batch",
      .category = "ipadapter/dev",
      .description = "IPAdapterBatch whose encoder also sees the pictures in tiles.",
      .inputs = {model_input(), adapter_input(), image_input(), weight_input(5.0), weight_type_input(), start_input(),
                 end_input(), scaling_input(), tiles(), ratio(),
                 Int("encode_batch_size", &Batch::encode_batch_size).range(0, 4096), negative_input<Pictures>(),
                 mask_input(), vision_input<Application>()},
      .run = [](const EnhancedBatch& in, Call& call) { return apply_enhanced(in, call, true); },
      .foresee = [](const Known<EnhancedBatch>& in, Call& call) { return foresee_pictures(in, call, true); }});
}

void register_embeds(Table& table) {
  const Inputs<Embeds> inputs{model_input(),
                              adapter_input(),
                              Link("pos_embed", &Embeds::pos_embed),
                              weight_input(3.0),
                              weight_type_input(),
                              start_input(),
                              end_input(),
                              scaling_input(),
                              Link("neg_embed", &Embeds::neg_embed),
                              mask_input(),
                              vision_input<Application>()};
  table.add(NodeOf<Embeds>{.name = "IPAdapterEmbeds",
                           .display = "IPAdapter Embeds",
                           .category = "ipadapter/embeds",
                           .description = "IPAdapterAdvanced with pictures that are already encoded.",
                           .inputs = inputs,
                           .run = [](const Embeds& in, Call& call) { return apply_embeds(in, call, false); },
                           .foresee = foresee_fit});
  table.add(NodeOf<Embeds>{.name = "IPAdapterEmbedsBatch",
                           .display = "IPAdapter Embeds Batch",
                           .category = "ipadapter/embeds",
                           .description = "IPAdapterBatch with pictures that are already encoded.",
                           .inputs = inputs,
                           .run = [](const Embeds& in, Call& call) { return apply_embeds(in, call, true); },
                           .foresee = foresee_fit});
  table.add(
      NodeOf<Encode>{.name = "IPAdapterEncoder",
                     .display = "IPAdapter Encoder",
                     .category = "ipadapter/embeds",
                     .description = "Encodes reference pictures for an adapter.",
                     .inputs = {Link("ipadapter", &Encode::ipadapter), Link("image", &Encode::image),
                                Float("weight", &Encode::weight).range(-1.0, 3.0).step(0.01).useful(0, 1.5, 0.05),
                                Link("mask", &Encode::mask).tip("The part of the pictures that the encoder sees."),
                                vision_input<Encode>()},
                     .outputs = {{"pos_embed"}, {"neg_embed"}},
                     .run = encode});
  table.add(NodeOf<Combine>{.name = "IPAdapterCombineEmbeds",
                            .display = "IPAdapter Combine Embeds",
                            .category = "ipadapter/embeds",
                            .description = "Combines up to five encoded pictures.",
                            .inputs = {Link("embed1", &Combine::embed1),
                                       Choice("method", &Combine::method,
                                              {{"concat", IpCombine::kConcat},
                                               {"add", IpCombine::kAdd},
                                               {"subtract", IpCombine::kSubtract},
                                               {"average", IpCombine::kAverage},
                                               {"norm average", IpCombine::kNormAverage},
                                               {"max", IpCombine::kMax},
                                               {"min", IpCombine::kMin}}),
                                       Link("embed2", &Combine::embed2), Link("embed3", &Combine::embed3),
                                       Link("embed4", &Combine::embed4), Link("embed5", &Combine::embed5)},
                            .run = combine});
}

}  // namespace

void register_ip_adapter_nodes(Table& table) {
  table.add(NodeOf<LoadUnified>{
      .name = "IPAdapterUnifiedLoader",
      .display = "IPAdapter Unified Loader",
      .category = "ipadapter",
      .description =
          "Finds the IP-Adapter of a kind that fits the model, and the CLIP vision encoder that fits the adapter.",
      .inputs = {Link("model", &LoadUnified::model), Choice("preset", &LoadUnified::preset, preset_names()),
                 Link("ipadapter", &LoadUnified::ipadapter)},
      .outputs = {{"model"}, {"ipadapter"}},
      .looks_through = {"ipadapter", "clip_vision"},
      .runs_when_checked = true,
      .run = load_unified});
  register_apply(table);
  register_enhanced(table);
  register_embeds(table);
}

}  // namespace easel::nodes
