// Every node of the table, run at least once: cases.json gives its inputs and what must come out, in words. Nodes it
// takes its links from are under "base" there. A node without a case fails the last test.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "artifacts/folder_store.h"
#include "base/atomic_file.h"
#include "engine/arguments.h"
#include "formats/pictures/picture.h"
#include "formats/tensors/safetensors.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "models/diffusion_model.h"
#include "models/gligen/gligen.h"
#include "models/patch/hooks.h"
#include "models/text/text_encoder.h"
#include "models/upscale/upscaler.h"
#include "models/vision/style_model.h"
#include "node_api/files.h"
#include "nodes/common/sampling_values.h"
#include "nodes/conditioning/hook_links.h"
#include "nodes/extensions/lora_stack.h"
#include "nodes/extensions/networks/rembg_session.h"
#include "nodes/ip_adapter/ip_adapter_apply.h"
#include "nodes/standard_table.h"
#include "nodes/younger_inputs.h"
#include "support/paths.h"
#include "support/square_detector.h"
#include "support/tiny_models.h"
#include "workflow/validate.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;
using testing::younger_inputs;
using workflow::Json;

const Json& cases() {
  static const Json json = workflow::parse_json(read_file(fs::path(testing::kSourceDir) / "tests/nodes/cases.json"));
  return json;
}

// --- Values in words ---

std::string shape(const Tensor& t) {
  if (!t.defined()) return "none";
  std::string out;
  for (int i = 0; i < t.rank(); ++i) out += (i ? "x" : "") + std::to_string(t.dim(i));
  return out;
}

std::string from_to(double start, double end) { return "from " + std::to_string(start) + " to " + std::to_string(end); }

std::string in_words(const models::Conditioning& list) {
  std::string out;
  for (const auto& entry : list) {
    out += (out.empty() ? " " : ", ") + shape(entry.cond);
    if (entry.pooled_output.defined()) out += " pooled " + shape(entry.pooled_output);
    if (entry.area) out += " in an area";
    if (entry.mask.defined()) out += " in a mask " + shape(entry.mask);
    if (entry.start_percent || entry.end_percent)
      out += " " + from_to(entry.start_percent.value(), entry.end_percent.value());
    if (entry.hooks) out += " hooked";
    if (entry.is_default) out += " by default";
    if (entry.strength != 1.0f) out += " weakened";
    if (entry.control) out += " with a hint " + shape(entry.control->hint);
    if (entry.gligen) out += " with " + std::to_string(entry.gligen->boxes.size()) + " boxes";
    if (!entry.unclip.empty()) out += " with a picture " + shape(entry.unclip.front().embedding.image_embeds);
    if (entry.concat_latent_image.defined()) out += " beside " + shape(entry.concat_latent_image);
    if (entry.concat_mask.defined()) out += " masked " + shape(entry.concat_mask);
  }
  return out;
}

std::string in_words(const models::HookKeyframes& keyframes) {
  std::string out;
  for (const models::HookKeyframe& k : keyframes.all())
    out += " " + std::to_string(k.start_percent) + "=" + std::to_string(k.strength) + " for " +
           std::to_string(k.guarantee_steps);
  return out;
}

// How many there are, and the last one's strengths.
std::string in_words(const models::HookGroup& hooks) {
  const models::WeightHook& last = hooks.all().back();
  return " " + std::to_string(hooks.all().size()) + " " + std::to_string(last.strength_model) + " " +
         std::to_string(last.strength_clip) + (last.keyframes ? in_words(*last.keyframes) : "");
}

std::string in_words(const models::ModelHandle& model) {
  std::string out = std::string(" ") + models::family_name(&model.family());
  const auto count = [&](size_t n, const char* what) {
    if (n) out += std::string(" + ") + std::to_string(n) + " " + what;
  };
  for (const char* kind : {"adapter", "hook", "guidance"})
    count(static_cast<size_t>(std::count_if(model.patches.begin(), model.patches.end(),
                                            [&](const models::ModelPatchPtr& patch) { return patch->kind() == kind; })),
          kind);
  return out;
}

// The type and the shape of a value; of small ones the value itself.
std::string in_words(const Value& value) {
  if (value.empty()) return "nothing";
  std::string out = value.type();
  if (const auto* t = value.get<Tensor>()) return out + " " + shape(*t);
  if (const auto* latent = value.get<Latent>()) {
    out += " " + shape(latent->samples);
    if (latent->noise_mask.defined()) out += " masked " + shape(latent->noise_mask);
    for (const int64_t index : latent->batch_index) out += " #" + std::to_string(index);
    return out;
  }
  if (const auto* list = value.get<models::Conditioning>()) return out + in_words(*list);
  if (const auto* model = value.get<models::ModelHandle>()) return out + in_words(*model);
  if (const auto* clip = value.get<models::ClipHandle>())
    return out + " " + std::to_string(clip->encoder->context_dim()) +
           (clip->stop_at_layer ? " until " + std::to_string(*clip->stop_at_layer) : "") +
           (clip->hooks ? " hooked in " + std::to_string(clip->schedule.size()) + " parts" : "");
  if (const auto* hooks = value.get<models::HookGroupPtr>()) return out + (*hooks ? in_words(**hooks) : " none");
  if (const auto* frames = value.get<std::shared_ptr<const models::HookKeyframes>>()) return out + in_words(**frames);
  if (const auto* range = value.get<TimestepsRange>()) return out + " " + from_to(range->start, range->end);
  if (const auto* vae = value.get<models::VaeHandle>()) return out + (vae->vae ? "" : " without a model");
  if (const auto* net = value.get<models::ControlNetHandle>()) return out + (net->t2i_adapter ? " T2I-Adapter" : "");
  if (const auto* vision = value.get<models::ClipVisionHandle>())
    return out + " " + std::to_string(vision->hidden_size) + " to " + std::to_string(vision->projection_dim);
  if (const auto* seen = value.get<models::ClipVisionOutput>())
    return out + " " + shape(seen->image_embeds) + " and " + shape(seen->penultimate_hidden_states);
  if (const auto* style = value.get<models::StyleModelHandle>()) return out + " " + std::to_string(style->context_dim);
  if (const auto* net = value.get<models::UpscalerHandle>()) return out + " x" + std::to_string(net->config.scale);
  if (const auto* pipeline = value.get<IpPipeline>()) return out + (pipeline->vision ? " with its encoder" : "");
  if (const auto* pair = value.get<IpEmbedsPair>())
    return out + " " + shape(pair->embeds.cond) + " against " + shape(pair->embeds.uncond);
  if (const auto* embed = value.get<IpEmbed>()) return out + " " + shape(embed->rows);
  if (const auto* levels = value.get<Sigmas>()) return out + " " + std::to_string(levels->size());
  if (const auto* sampler = value.get<SamplerChoice>()) return out + " " + sampler->name;
  if (const auto* noise = value.get<NoiseChoice>())
    return out + (noise->none ? " none" : " " + std::to_string(noise->seed));
  if (const auto* session = value.get<RembgSession>()) return out + " " + session->network.file;
  if (const auto* guider = value.get<Guider>()) return out + in_words(guider->positive);
  if (const auto* v = value.get<int64_t>()) return out + " " + std::to_string(*v);
  if (const auto* v = value.get<double>()) return out + " " + std::to_string(*v);
  if (const auto* v = value.get<bool>()) return out + (*v ? " true" : " false");
  if (const auto* v = value.get<std::string>()) return out + " " + *v;
  if (const auto* stack = value.get<LoraStack>()) {
    for (const LoraStack::Entry& entry : stack->entries)
      out += (&entry == stack->entries.data() ? " " : ", ") + entry.file + " " + std::to_string(entry.model_strength) +
             " " + std::to_string(entry.clip_strength);
    return out;
  }
  if (const auto* list = value.get<ValueList>()) {
    for (const Value& item : list->items) out += " [" + in_words(item) + "]";
    return out;
  }
  if (const auto* v = value.get<NumberList>()) return out + " list of " + std::to_string(v->values.size());
  static const std::set<std::string> kNamed{"LATENT_OPERATION",
                                            "CONTROL_NET_WEIGHTS",
                                            "TIMESTEP_KEYFRAME",
                                            "LATENT_KEYFRAME",
                                            "CN_WEIGHTS_EXTRAS",
                                            "DEPENDENCIES",
                                            "SDXL_TUPLE",
                                            "SCRIPT",
                                            "XY",
                                            "BASIC_PIPE",
                                            "NUMBER",
                                            "SEED",
                                            "BBOX_DETECTOR",
                                            "SEGM_DETECTOR",
                                            "DETAILER_PIPE",
                                            "SAM_MODEL",
                                            "BUS",
                                            "IPADAPTER_PARAMS",
                                            "WEIGHTS_STRATEGY",
                                            "PIPE_LINE",
                                            "POSE_KEYPOINT",
                                            "CONTROL_NET_STACK",
                                            "DICT",
                                            "GLIGEN",
                                            "INPAINT_PATCH",
                                            "INPAINT_MODEL",
                                            "PHOTOMAKER",
                                            "Regions",
                                            "SEGS",
                                            "STITCHER",
                                            "TileLayout"};
  if (kNamed.contains(value.type())) return out;
  return out + " of a C++ type this test does not know";
}

// What was foreseen against what came; empty where they agree.
std::string disagreement(const Value& foreseen, const Value& made) {
  if (foreseen.empty()) return {};
  if (foreseen.type() != made.type()) return "a " + foreseen.type() + " was foreseen, a " + made.type() + " came";
  if (const auto* picture = foreseen.get<ForeseenPicture>()) {
    const auto& t = made.as<Tensor>();
    if (!(t.shape() == Shape{picture->count, picture->height, picture->width, picture->channels}))
      return "a picture of another size was foreseen than " + t.str();
  }
  if (const auto* mask = foreseen.get<ForeseenMask>()) {
    const auto& t = made.as<Tensor>();
    if (!(t.shape() == Shape{mask->count, mask->height, mask->width}))
      return "a mask of another size was foreseen than " + t.str();
  }
  if (const auto* latent = foreseen.get<ForeseenLatent>()) {
    const Tensor& t = made.as<Latent>().samples;
    if (!(t.shape() == Shape{latent->count, latent->height, latent->width, latent->channels}))
      return "a latent of another size was foreseen than " + t.str();
  }
  return {};
}

// Outputs, by their nodes and places, of whose sizes nothing is known before they are computed.
const std::set<std::string>& unforeseeable() {
  static const std::set<std::string> kOutputs{
      "ImageListToBatch+ 0",  // as many as a list has, and lists are not foreseen
      "ImageListToImageBatch 0",
      "MaskListToMaskBatch 0",
      "ImpactSEGSToMaskBatch 0",  // as many as parts are found
      "SAMDetectorSegmented 1",
      "ETN_ListRegionMasks 0",
      "ETN_ExtractImageTile 0",  // by a layout that follows from the picture when it is there
      "ETN_ExtractMaskTile 0",
      "ETN_GenerateTileMask 0",
      "KSampler (Efficient) 3",  // a plot of as many pictures as its axes say
      "KSampler (Efficient) 5",
      "LoadImage 1",  // as large as the picture, or a small one, by whether the file has transparency
      "ETN_LoadImageBase64 1",
      "ETN_LoadImageCache 1",
      "IPAdapterNoise 0",  // small: pictures and masks for vision encoders
      "IPAdapterTiled 1",
      "IPAdapterTiled 2",
      "IPAdapterTiledBatch 1",
      "IPAdapterTiledBatch 2",
      "IPAdapterWeights 3",  // parts of pictures that come in
      "IPAdapterWeights 4",
      "IPAdapterWeightsFromStrategy 3",
      "IPAdapterWeightsFromStrategy 4",
      "INPAINT_VAEEncodeInpaintConditioning 2",  // no larger than the picture that is encoded
      "INPAINT_VAEEncodeInpaintConditioning 3",
  };
  return kOutputs;
}

bool has_a_size(const Value& value) {
  return value.type() == "IMAGE" || value.type() == "MASK" || value.type() == "LATENT";
}

// --- Running ---

// The table with every node as an output, so that validation looks at all of them.
class EveryNodeAnOutput final : public workflow::NodeTable {
 public:
  std::vector<const workflow::NodeSpec*> forms(std::string_view class_type) const override {
    std::vector<const workflow::NodeSpec*> out;
    for (const auto* form : standard_table().forms(class_type)) {
      workflow::NodeSpec& copy = copies_[form];
      if (copy.class_type.empty()) copy = *form;
      copy.output_node = true;
      out.push_back(&copy);
    }
    return out;
  }
  std::vector<const workflow::NodeSpec*> list() const override { return standard_table().list(); }

 private:
  mutable std::map<const workflow::NodeSpec*, workflow::NodeSpec> copies_;
};

// Files to read, and what nodes of earlier cases have made.
class Runner {
 public:
  Runner() {
    fs::remove_all(root_);
    write_text_encoder("v1-5-pruned-emaonly.safetensors", "cond_stage_model.transformer.", "clip_l.safetensors");
    write_text_encoder("sd_xl_base_1.0.safetensors", "conditioner.embedders.1.model.", "clip_g.safetensors");
    write_upscaler();
    write_inpaint_patch();
    testing::write_square_detector(root_ / "ultralytics" / "segm" / "shapes.pt", {.masks = true});
    fs::create_directories(root_ / "input");
    Tensor pixels = Tensor::zeros({1, 24, 32, 3});
    for (int64_t i = 0; i < pixels.numel(); ++i) pixels.f32()[i] = static_cast<float>(i % 256) / 255.0f;
    formats::save_png(root_ / "input" / "picture.png", pixels);
    fs::create_directories(root_ / "temp" / "exchange");
    formats::save_png(root_ / "temp" / "exchange" / "given.picture", pixels);
    TensorMap latent;
    latent.set("latent_tensor", Tensor::zeros({1, 4, 5, 6}));
    latent.set("latent_format_version_0", Tensor(Shape{0}));
    formats::write_safetensors(root_ / "input" / "saved.latent", latent);
    folders_.add("text_encoders", root_ / "text_encoders");
    folders_.add("upscale_models", root_ / "upscale_models");
    folders_.add("ultralytics", root_ / "ultralytics");
    folders_.add("inpaint", root_ / "inpaint");
  }
  ~Runner() { fs::remove_all(root_); }

  // A base prompt with the case as node "x". Throws when it is not valid.
  workflow::Prompt checked(const Json& example) {
    Json prompt = cases()["base"];
    prompt["x"] = {{"class_type", example["node"]}, {"inputs", example["inputs"]}};
    const EveryNodeAnOutput table;
    const FolderChoices choices(folders_, store_);
    const auto validation = workflow::validate(workflow::parse_prompt(prompt), table, choices, {"x"});
    if (!validation.flawless()) validation.raise();
    return validation.prompt;
  }

  // Before anything is computed, with these words.
  void expect_refused(const workflow::Prompt& prompt, const std::string& words) {
    const workflow::PromptNode& node = *prompt.find("x");
    const TableEntry& entry = entry_of(node);
    Call call(context_, entry.spec, "x", engine::make_arguments(node, entry.spec, [&](const workflow::Link& link) {
                return run(prompt, link.node).at(static_cast<size_t>(link.slot));
              }));
    try {
      entry.node.check(call);
      ADD_FAILURE() << "it was accepted";
    } catch (const Error& e) {
      EXPECT_NE(e.message().find(words), std::string::npos) << e.what();
      EXPECT_NE(e.advice(), "");
    }
  }

  static const TableEntry& entry_of(const workflow::PromptNode& node) {
    return standard_table().entry(*standard_table().find(node.class_type, node.input_names()));
  }

  const Outputs& run(const workflow::Prompt& prompt, const std::string& id, Ui* ui = nullptr) {
    if (const auto it = made_.find(id); it != made_.end() && id != "x") return it->second;
    const workflow::PromptNode& node = *prompt.find(id);
    const TableEntry& entry = entry_of(node);
    const auto follow = [&](const workflow::Link& link) {
      return run(prompt, link.node).at(static_cast<size_t>(link.slot));
    };
    Call call(context_, entry.spec, id, engine::make_arguments(node, entry.spec, follow));
    Outputs outputs = entry.node.run(call);
    if (ui) *ui = call.ui();
    return made_[id] = std::move(outputs);
  }

  // What is known of the outputs before anything runs.
  Outputs foresee(const workflow::Prompt& prompt, const std::string& id) {
    if (const auto it = foreseen_.find(id); it != foreseen_.end() && id != "x") return it->second;
    const workflow::PromptNode& node = *prompt.find(id);
    const TableEntry& entry = entry_of(node);
    bool complete = true;
    const auto follow = [&](const workflow::Link& link) {
      const Outputs known = foresee(prompt, link.node);
      const auto slot = static_cast<size_t>(link.slot);
      const Value value = slot < known.size() ? known[slot] : Value();
      complete = complete && !value.empty();
      return value;
    };
    Call call(context_, entry.spec, id, engine::make_arguments(node, entry.spec, follow));
    Outputs known;
    if (entry.node.foresee) known = entry.node.foresee(call);
    else if (entry.node.runs_when_checked && complete) known = entry.node.run(call);
    return foreseen_[id] = known;
  }

 private:
  void write_text_encoder(const char* checkpoint, const std::string& prefix, const char* name) {
    const StoredTensors file = formats::read_safetensors(MappedFile::open(folders_.find("checkpoints", checkpoint)));
    StoredTensors out;
    for (const auto& [key, tensor] : file)
      if (key.starts_with(prefix)) out.set(key.substr(prefix.size()), tensor);
    fs::create_directories(root_ / "text_encoders");
    formats::write_safetensors(root_ / "text_encoders" / name, out);
  }

  // A compact network that doubles a picture.
  void write_upscaler() {
    TensorMap file;
    file.set("body.0.weight", Tensor::zeros({4, 3, 3, 3}));
    file.set("body.0.bias", Tensor::zeros({4}));
    file.set("body.1.weight", Tensor::zeros({4}));
    file.set("body.2.weight", Tensor::zeros({12, 4, 3, 3}));
    file.set("body.2.bias", Tensor::zeros({12}));
    fs::create_directories(root_ / "upscale_models");
    formats::write_safetensors(root_ / "upscale_models" / "twice.safetensors", file);
  }

  // Fooocus' two files, for the small SDXL model: a head, and the difference of one bias.
  void write_inpaint_patch() {
    const StoredTensors sdxl =
        formats::read_safetensors(MappedFile::open(folders_.find("checkpoints", "sd_xl_base_1.0.safetensors")));
    const std::string bias = "diffusion_model.input_blocks.0.0.bias";
    const int64_t channels = sdxl.find("model." + bias)->dim(0);
    fs::create_directories(root_ / "inpaint");
    TensorMap head, patch;
    head.set("head", Tensor::zeros({channels, 5, 3, 3}));
    formats::write_safetensors(root_ / "inpaint" / "fooocus_inpaint_head.safetensors", head);
    for (const char* part : {".0", ".1", ".2"})
      patch.set(bias + part, Tensor::zeros(part == std::string(".0") ? Shape{channels} : Shape{1}));
    formats::write_safetensors(root_ / "inpaint" / "inpaint_v26.fooocus.patch", patch);
  }

  const fs::path root_ = fs::temp_directory_path() / ("easel-cases-" + std::to_string(getpid()));
  library::Folders folders_{testing::tiny_models_dir()};
  memory::Residency residency_;
  library::ModelFiles files_;
  artifacts::FolderStore store_{{root_ / "input", root_ / "output", root_ / "temp"}};
  Context context_{.folders = folders_, .residency = residency_, .files = files_, .artifacts = store_};
  std::map<std::string, Outputs> made_, foreseen_;
};

// One process runs all of them, so that the base is made once.
TEST(NodeCases, GiveTheExpectedOutputs) {
  Runner runner;
  for (const Json& example : cases()["cases"]) {
    SCOPED_TRACE(example["node"].get<std::string>());
    try {
      const workflow::Prompt prompt = runner.checked(example);
      if (example.contains("refused")) {
        runner.expect_refused(prompt, example["refused"]);
        continue;
      }
      const Outputs known = runner.foresee(prompt, "x");
      Ui shown;
      const Outputs& made = runner.run(prompt, "x", &shown);
      Json words = Json::array();
      for (const Value& value : made) words.push_back(in_words(value));
      for (const auto& [list, files] : shown) words.push_back(list + " " + std::to_string(files.size()));
      EXPECT_EQ(words, example["outputs"]);
      for (size_t i = 0; i < std::min(known.size(), made.size()); ++i)
        EXPECT_EQ(disagreement(known[i], made[i]), "") << "output " << i;
      for (size_t i = 0; i < made.size(); ++i)
        if (has_a_size(made[i]) && !made[i].get<ValueList>() &&
            !unforeseeable().contains(example["node"].get<std::string>() + " " + std::to_string(i))) {
          EXPECT_TRUE(i < known.size() && known[i].bytes() > 0) << "the size of output " << i << " was not foreseen";
        }
      // Types are those that are declared.
      const auto& declared = Runner::entry_of(*prompt.find("x")).spec.outputs;
      ASSERT_EQ(made.size(), declared.size());
      for (size_t i = 0; i < made.size(); ++i)
        EXPECT_TRUE(made[i].empty() || workflow::types_match(made[i].type(), declared[i].type)) << made[i].type();
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

// The values themselves where they are pictures, masks or latents, else what can be said of them.
std::string exactly(const Outputs& made) {
  std::string out;
  for (const Value& value : made) {
    out += in_words(value) + "\n";
    const auto* latent = value.get<Latent>();
    const Tensor* t = latent ? &latent->samples : value.get<Tensor>();
    if (t) out.append(reinterpret_cast<const char*>(t->f32()), static_cast<size_t>(t->numel()) * sizeof(float));
  }
  return out;
}

TEST(NodeCases, WorkflowsOlderThanAnInputMeanItsDefault) {
  Runner runner;
  std::set<std::string> seen;
  for (const Json& example : cases()["cases"]) {
    const std::string type = example["node"];
    std::vector<std::string> given;
    for (const auto& item : example["inputs"].items()) given.push_back(item.key());
    for (const workflow::InputSpec& input : standard_table().find(type, given)->inputs) {
      if (!input.added_later) continue;
      const std::string name = type + "." + input.name;
      SCOPED_TRACE(name);
      EXPECT_TRUE(younger_inputs().contains(name)) << "say in this test what it means to lack it";
      if (!younger_inputs().contains(name)) continue;
      if (!seen.insert(name).second) continue;
      if (example.contains("refused")) continue;  // with or without the input
      Json without = example, with = example;
      // Tiles large enough for any overlap.
      if (example["inputs"].contains("tile_size")) without["inputs"]["tile_size"] = with["inputs"]["tile_size"] = 512;
      without["inputs"].erase(input.name);
      with["inputs"][input.name] = younger_inputs().at(name);
      try {
        const std::string expected = exactly(runner.run(runner.checked(with), "x"));
        EXPECT_EQ(exactly(runner.run(runner.checked(without), "x")), expected);
      } catch (const Error& e) {
        ADD_FAILURE() << e.what();
      }
    }
  }
  EXPECT_EQ(seen.size(), younger_inputs().size());
}

TEST(NodeCases, LeaveNoNodeOut) {
  std::set<const workflow::NodeSpec*> covered;
  for (const Json& example : cases()["cases"]) {
    std::vector<std::string> given;
    for (const auto& item : example["inputs"].items()) given.push_back(item.key());
    covered.insert(standard_table().find(example["node"].get<std::string>(), given));
  }
  for (const auto* listed : standard_table().list())
    for (const auto* form : standard_table().forms(listed->class_type))
      EXPECT_TRUE(covered.count(form)) << form->class_type << " (" << form->category
                                       << ") has no case in tests/nodes/cases.json";
}

}  // namespace
}  // namespace easel::nodes
