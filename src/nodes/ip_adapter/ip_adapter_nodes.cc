// IP-Adapter nodes as they are today.
#include <algorithm>
#include <array>
#include <sstream>

#include "formats/tensors/model_file.h"
#include "image/edit/pictures.h"
#include "library/folders.h"
#include "models/vision/clip_vision.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/reference_picture.h"
#include "nodes/ip_adapter/ip_adapter_apply.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

// --- The unified loader: picks adapter and encoder for a model ---

struct Preset {
  const char* name;
  models::IpAdapterKind kind;
  const char* mark;  // what the published names of such files have in them; adapters of one kind look alike inside
  bool vision_g;     // takes pictures through ViT-bigG
};
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

// Whether the variant marks in a file's name are those of the preset.
bool marked(const std::string& file, const Preset& preset) {
  const auto has = [&](const char* mark) { return file.find(mark) != std::string::npos; };
  if (has("composition") || has("faceid") || has("portrait")) return false;
  if (preset.kind == models::IpAdapterKind::kFullFace) return true;
  for (const char* mark : {"light", "face"})
    if (has(mark) != (std::string_view(preset.mark) == mark)) return false;
  return true;
}

// The adapters there are, newer versions of a file first.
std::vector<std::string> adapters(Call& call) {
  std::vector<std::string> names = call.context().folders.list("ipadapter");
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name.find("_v11") != std::string::npos; });
  return names;
}

IpPipeline find_pipeline(Call& call, const models::ModelHandle& model, const Preset& preset) {
  for (const std::string& name : adapters(call)) {
    if (!marked(name, preset)) continue;
    try {
      IpPipeline pipeline = open_ip_adapter(call, name);
      if (pipeline.adapter.config.kind != preset.kind ||
          !models::ip_adapter_mismatch(pipeline.adapter, nullptr, &model).empty())
        continue;
      pipeline.vision = find_fitting_vision(call, pipeline.adapter);
      // ViT-bigG has 48 layers, ViT-H has 32.
      if (pipeline.vision && (pipeline.vision->layers > 40) == preset.vision_g) return pipeline;
    } catch (const Error&) {
      continue;
    }
  }
  throw Error(Fault::kMissing, std::string("no IP-Adapter of the kind '") + preset.name + "' for " +
                                   models::family_name(model.family) +
                                   " with the CLIP vision encoder it needs is in the model folders")
      .at_input("preset")
      .fix("docs/models.md lists the published files; they go into ipadapter/ and clip_vision/");
}

Outputs load_unified(Call& call) {
  const auto& model = call.link<models::ModelHandle>("model");
  const auto preset =
      std::find_if(kPresets.begin(), kPresets.end(), [&](const Preset& p) { return p.name == call.text("preset"); });
  return {Value("MODEL", model), Value("IPADAPTER", find_pipeline(call, model, *preset))};
}

// --- Applying ---

Tensor optional_tensor(Call& call, std::string_view input) { return call.has(input) ? call.tensor(input) : Tensor(); }

IpApplication application(Call& call, const char* weight_type, bool unfold) {
  IpApplication how;
  how.weight.type = weight_type;
  how.start_at = call.number("start_at");
  how.end_at = call.number("end_at");
  how.mask = optional_tensor(call, "attn_mask");
  how.unfold_batch = unfold;
  return how;
}

// The weight input, a number or one for each picture of a batch; where pictures are not apart the first one counts.
void set_weight(Call& call, IpApplication& how) {
  const auto* list = call.peek<NumberList>("weight");
  if (!list || list->values.empty()) {
    how.weight.weight = call.number("weight");
  } else if (how.unfold_batch) {
    how.weight.weight = 1.0;
    how.sample_weights.assign(list->values.begin(), list->values.end());
  } else {
    how.weight.weight = list->values.front();
  }
}

// Everything the application nodes have in common: checks, encoding, tokens.
Outputs apply(Call& call, const Tensor& picture, const IpApplication& how, models::IpCombine combine,
              const Tensor& composition = {}) {
  const auto& pipeline = call.link<IpPipeline>("ipadapter");
  const auto& vision = need_vision(call, pipeline);
  const auto& model = call.link<models::ModelHandle>("model");
  require_adapter_fits(call, pipeline, &vision, &model);
  tell_of_crop(call, picture);
  if (combine == models::IpCombine::kConcat) tell_of_blending(call, picture.dim(0), how.unfold_batch);
  const bool hidden = pipeline.adapter.config.takes_hidden_states();
  const auto embeds = models::ip_embeds(vision, picture, hidden, optional_tensor(call, "image_negative"));
  const Tensor other = composition.defined() ? models::ip_encode_images(vision, composition, hidden) : Tensor();
  return {apply_ip_adapter(model, pipeline, models::ip_tokens(pipeline.adapter, embeds, combine, other), how)};
}

Outputs apply_simple(Call& call) {
  const std::string& type = call.text("weight_type");
  IpApplication how = application(call,
                                  type == "style transfer"             ? "style transfer"
                                  : type == "prompt is more important" ? "ease out"
                                                                       : "linear",
                                  false);
  set_weight(call, how);
  return apply(call, call.tensor("image"), how, models::IpCombine::kConcat);
}

Outputs apply_advanced(Call& call, bool unfold) {
  IpApplication how = application(call, call.text("weight_type").c_str(), unfold);
  set_weight(call, how);
  how.scaling = models::ip_scaling(call.text("embeds_scaling"));
  return apply(call, call.tensor("image"), how,
               unfold ? models::IpCombine::kConcat : models::ip_combine(call.text("combine_embeds")));
}

// The precise types: `boost` names the input that says how strongly the other part is pushed away.
Outputs apply_precise(Call& call, const char* boost) {
  const bool style = boost == std::string_view("style_boost");
  IpApplication how = application(call, style ? "style transfer precise" : "composition precise", false);
  set_weight(call, how);
  (style ? how.weight.style_boost : how.weight.composition_boost) = call.number(boost);
  how.scaling = models::ip_scaling(call.text("embeds_scaling"));
  return apply(call, call.tensor("image"), how, models::ip_combine(call.text("combine_embeds")));
}

Outputs apply_style_composition(Call& call) {
  IpApplication how =
      application(call, call.flag("expand_style") ? "strong style and composition" : "style and composition", false);
  how.weight.weight = call.number("weight_style");
  how.weight.composition_weight = call.number("weight_composition");
  how.scaling = models::ip_scaling(call.text("embeds_scaling"));
  return apply(call, call.tensor("image_style"), how, models::ip_combine(call.text("combine_embeds")),
               call.tensor("image_composition"));
}

Outputs apply_embeds(Call& call, bool unfold) {
  const auto& pipeline = call.link<IpPipeline>("ipadapter");
  const auto& model = call.link<models::ModelHandle>("model");
  const auto* vision = find_vision(call, pipeline);
  require_adapter_fits(call, pipeline, vision, &model);
  models::IpEmbeds embeds{call.link<IpEmbed>("pos_embed").rows, {}};
  const int64_t count = embeds.cond.dim(0);
  if (const auto* negative = call.peek<IpEmbed>("neg_embed")) embeds.uncond = negative->rows;
  else if (pipeline.adapter.config.takes_hidden_states())
    embeds.uncond = models::ip_encode_images(need_vision(call, pipeline), Tensor::zeros({1, 224, 224, 3}), true);
  else embeds.uncond = Tensor::zeros(embeds.cond.shape());
  embeds.uncond = image::fit_batch(embeds.uncond, count);
  IpApplication how = application(call, call.text("weight_type").c_str(), unfold);
  set_weight(call, how);
  how.scaling = models::ip_scaling(call.text("embeds_scaling"));
  return {apply_ip_adapter(model, pipeline, models::ip_tokens(pipeline.adapter, embeds), how)};
}

Outputs foresee_apply(Call& call, bool unfold) {
  for (const char* input : {"image", "image_style"}) foretell_crop(call, input);
  // Where a node has ways to combine pictures, one is chosen knowingly.
  if (!call.has("combine_embeds") || call.text("combine_embeds") == "concat") foretell_blending(call, "image", unfold);
  const auto* model = call.peek<models::ModelHandle>("model");
  if (const auto* pipeline = call.peek<IpPipeline>("ipadapter"))
    require_adapter_fits(call, *pipeline, find_vision(call, *pipeline), model);
  return {model ? Value("MODEL", *model) : Value()};
}

Outputs foresee_together(Call& call) { return foresee_apply(call, false); }

// --- Embeds ---

Outputs encode(Call& call) {
  const auto& pipeline = call.link<IpPipeline>("ipadapter");
  const auto& vision = need_vision(call, pipeline);
  require_adapter_fits(call, pipeline, &vision, nullptr);
  const bool hidden = pipeline.adapter.config.takes_hidden_states();
  auto embeds = models::ip_embeds(vision, call.tensor("image"), hidden, {}, optional_tensor(call, "mask"));
  const double weight = call.number("weight");
  if (weight != 1.0) embeds.cond = ops::affine(embeds.cond, static_cast<float>(weight));
  return {Value("EMBEDS", IpEmbed{std::move(embeds.cond)}), Value("EMBEDS", IpEmbed{std::move(embeds.uncond)})};
}

Outputs combine(Call& call) {
  std::vector<Tensor> parts;
  for (const char* input : {"embed1", "embed2", "embed3", "embed4", "embed5"})
    if (call.has(input)) parts.push_back(call.link<IpEmbed>(input).rows);
  return {
      Value("EMBEDS", IpEmbed{models::combine_embeds(ops::concat(parts, 0), models::ip_combine(call.text("method")))})};
}

// --- Declarations ---

std::vector<std::string> weight_types() {
  const auto names = models::ip_weight_types();
  return {names.begin(), names.end()};
}
std::vector<std::string> scalings() { return {"V only", "K+V", "K+V w/ C penalty", "K+mean(V) w/ C penalty"}; }
std::vector<std::string> combinations() { return {"concat", "add", "subtract", "average", "norm average"}; }
In weight_input(std::string name, double max) {
  return Float(std::move(name))
      .def(1.0)
      .range(-1.0, max)
      .step(0.05)
      .tip("How much the picture counts: 0.5 to 0.8 leaves room for the prompt.");
}
In start_input() {
  return Float("start_at")
      .def(0.0)
      .range(0.0, 1.0)
      .step(0.001)
      .tip("When the picture begins to count, 0 being the start of the denoising.");
}
In end_input() { return Float("end_at").def(1.0).range(0.0, 1.0).step(0.001).tip("When it ceases to count."); }
In weight_type_input() {
  return Choice("weight_type", weight_types())
      .tip("How the weight is spread over the model's layers: all, only style, only composition.");
}
In scaling_input() { return Choice("embeds_scaling", scalings()).tip("What the weight multiplies."); }
In combine_input() {
  return Choice("combine_embeds", combinations()).tip("How several reference pictures become one.");
}
In negative_input() { return Link("image_negative", "IMAGE").optional().tip("What the result should not be like."); }
In mask_input() { return Link("attn_mask", "MASK").optional().tip("Where the pictures count."); }
In vision_input() {
  return Link("clip_vision", "CLIP_VISION")
      .optional()
      .tip("Needed with IPAdapterModelLoader; the unified loader brings its own.");
}

void register_apply(Table& table) {
  table.add(
      {.name = "IPAdapter",
       .display = "IPAdapter",
       .category = "ipadapter",
       .description = "Lets reference pictures steer a model.",
       .inputs = {Link("model", "MODEL"), Link("ipadapter", "IPADAPTER"), Link("image", "IMAGE"),
                  weight_input("weight", 3.0), start_input(), end_input(),
                  Choice("weight_type", {"standard", "prompt is more important", "style transfer"}), mask_input()},
       .outputs = {{"MODEL"}},
       .run = apply_simple,
       .foresee = foresee_together});
  table.add({.name = "IPAdapterAdvanced",
             .display = "IPAdapter Advanced",
             .category = "ipadapter",
             .description = "Lets reference pictures steer a model, with every knob.",
             .inputs = {Link("model", "MODEL"), Link("ipadapter", "IPADAPTER"), Link("image", "IMAGE"),
                        weight_input("weight", 5.0), weight_type_input(), combine_input(), start_input(), end_input(),
                        scaling_input(), negative_input(), mask_input(), vision_input()},
             .outputs = {{"MODEL"}},
             .run = [](Call& call) { return apply_advanced(call, false); },
             .foresee = foresee_together});
  table.add({.name = "IPAdapterBatch",
             .display = "IPAdapter Batch (Adv.)",
             .category = "ipadapter",
             .description = "Each reference picture steers one picture of the batch.",
             .inputs = {Link("model", "MODEL"), Link("ipadapter", "IPADAPTER"), Link("image", "IMAGE"),
                        weight_input("weight", 5.0), weight_type_input(), start_input(), end_input(), scaling_input(),
                        Int("encode_batch_size").def(0).range(0, 4096).optional(), negative_input(), mask_input(),
                        vision_input()},
             .outputs = {{"MODEL"}},
             .run = [](Call& call) { return apply_advanced(call, true); },
             .foresee = [](Call& call) { return foresee_apply(call, true); }});
  const auto precise = [&](const char* name, const char* display, const char* description, const char* boost,
                           double value) {
    table.add(
        {.name = name,
         .display = display,
         .category = "ipadapter/style_composition",
         .description = description,
         .inputs = {Link("model", "MODEL"), Link("ipadapter", "IPADAPTER"), Link("image", "IMAGE"),
                    weight_input("weight", 5.0), Float(boost).def(value).range(-5.0, 5.0).step(0.05), combine_input(),
                    start_input(), end_input(), scaling_input(), negative_input(), mask_input(), vision_input()},
         .outputs = {{"MODEL"}},
         .run = [boost](Call& call) { return apply_precise(call, boost); },
         .foresee = foresee_together});
  };
  precise("IPAdapterPreciseStyleTransfer", "IPAdapter Precise Style Transfer",
          "Takes the style of a picture and keeps its composition out.", "style_boost", 1.0);
  precise("IPAdapterPreciseComposition", "IPAdapter Precise Composition",
          "Takes the composition of a picture and keeps its style out.", "composition_boost", 0.0);
  table.add({.name = "IPAdapterStyleComposition",
             .display = "IPAdapter Style & Composition SDXL",
             .category = "ipadapter/style_composition",
             .description = "Takes the style of one picture and the composition of another.",
             .inputs = {Link("model", "MODEL"), Link("ipadapter", "IPADAPTER"), Link("image_style", "IMAGE"),
                        Link("image_composition", "IMAGE"), weight_input("weight_style", 5.0),
                        weight_input("weight_composition", 5.0), Bool("expand_style").def(false),
                        Choice("combine_embeds", combinations()).def(std::string("average")), start_input(),
                        end_input(), scaling_input(), negative_input(), mask_input(), vision_input()},
             .outputs = {{"MODEL"}},
             .run = apply_style_composition,
             .foresee = foresee_together});
}

void register_embeds(Table& table) {
  const auto embeds_inputs = [] {
    return std::vector<In>{Link("model", "MODEL"),
                           Link("ipadapter", "IPADAPTER"),
                           Link("pos_embed", "EMBEDS"),
                           weight_input("weight", 3.0),
                           weight_type_input(),
                           start_input(),
                           end_input(),
                           scaling_input(),
                           Link("neg_embed", "EMBEDS").optional(),
                           mask_input(),
                           vision_input()};
  };
  table.add({.name = "IPAdapterEmbeds",
             .display = "IPAdapter Embeds",
             .category = "ipadapter/embeds",
             .description = "IPAdapterAdvanced for pictures that are encoded already.",
             .inputs = embeds_inputs(),
             .outputs = {{"MODEL"}},
             .run = [](Call& call) { return apply_embeds(call, false); },
             .foresee = foresee_together});
  table.add({.name = "IPAdapterEmbedsBatch",
             .display = "IPAdapter Embeds Batch",
             .category = "ipadapter/embeds",
             .description = "IPAdapterBatch for pictures that are encoded already.",
             .inputs = embeds_inputs(),
             .outputs = {{"MODEL"}},
             .run = [](Call& call) { return apply_embeds(call, true); },
             .foresee = foresee_together});
  table.add({.name = "IPAdapterEncoder",
             .display = "IPAdapter Encoder",
             .category = "ipadapter/embeds",
             .description = "Encodes reference pictures for an adapter.",
             .inputs = {Link("ipadapter", "IPADAPTER"), Link("image", "IMAGE"),
                        Float("weight").def(1.0).range(-1.0, 3.0).step(0.01),
                        Link("mask", "MASK").optional().tip("What of the pictures is to be seen."), vision_input()},
             .outputs = {{"EMBEDS", "pos_embed"}, {"EMBEDS", "neg_embed"}},
             .run = encode});
  table.add({.name = "IPAdapterCombineEmbeds",
             .display = "IPAdapter Combine Embeds",
             .category = "ipadapter/embeds",
             .description = "Makes one of several encoded pictures.",
             .inputs = {Link("embed1", "EMBEDS"),
                        Choice("method", {"concat", "add", "subtract", "average", "norm average", "max", "min"}),
                        Link("embed2", "EMBEDS").optional(), Link("embed3", "EMBEDS").optional(),
                        Link("embed4", "EMBEDS").optional(), Link("embed5", "EMBEDS").optional()},
             .outputs = {{"EMBEDS"}},
             .run = combine});
}

}  // namespace

void register_ip_adapter_nodes(Table& table) {
  table.add(
      {.name = "IPAdapterUnifiedLoader",
       .display = "IPAdapter Unified Loader",
       .category = "ipadapter",
       .description =
           "Finds the IP-Adapter of a kind that fits the model, and the CLIP vision encoder that fits the adapter.",
       .inputs = {Link("model", "MODEL"), Choice("preset", preset_names()).def(std::string("PLUS (high strength)")),
                  Link("ipadapter", "IPADAPTER").optional()},
       .outputs = {{"MODEL", "model"}, {"IPADAPTER", "ipadapter"}},
       .looks_through = {"ipadapter", "clip_vision"},
       .cheap = true,
       .run = load_unified});
  register_apply(table);
  register_embeds(table);
}

}  // namespace easel::nodes
