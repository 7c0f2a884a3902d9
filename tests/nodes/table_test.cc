#include "node_api/table.h"
#include "artifacts/folder_store.h"
#include "nodes/standard_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "node_api/files.h"
#include "workflow/object_info.h"

namespace easel::nodes {
namespace {

using workflow::Json;

TEST(Table, HoldsTheNodesOfOrdinaryWorkflows) {
  const Table& table = standard_table();
  for (const char* name : {"CheckpointLoaderSimple",
                           "unCLIPCheckpointLoader",
                           "VAELoader",
                           "CLIPLoader",
                           "DualCLIPLoader",
                           "UNETLoader",
                           "LoraLoader",
                           "LoraLoaderModelOnly",
                           "CLIPVisionLoader",
                           "StyleModelLoader",
                           "ControlNetLoader",
                           "CLIPTextEncode",
                           "CLIPTextEncodeSDXL",
                           "CLIPTextEncodeSDXLRefiner",
                           "CLIPSetLastLayer",
                           "ConditioningCombine",
                           "ConditioningConcat",
                           "ConditioningAverage",
                           "ConditioningSetArea",
                           "ConditioningSetAreaPercentage",
                           "ConditioningSetMask",
                           "ConditioningSetTimestepRange",
                           "ConditioningZeroOut",
                           "EmptyLatentImage",
                           "LatentUpscale",
                           "LatentUpscaleBy",
                           "LatentFromBatch",
                           "RepeatLatentBatch",
                           "LatentComposite",
                           "SetLatentNoiseMask",
                           "VAEEncode",
                           "VAEDecode",
                           "VAEEncodeTiled",
                           "VAEDecodeTiled",
                           "VAEEncodeForInpaint",
                           "KSampler",
                           "KSamplerAdvanced",
                           "LoadImage",
                           "LoadImageMask",
                           "SaveImage",
                           "PreviewImage",
                           "ImageScale",
                           "ImageScaleBy",
                           "ImageScaleToTotalPixels",
                           "ImageInvert",
                           "ImageBatch",
                           "ImagePadForOutpaint",
                           "SolidMask",
                           "InvertMask",
                           "GrowMask",
                           "FeatherMask",
                           "MaskComposite",
                           "CropMask",
                           "ImageToMask",
                           "MaskToImage",
                           "CLIPVisionEncode",
                           "unCLIPConditioning",
                           "StyleModelApply",
                           "ControlNetApply",
                           "ControlNetApplyAdvanced",
                           "Canny",
                           "IPAdapterModelLoader",
                           "IPAdapterApply",
                           "IPAdapter",
                           "IPAdapterAdvanced",
                           "IPAdapterBatch",
                           "IPAdapterUnifiedLoader",
                           "IPAdapterEncoder",
                           "PrepImageForClipVision"})
    EXPECT_NE(table.NodeTable::find(name), nullptr) << name;
}

TEST(Table, EveryDeclarationIsWhole) {
  const Table& table = standard_table();
  for (const auto* listed : table.list()) {
    for (const auto* spec : table.forms(listed->class_type)) {
      SCOPED_TRACE(spec->class_type);
      EXPECT_TRUE(table.entry(*spec).node.run);
      EXPECT_FALSE(spec->category.empty());
      EXPECT_FALSE(spec->description.empty());
      EXPECT_TRUE(spec->output_node || !spec->outputs.empty());
      auto last = workflow::Presence::kRequired;
      std::set<std::string> names;
      for (const auto& input : spec->inputs) {
        SCOPED_TRACE(input.name);
        EXPECT_TRUE(names.insert(input.name).second);
        EXPECT_LE(last, input.presence);  // required ones first: widgets are counted in this order
        last = input.presence;
        if (input.is_combo()) {
          // A name for none may stand before the files, and one for the VAE that comes with a checkpoint; ComfyUI's own
          // configurations are known without a file.
          const bool known =
              input.choices_from == "configs" ||
              (input.choices_from == "vae" && input.choices == std::vector<std::string>{"None", "Baked VAE"});
          EXPECT_TRUE(input.choices_from.empty() ? !input.choices.empty() : known || input.choices.size() <= 1);
        }
        // Numbers say where they begin, and lie within their range. What only a link may give begins nowhere.
        const bool given_by_links = input.force_input && input.presence == workflow::Presence::kOptional;
        if ((input.type == "INT" || input.type == "FLOAT") && !given_by_links) {
          const Json value = workflow::to_json(input.default_value), min = workflow::to_json(input.min),
                     max = workflow::to_json(input.max);
          EXPECT_TRUE(value.is_number());
          if (min.is_number()) {
            EXPECT_LE(min.get<double>(), value.get<double>());
          }
          if (max.is_number()) {
            EXPECT_GE(max.get<double>(), value.get<double>());
          }
        }
      }
    }
  }
}

// A foresight whose plain values all come over links that are not known yet is told their defaults. It must not refuse
// those, whatever pictures, masks and latents come in.
TEST(Table, NoForesightRefusesADefaultThatStandsForALinkedValue) {
  const library::Folders folders;
  memory::Residency residency;
  library::ModelFiles files;
  artifacts::FolderStore store{artifacts::Directories()};
  Context context{folders, residency, files, store};
  int asked = 0;
  for (const auto* listed : standard_table().list())
    for (const auto* spec : standard_table().forms(listed->class_type)) {
      const Node& node = standard_table().entry(*spec).node;
      const bool plain =
          std::any_of(node.inputs.begin(), node.inputs.end(), [](const In& in) { return !in.is_link(); });
      if (!node.foresee || !plain) continue;
      for (const int64_t width : {1, 24, 3000})
        for (const int64_t height : {1, 40, 2000}) {
          Call::Arguments arguments;
          for (const In& in : node.inputs) {
            Value& value = arguments.linked[in.spec().name];
            if (!in.is_link()) continue;
            if (in.spec().type == "IMAGE") value = foreseen<Image>({width, height});
            if (in.spec().type == "MASK") value = foreseen<Mask>({width, height});
            if (in.spec().type == "LATENT") value = foreseen<Latent>({1, height, width, 4, 8});
          }
          Call call(context, *spec, "1", std::move(arguments));
          try {
            for (const Value& output : node.foresee(call)) EXPECT_EQ(output.bytes(), 0u) << spec->class_type;
            ++asked;
          } catch (const Error& e) {
            ADD_FAILURE() << spec->class_type << " " << width << "x" << height << ": " << e.what();
          }
        }
    }
  EXPECT_GT(asked, 1000);
}

TEST(Table, FormsOfOneNameAreToldApart) {
  const Table& table = standard_table();
  const auto* older =
      table.NodeTable::find("IPAdapter", {"model", "image", "clip_vision", "weight", "model_name", "dtype"});
  const auto* today = table.NodeTable::find("IPAdapter", {"model", "ipadapter", "image", "weight", "start_at"});
  ASSERT_TRUE(older && today);
  EXPECT_NE(older, today);
  EXPECT_TRUE(older->input("model_name"));
  EXPECT_TRUE(today->input("ipadapter"));
}

// Names with quotes and what looks like a mark of the text, a file named as a choice that is always there, and none.
TEST(Table, ObjectInfoIsTheSameAsText) {
  class Choices final : public workflow::ChoiceProvider {
   public:
    std::vector<std::string> choices(const std::string& source) const override {
      if (source == "loras")
        return {"None", "a \"b\".safetensors",
                "c\x01"
                "0\x01.safetensors"};
      if (source == "checkpoints") return {"d.safetensors"};
      return {};
    }
    bool has_own_check(const std::string&) const override { return false; }
    std::optional<Error> check(const std::string&, const std::string&) const override { return std::nullopt; }
  };
  const std::string text = workflow::object_info_text(standard_table(), Choices());
  EXPECT_EQ(text, workflow::dump_json(workflow::object_info(standard_table(), Choices())));
  EXPECT_NE(text.find("c\\u00010\\u0001.safetensors"), std::string::npos);
}

TEST(Table, ObjectInfoHasComfyUisShape) {
  const library::Folders folders;
  const artifacts::FolderStore store{artifacts::Directories()};
  const FolderChoices choices(folders, store);
  const Json info = workflow::object_info(*standard_table().NodeTable::find("KSampler"), choices);
  EXPECT_EQ(info["input"]["required"]["model"][0], "MODEL");
  const Json& seed = info["input"]["required"]["seed"];
  EXPECT_EQ(seed[0], "INT");
  EXPECT_EQ(seed[1]["max"].get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(seed[1]["control_after_generate"], true);
  const Json& cfg = info["input"]["required"]["cfg"];
  EXPECT_EQ(cfg[1]["default"], 8.0);
  EXPECT_EQ(cfg[1]["step"], 0.1);
  EXPECT_EQ(cfg[1]["round"], 0.01);
  EXPECT_EQ(info["input"]["required"]["sampler_name"][0][0], "euler");
  EXPECT_EQ(info["input_order"]["required"][1], "seed");
  EXPECT_EQ(info["output"], Json::array({"LATENT"}));
  EXPECT_EQ(info["output_is_list"], Json::array({false}));
  EXPECT_EQ(info["output_name"], Json::array({"LATENT"}));
  EXPECT_EQ(info["name"], "KSampler");
  EXPECT_EQ(info["output_node"], false);
  const Json save = workflow::object_info(*standard_table().NodeTable::find("SaveImage"), choices);
  EXPECT_EQ(save["input"]["hidden"]["prompt"], "PROMPT");
  EXPECT_EQ(save["output_node"], true);
}

}  // namespace
}  // namespace easel::nodes
