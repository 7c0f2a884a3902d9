// Describes what a model file is, from names and shapes of its tensors: nothing is loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/checkpoint/few_steps.h"
#include "models/handles.h"

namespace easel::models {

enum class FileKind {
  kCheckpoint,
  kUNet,
  kVae,
  kTinyVaeHalf,  // TAESD's encoder or decoder
  kTextEncoder,
  kClipVision,
  kClip,  // text and vision towers of one CLIP model
  kControlNet,
  kT2iAdapter,
  kIpAdapter,
  kStyleModel,
  kGligen,
  kHypernetwork,
  kPhotoMaker,
  kUpscaler,
  kLatentResizer,  // enlarges latents
  kPoseNetwork,    // finds people in pictures
  kDepthNetwork,   // says how near each pixel is
  kEdgeNetwork,    // finds edges in pictures
  kHoleFiller,     // fills holes in pictures
  kCutoutNetwork,  // says what of a picture is in front
  kBoxDetector,    // finds things in pictures: boxes
  kMaskDetector,   // boxes and masks
  kSegmenter,      // makes masks of what lies at places
  kOnnxNetwork,    // any other graph of an ONNX file
  kLora,
  kEmbedding,
  kUnknown,
};
// A stable short name ("checkpoint", "t2i_adapter", ...).
const char* file_kind_name(FileKind kind);
// The subfolder of the model folder for such files ("checkpoints", "controlnet", ...); "" for unknown ones.
const char* file_kind_folder(FileKind kind);

struct FilePart {
  std::string name;  // "UNet", "VAE", "CLIP-L", ...
  int64_t parameters = 0;
  std::string detail;  // "4 channels, text of width 768, eps prediction"; may be empty
};

struct FileDescription {
  std::string file;  // name without folder
  FileKind kind = FileKind::kUnknown;
  const Family* family = nullptr;
  std::string summary;    // "SD 1.x checkpoint with VAE and CLIP-L"
  std::string fits;       // what it goes with: "SD 1.x models with ViT-H/14"; may be empty
  std::string container;  // "safetensors", "torch zip", "torch legacy"
  std::string precision;  // of most of the values, others after it: "F16", "F16, some F32"
  uint64_t bytes = 0;     // of the file
  int64_t tensors = 0, parameters = 0;
  std::vector<FilePart> parts;
  int64_t other_tensors = 0;  // that no part uses: EMA copies, training state, ...
  std::string prediction;     // of a network: "eps", "v-prediction", "edm"
  std::string base_model;     // of a network: what the tooling nodes' clients call it; empty if they have no word
  bool inpainting = false;    // a UNet that takes a mask and what surrounds it as further channels
  std::optional<FewSteps> few_steps;  // of a network or a LoRA: the settings that it was distilled for
  std::string problem;                // why it cannot be used although it looks like `kind`; empty if it can
};

// Throws what opening the file throws (formats/model_file.h). Any file that opens is described.
FileDescription describe_file(const std::filesystem::path& path);

}  // namespace easel::models
