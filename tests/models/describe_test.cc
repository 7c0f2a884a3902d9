#include "models/checkpoint/describe.h"

#include <gtest/gtest.h>

#include "models_support.h"

namespace easel::models {
namespace {

struct Expected {
  const char *file, *kind, *summary, *fits;
};

// Widths are those of the tiny files.
const Expected kFiles[] = {
    {"checkpoints/v1-5-pruned-emaonly.safetensors", "checkpoint", "SD 1.x checkpoint with VAE and CLIP-L",
     "SD 1.x ControlNets, adapters and LoRAs"},
    {"checkpoints/v2-1_768-ema-pruned.ckpt", "checkpoint", "SD 2.x checkpoint with VAE and OpenCLIP-H",
     "SD 2.x ControlNets, adapters and LoRAs"},
    {"checkpoints/sd21-unclip-h.ckpt", "checkpoint", "SD 2.1 unCLIP-H checkpoint with VAE, OpenCLIP-H and ViT-H/14",
     "SD 2.1 unCLIP-H ControlNets, adapters and LoRAs"},
    {"checkpoints/sd_xl_base_1.0.safetensors", "checkpoint", "SDXL checkpoint with VAE, CLIP-L and OpenCLIP-bigG",
     "SDXL ControlNets, adapters and LoRAs"},
    {"checkpoints/sd_xl_refiner_1.0.safetensors", "checkpoint", "SDXL refiner checkpoint with VAE and OpenCLIP-bigG",
     "SDXL refiner ControlNets, adapters and LoRAs"},
    {"unet/sd15_diffusers.safetensors", "unet", "SD 1.x UNet (diffusers layout)",
     "SD 1.x ControlNets, adapters and LoRAs"},
    {"vae/sdxl_vae.safetensors", "vae", "VAE", "SD 1.x, SD 2.x or SDXL models: the file does not tell which"},
    {"clip_vision/clip_vision_g.safetensors", "clip_vision", "CLIP vision ViT-bigG/14",
     "adapters and models made for ViT-bigG/14"},
    {"clip_vision/style_pytorch_model.bin", "clip", "CLIP model with CLIP-L and ViT-L/14",
     "adapters and models made for ViT-L/14"},
    {"controlnet/control_v11p_sd15_canny_fp16.safetensors", "controlnet", "ControlNet for SD 1.x", "SD 1.x models"},
    {"controlnet/diffusers_xl_canny_mid.safetensors", "controlnet", "ControlNet for SDXL", "SDXL models"},
    {"controlnet/t2iadapter_color_sd14v1.pth", "t2i_adapter", "light T2I-Adapter for SD 1.x", "SD 1.x models"},
    {"controlnet/t2i-adapter_xl_canny.safetensors", "t2i_adapter", "T2I-Adapter for SDXL", "SDXL models"},
    {"ipadapter/ip-adapter-plus_sd15.bin", "ip_adapter", "IP-Adapter (plus) for SD 1.x",
     "SD 1.x models, with a CLIP vision model whose hidden states are 96 wide"},
    {"ipadapter/ip-adapter_sdxl.bin", "ip_adapter", "IP-Adapter (plain) for SDXL",
     "SDXL models, with a CLIP vision model whose embeds are 256 wide"},
    {"style_models/coadapter-style-sd15v1.pth", "style_model", "style model",
     "models with text of width 128, with a CLIP vision model whose hidden states are 64 wide"},
    {"gligen/gligen_sd14_textbox_pruned.safetensors", "gligen", "GLIGEN for boxes with texts",
     "models with 16 spatial transformers, and text encoders of width 128"},
    {"hypernetworks/sd15_style.pt", "hypernetwork", "hypernetwork",
     "models whose attentions read rows of width 32, 64 and 128"},
    {"photomaker/photomaker-v1.bin", "photomaker", "PhotoMaker", "text encoders that together are 384 wide"},
    {"controlnet_aux/body_pose_model.pth", "pose_network", "OpenPose's network that finds bodies",
     "OpenposePreprocessor"},
    {"controlnet_aux/facenet.pth", "pose_network", "OpenPose's network that finds faces", "OpenposePreprocessor"},
    {"controlnet_aux/depth_anything_v2_vits.pth", "depth_network", "Depth Anything, ViT-S/14",
     "DepthAnythingV2Preprocessor"},
    {"controlnet_aux/ZoeD_M12_N.pt", "depth_network", "ZoeDepth", "Zoe-DepthMapPreprocessor"},
    {"controlnet_aux/ControlNetHED.pth", "edge_network", "network of soft edges (HED)", "HEDPreprocessor"},
    {"controlnet_aux/sk_model.pth", "edge_network", "network of drawn lines", "LineArtPreprocessor"},
    {"controlnet_aux/netG.pth", "edge_network", "network of drawn lines (UNet)", "AnimeLineArtPreprocessor"},
    {"controlnet_aux/table5_pidinet.pth", "edge_network", "network of soft edges (PiDiNet)",
     "PiDiNetPreprocessor and Scribble_PiDiNet_Preprocessor"},
    {"controlnet_aux/MTEED.pth", "edge_network", "network of soft edges (TEED)",
     "TEEDPreprocessor and AnyLineArtPreprocessor_aux"},
    {"controlnet_aux/mlsd_large_512_fp32.pth", "edge_network", "network of straight lines (M-LSD)",
     "M-LSDPreprocessor"},
    {"controlnet_aux/scannet.pt", "depth_network", "network of normals (BAE)", "BAE-NormalMapPreprocessor"},
    {"inpaint/big-lama.safetensors", "hole_filler", "network that fills holes (LaMa)", "INPAINT_LoadInpaintModel"},
    {"inpaint/MAT_Places512_G_fp16.safetensors", "hole_filler", "network that fills holes (MAT)",
     "INPAINT_LoadInpaintModel"},
    {"upscale_models/001_classicalSR_DF2K_s64w8_SwinIR-M_x2.pth", "upscaler", "upscaler, 2x", ""},
    {"upscale_models/Real_HAT_GAN_SRx4.pth", "upscaler", "upscaler, 4x", ""},
    {"upscale_models/OmniSR_X2_DIV2K.safetensors", "upscaler", "upscaler, 2x", ""},
    {"rembg/u2net.onnx", "cutout_network", "network that says what of a picture is in front, as an ONNX graph",
     "RemBGSession+, where it has the name of one of rembg's"},
    {"sams/sam_vit_b_01ec64.pth", "segmenter", "Segment Anything, of its own size", "SAMLoader"},
    {"ultralytics/bbox/face_yolov8m.pt", "box_detector", "YOLO of ultralytics that finds boxes of face",
     "UltralyticsDetectorProvider"},
    {"ultralytics/segm/person_yolov8m-seg.pt", "mask_detector", "YOLO of ultralytics that finds masks of person",
     "UltralyticsDetectorProvider"},
    {"ultralytics/bbox/yolo11n.pt", "box_detector", "YOLO of ultralytics that finds boxes of person, bicycle and car",
     "UltralyticsDetectorProvider"},
    {"controlnet_aux/yolox_l.onnx", "onnx_network", "network as an ONNX graph",
     "DWPreprocessor, where it has the name of one of DWPose's"},
    {"controlnet_aux/dw-ll_ucoco_384.onnx", "onnx_network", "network as an ONNX graph",
     "DWPreprocessor, where it has the name of one of DWPose's"},
    {"controlnet_aux/depth_anything_v2_vitl.pth", "depth_network", "Depth Anything, ViT-L/14",
     "DepthAnythingV2Preprocessor"},
    {"latent_upscale_models/sdxl_resizer.pt", "latent_resizer", "network that enlarges latents",
     "NNLatentUpscale; the file does not tell whether for SD 1.x or SDXL"},
    {"loras/sd15_style.safetensors", "lora", "LoRA", "models with text of width 128"},
    {"embeddings/sdxl_style.safetensors", "embedding", "textual-inversion embedding",
     "text encoders of width 256 and 128"},
};

TEST(Describe, SaysWhatEachFileIs) {
  for (const Expected& e : kFiles) {
    const FileDescription d = describe_file(tiny_models_dir() / e.file);
    EXPECT_STREQ(file_kind_name(d.kind), e.kind) << e.file;
    EXPECT_EQ(d.summary, e.summary) << e.file;
    EXPECT_EQ(d.fits, e.fits) << e.file;
    EXPECT_EQ(d.problem, "") << e.file;
    EXPECT_EQ(d.precision, "F16") << e.file;
    EXPECT_FALSE(d.parts.empty()) << e.file;
    int64_t parameters = 0;
    for (const FilePart& part : d.parts) parameters += part.parameters;
    // All but a temperature and the noise augmentor's statistics belongs to a part.
    EXPECT_GE(parameters, d.parameters - 1000) << e.file;
    EXPECT_LE(parameters, d.parameters) << e.file;
    EXPECT_EQ(d.bytes, std::filesystem::file_size(tiny_models_dir() / e.file)) << e.file;
  }
}

// Every synthetic file lies in the folder its kind belongs into.
TEST(Describe, FoldersMatchKinds) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(tiny_models_dir())) {
    if (!entry.is_regular_file()) continue;
    const FileDescription d = describe_file(entry.path());
    const auto folder = entry.path().parent_path();
    const bool part = folder.parent_path().filename() == "ultralytics";  // of which bbox and segm are kinds
    EXPECT_EQ((part ? "ultralytics_" : "") + folder.filename().string(), file_kind_folder(d.kind)) << entry.path();
    EXPECT_EQ(d.problem, "") << entry.path();
  }
}

class DescribeChanged : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ =
        std::filesystem::path(::testing::TempDir()) / ("easel-describe-" + std::to_string(::getpid()) + ".safetensors");
  }
  void TearDown() override { std::filesystem::remove(path_); }
  FileDescription describe(const StoredTensors& tensors) {
    formats::write_safetensors(path_, tensors);
    return describe_file(path_);
  }
  std::filesystem::path path_;
};

TEST_F(DescribeChanged, ProblemsAndLeftoversAreTold) {
  const auto file = formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors");
  StoredTensors some;
  for (const auto& [name, tensor] : *file.tensors)
    if (!name.starts_with("model.diffusion_model.middle_block.0.")) some.set(name, tensor);
  some.set("model_ema.decay", Tensor::zeros({1}));
  some.set("optimizer.state", Tensor::zeros({100}));
  const FileDescription d = describe(some);
  EXPECT_EQ(d.kind, FileKind::kCheckpoint);
  EXPECT_NE(d.problem.find("model.diffusion_model.middle_block.0."), std::string::npos) << d.problem;
  EXPECT_EQ(d.other_tensors, 2);
  EXPECT_EQ(d.precision, "F16");
}

TEST_F(DescribeChanged, UnknownFilesAreUnknown) {
  StoredTensors tensors;
  tensors.set("layer.weight", Tensor::zeros({4, 4, 4}));
  tensors.set("layer.bias", Tensor::zeros({4}));
  const FileDescription d = describe(tensors);
  EXPECT_EQ(d.kind, FileKind::kUnknown);
  EXPECT_EQ(d.summary, "nothing Easel knows");
  EXPECT_EQ(d.other_tensors, 2);
  EXPECT_EQ(d.parameters, 68);
  StoredTensors flux;
  flux.set("double_blocks.0.img_attn.qkv.weight", Tensor::zeros({4, 4}));
  flux.set("x", Tensor::zeros({4, 4}));
  EXPECT_EQ(describe(flux).summary, "Flux, which Easel does not run");
}

// Block numbers that no UNet has must not cost what so many blocks would.
TEST_F(DescribeChanged, AbsurdBlockNumbersAreProblems) {
  const auto file = formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors");
  StoredTensors tensors;
  for (const auto& [name, tensor] : *file.tensors) tensors.set(name, tensor);
  tensors.set("model.diffusion_model.input_blocks.9999.0.op.weight", Tensor::zeros({1}));
  EXPECT_EQ(describe(tensors).problem, "a UNet of 10000 blocks");
  StoredTensors diffusers;
  for (const char* name :
       {"conv_in.weight", "conv_out.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight"})
    diffusers.set(name, Tensor::zeros({4, 4}));
  for (int level = 0; level < 2000; ++level)
    diffusers.set("down_blocks." + std::to_string(level) + ".resnets.9999.conv1.weight", Tensor::zeros({1}));
  EXPECT_FALSE(describe(diffusers).problem.empty());
}

}  // namespace
}  // namespace easel::models
