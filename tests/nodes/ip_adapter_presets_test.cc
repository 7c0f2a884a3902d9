// The unified loader's presets: which file each of them means for which model.
#include <gtest/gtest.h>

#include "artifacts/folder_store.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "models/checkpoint/checkpoint.h"
#include "node_api/table.h"
#include "nodes/ip_adapter/ip_adapter_apply.h"
#include "nodes/standard_table.h"
#include "support/tiny_models.h"

namespace easel::nodes {
namespace {

class IpAdapterPresets : public ::testing::Test {
 protected:
  // The adapter's and the encoder's file.
  std::pair<std::string, std::string> chosen(const std::string& checkpoint, const std::string& preset) {
    const auto model = models::load_checkpoint(formats::open_model_file(folders_.find("checkpoints", checkpoint)),
                                               residency_, DType::kF32)
                           .model;
    artifacts::FolderStore store{artifacts::Directories()};
    Context context{folders_, residency_, files_, store};
    const workflow::NodeSpec* spec = standard_table().find("IPAdapterUnifiedLoader");
    Call call(context, *spec, "1", {{{"preset", preset}}, {{"model", computed<models::ModelHandle>(model)}}});
    const Outputs outputs = standard_table().entry(*spec).node.run(call);
    const auto& pipeline = outputs.at(1).as<IpPipeline>();
    return {pipeline.adapter.file, pipeline.vision->file};
  }
  const library::Folders folders_{testing::tiny_models_dir()};
  memory::Residency residency_;
  library::ModelFiles files_;
};

TEST_F(IpAdapterPresets, OfSd15) {
  const auto file = [&](const char* preset) { return chosen("v1-5-pruned-emaonly.safetensors", preset).first; };
  EXPECT_EQ(file("LIGHT - SD1.5 only (low strength)"), "ip-adapter_sd15_light.bin");
  EXPECT_EQ(file("STANDARD (medium strength)"), "ip-adapter_sd15.bin");
  EXPECT_EQ(file("PLUS (high strength)"), "ip-adapter-plus_sd15.bin");
  EXPECT_EQ(file("PLUS FACE (portraits)"), "ip-adapter-plus-face_sd15.safetensors");
  EXPECT_EQ(file("FULL FACE - SD1.5 only (portraits stronger)"), "ip-adapter-full-face_sd15.safetensors");
  EXPECT_THROW(file("VIT-G (medium strength)"), Error);
}

TEST_F(IpAdapterPresets, OfSdxl) {
  const char* model = "sd_xl_base_1.0.safetensors";
  const auto standard = chosen(model, "STANDARD (medium strength)"), big = chosen(model, "VIT-G (medium strength)");
  EXPECT_EQ(standard.first, "ip-adapter_sdxl_vit-h.safetensors");
  EXPECT_EQ(big.first, "ip-adapter_sdxl.bin");
  EXPECT_NE(standard.second, big.second);
  EXPECT_EQ(chosen(model, "PLUS (high strength)").first, "ip-adapter-plus_sdxl_vit-h.safetensors");
  EXPECT_THROW(chosen(model, "LIGHT - SD1.5 only (low strength)"), Error);
}

}  // namespace
}  // namespace easel::nodes
