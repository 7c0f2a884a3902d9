#include "models/checkpoint/describe.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "formats/tensors/model_file.h"
#include "models/control/control_keys.h"
#include "models/control/control_lora.h"
#include "models/control/controlnet.h"
#include "models/control/t2i_adapter.h"
#include "models/detect/sam.h"
#include "models/detect/yolo.h"
#include "models/fill/hole_filler.h"
#include "models/gligen/gligen.h"
#include "models/hints/depth_anything.h"
#include "models/hints/lines/line_network.h"
#include "models/hints/normals.h"
#include "models/hints/pose_network.h"
#include "models/hints/soft_edges.h"
#include "models/hints/zoe_depth.h"
#include "models/ip_adapter/ip_adapter.h"
#include "models/model_reader.h"
#include "models/onnx/network.h"
#include "models/patch/hypernetwork.h"
#include "models/patch/lora.h"
#include "models/sd/detect.h"
#include "models/text/clip_keys.h"
#include "models/upscale/latent_resizer.h"
#include "models/upscale/upscaler.h"
#include "models/vae/vae.h"
#include "models/vae/vae_keys.h"
#include "models/vision/clip_vision.h"
#include "models/vision/photo_maker.h"
#include "models/vision/style_model.h"

namespace easel::models {
namespace {

struct KindText {
  FileKind kind;
  const char *name, *folder;
};
constexpr KindText kKinds[] = {
    {FileKind::kCheckpoint, "checkpoint", "checkpoints"},
    {FileKind::kUNet, "unet", "unet"},
    {FileKind::kVae, "vae", "vae"},
    {FileKind::kTinyVaeHalf, "tiny_vae_half", "vae_approx"},
    {FileKind::kTextEncoder, "text_encoder", "clip"},
    {FileKind::kClipVision, "clip_vision", "clip_vision"},
    {FileKind::kClip, "clip", "clip_vision"},
    {FileKind::kControlNet, "controlnet", "controlnet"},
    {FileKind::kT2iAdapter, "t2i_adapter", "controlnet"},
    {FileKind::kIpAdapter, "ip_adapter", "ipadapter"},
    {FileKind::kStyleModel, "style_model", "style_models"},
    {FileKind::kGligen, "gligen", "gligen"},
    {FileKind::kHypernetwork, "hypernetwork", "hypernetworks"},
    {FileKind::kPhotoMaker, "photomaker", "photomaker"},
    {FileKind::kUpscaler, "upscaler", "upscale_models"},
    {FileKind::kLatentResizer, "latent_resizer", "latent_upscale_models"},
    {FileKind::kPoseNetwork, "pose_network", "controlnet_aux"},
    {FileKind::kDepthNetwork, "depth_network", "controlnet_aux"},
    {FileKind::kEdgeNetwork, "edge_network", "controlnet_aux"},
    {FileKind::kHoleFiller, "hole_filler", "inpaint"},
    {FileKind::kOnnxNetwork, "onnx_network", "controlnet_aux"},
    {FileKind::kCutoutNetwork, "cutout_network", "rembg"},
    {FileKind::kBoxDetector, "box_detector", "ultralytics_bbox"},
    {FileKind::kMaskDetector, "mask_detector", "ultralytics_segm"},
    {FileKind::kSegmenter, "segmenter", "sams"},
    {FileKind::kLora, "lora", "loras"},
    {FileKind::kEmbedding, "embedding", "embeddings"},
    {FileKind::kUnknown, "unknown", ""},
};

const KindText& text_of(FileKind kind) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds), [kind](const KindText& k) { return k.kind == kind; });
}

int64_t parameters_of(const StoredTensors& tensors) {
  int64_t total = 0;
  for (const auto& [name, tensor] : tensors) total += tensor.numel();
  return total;
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : i + 1 == items.size() ? " and " : ", ") + items[i];
  return out;
}

// Fills in a description part by part and keeps account of the tensors the parts use.
class Describer {
 public:
  Describer(const formats::ModelFile& file, FileDescription& out) : tensors_(*file.tensors), file_(file), out_(out) {}

  void run() {
    const auto attempt = [&](auto&& step) {
      try {
        return step();
      } catch (const Error& e) {
        out_.problem = e.message();
        return true;
      }
    };
    const bool known = attempt([&] { return onnx(); }) || attempt([&] { return detector(); }) ||
                       attempt([&] { return network(); }) || attempt([&] { return control(); }) ||
                       attempt([&] { return ip_adapter(); }) || attempt([&] { return style(); }) ||
                       attempt([&] { return gligen(); }) || attempt([&] { return photo_maker(); }) ||
                       attempt([&] { return hypernetwork(); }) || attempt([&] { return upscaler(); }) ||
                       attempt([&] { return latent_resizer(); }) || attempt([&] { return hole_filler(); }) ||
                       attempt([&] { return hint_network(); }) || attempt([&] { return line_network(); }) ||
                       attempt([&] { return normal_network(); }) || attempt([&] { return embedding(); }) ||
                       attempt([&] { return lora(); }) || attempt([&] { return vae_alone(); }) ||
                       attempt([&] { return clip(); });
    if (!known) foreign();
    for (const auto& [name, tensor] : tensors_)
      if (!used_.contains(tensor.data())) ++out_.other_tensors;
  }

 private:
  nn::Weights probe(std::shared_ptr<const StoredTensors> tensors) const {
    return nn::Weights(std::move(tensors), DType::kF32, out_.file).probe();
  }

  void add_part(std::string name, const StoredTensors& part, const std::vector<std::string>& except,
                std::string detail) {
    const std::unordered_set<std::string> unused(except.begin(), except.end());
    int64_t parameters = 0;
    for (const auto& [key, tensor] : part) {
      if (unused.contains(key)) continue;
      parameters += tensor.numel();
      used_.insert(tensor.data());
    }
    out_.parts.push_back({std::move(name), parameters, std::move(detail)});
  }

  bool network() {
    const ModelReader* reader = find_reader(tensors_);
    if (!reader) return false;
    out_.kind = FileKind::kUNet;
    const NetworkDescription found = reader->describe(file_);
    out_.family = found.family;
    out_.inpainting = found.inpainting;
    out_.prediction = found.prediction;
    out_.base_model = found.base_model;
    out_.problem = found.problem;
    add_part(found.network, found.tensors, found.unused, found.detail);
    std::vector<std::string> with;
    if (const auto vae = vae_tensors(tensors_)) with.push_back(add_vae(vae));
    for (const std::string& name : add_text_towers()) with.push_back(name);
    if (const VisionTowerPlace place = find_vision_tower(tensors_); place.found && !place.prefix.empty())
      with.push_back(add_vision(place.prefix));
    if (!with.empty()) out_.kind = FileKind::kCheckpoint;
    out_.summary = family_name(out_.family) + (with.empty() ? " " + found.network : " checkpoint with ") + joined(with);
    if (!found.layout.empty()) out_.summary += " (" + found.layout + " layout)";
    out_.fits = family_name(out_.family) + " ControlNets, adapters and LoRAs";
    return true;
  }

  std::string add_vae(const std::shared_ptr<const StoredTensors>& vae) {
    const nn::Weights w = probe(vae);
    try {
      Vae::check(w);
    } catch (const Error& e) {
      if (out_.problem.empty()) out_.problem = e.message();
    }
    const VaeConfig config = read_vae_config(w);
    add_part("VAE", *vae, w.unused(),
             std::to_string(config.latent_channels) + " latent channels, " + std::to_string(config.downscale) +
                 " pixels each");
    return "VAE";
  }

  std::vector<std::string> add_text_towers() {
    std::vector<std::string> names;
    for (const TextTowerTensors& tower : find_text_towers(tensors_)) {
      const ClipTextConfig config = read_clip_text_config(nn::Weights(tower.tensors, DType::kF32, out_.file));
      names.emplace_back(text_tower_name(tower.kind));
      add_part(names.back(), *tower.tensors, {}, "text of width " + std::to_string(config.width));
    }
    return names;
  }

  std::string add_vision(const std::string& prefix) {
    const auto tower = vision_tower_tensors(tensors_, prefix);
    if (!tower) return "CLIP vision";
    const ClipVisionConfig config = read_clip_vision_config(nn::Weights(tower, DType::kF32, out_.file));
    add_part(config.name(), *tower, {},
             "hidden states of width " + std::to_string(config.width) + ", embeds of width " +
                 std::to_string(config.projection));
    return config.name();
  }

  bool control() {
    const ControlTensors found = control_tensors(tensors_);
    if (found.kind == ControlKind::kNone) return false;
    if (found.kind == ControlKind::kControlLora) return control_lora(*found.tensors);
    const nn::Weights w = probe(found.tensors);
    if (found.kind == ControlKind::kControlNet) {
      out_.kind = FileKind::kControlNet;
      const UNetConfig config = read_control_config(w);
      if (const sd::Variant* variant = sd::detect_variant(config, *found.tensors)) out_.family = &variant->family;
      add_part("ControlNet", *found.tensors, {},
               config.context_dim > 0 ? "text of width " + std::to_string(config.context_dim) : "without text");
      out_.summary = std::string("ControlNet for ") + family_name(out_.family);
      if (const int64_t kinds = count_hint_kinds(w); kinds > 0)
        out_.summary += ", for " + std::to_string(kinds) + " kinds of hints";
    } else {
      out_.kind = FileKind::kT2iAdapter;
      const T2iConfig config = read_t2i_config(w, found.kind);
      out_.family = config.sdxl ? &sd::kSdxl.family : &sd::kSd1.family;
      add_part("T2I-Adapter", *found.tensors, {},
               config.hint_channels == 1 ? "takes grey pictures" : "takes colour pictures");
      out_.summary = std::string(config.light ? "light " : "") + "T2I-Adapter for " + family_name(out_.family);
    }
    check_control(w, found.kind);
    out_.fits = family_name(out_.family) + " models";
    return true;
  }

  bool control_lora(const StoredTensors& tensors) {
    out_.kind = FileKind::kControlNet;
    try {
      const ControlLora lora(std::make_shared<StoredTensors>(tensors), out_.file);
      constexpr int64_t kTextOfSd2 = 1024;
      const bool sd2 = lora.context_dim() == kTextOfSd2;
      out_.family = lora.adm_channels() > 0 ? &sd::kSdxl.family : sd2 ? &sd::kSd2.family : &sd::kSd1.family;
      add_part("ControlLoRA", tensors, {}, "rank " + std::to_string(lora.rank()));
    } catch (const Error& e) {
      out_.problem = e.message();
    }
    out_.summary = std::string("ControlLoRA for ") + family_name(out_.family);
    out_.fits = family_name(out_.family) + " models";
    return true;
  }

  void check_control(const nn::Weights& w, ControlKind kind) {
    try {
      check_control_net(w, kind);
    } catch (const Error& e) {
      out_.problem = e.message();
    }
  }

  bool ip_adapter() {
    if (!is_ip_adapter(tensors_)) return false;
    out_.kind = FileKind::kIpAdapter;
    out_.summary = "IP-Adapter";
    const IpAdapterConfig config = read_ip_adapter_config(tensors_, out_.file);
    const bool sdxl = config.layer_widths.size() > 16;
    out_.family = sdxl ? &sd::kSdxl.family : &sd::kSd1.family;
    add_part("IP-Adapter", tensors_, {}, std::string(ip_adapter_kind_name(config.kind)));
    out_.summary =
        std::string("IP-Adapter (") + ip_adapter_kind_name(config.kind) + ") for " + family_name(out_.family);
    out_.fits = family_name(out_.family) + " models, with a CLIP vision model whose " +
                (config.takes_hidden_states() ? "hidden states" : "embeds") + " are " +
                std::to_string(config.clip_width) + " wide";
    return true;
  }

  bool style() {
    if (!is_style_model(tensors_)) return false;
    out_.kind = FileKind::kStyleModel;
    out_.summary = "style model";
    const StyleShape shape = read_style_shape(tensors_, out_.file);
    add_part("style model", tensors_, {}, std::to_string(shape.tokens) + " tokens");
    out_.family = &sd::kSd1.family;
    out_.fits = "models with text of width " + std::to_string(shape.context_dim) +
                ", with a CLIP vision model whose hidden states are " + std::to_string(shape.width) + " wide";
    return true;
  }

  bool gligen() {
    if (!is_gligen(tensors_)) return false;
    out_.kind = FileKind::kGligen;
    out_.summary = "GLIGEN for boxes with texts";
    const auto tensors = gligen_tensors(tensors_, out_.file);
    const GligenConfig config = read_gligen_config(*tensors, out_.file);
    add_part("GLIGEN", *tensors, {}, "texts of width " + std::to_string(config.text_width));
    Gligen::check(nn::Weights(tensors, DType::kF32, out_.file), config);
    if (config.widths.size() == 16) out_.family = &sd::kSd1.family;
    out_.fits = "models with " + std::to_string(config.widths.size()) +
                " spatial transformers, and text encoders of width " + std::to_string(config.text_width);
    return true;
  }

  bool photo_maker() {
    if (!is_photo_maker(tensors_)) return false;
    out_.kind = FileKind::kPhotoMaker;
    out_.summary = "PhotoMaker";
    out_.family = &sd::kSdxl.family;
    const int64_t width = read_photo_maker_width(tensors_, out_.file);
    add_part("PhotoMaker", tensors_, {}, "text of width " + std::to_string(width));
    check_photo_maker(tensors_, out_.file);
    out_.fits = "text encoders that together are " + std::to_string(width) + " wide";
    return true;
  }

  bool hypernetwork() {
    if (!is_hypernetwork(tensors_)) return false;
    out_.kind = FileKind::kHypernetwork;
    out_.summary = "hypernetwork";
    const HypernetworkConfig config = read_hypernetwork_config(file_);
    std::vector<std::string> widths;
    for (const auto& [width, layers] : config.keys) widths.push_back(std::to_string(width));
    add_part("hypernetwork", tensors_, {}, "");
    Hypernetwork::check(nn::Weights(file_.tensors, DType::kF32, out_.file), config);
    out_.fits = "models whose attentions read rows of width " + joined(widths);
    return true;
  }

  bool upscaler() {
    const auto tensors = upscaler_tensors(tensors_);
    if (!tensors) return false;
    out_.kind = FileKind::kUpscaler;
    out_.summary = "upscaler";
    const nn::Weights w = probe(tensors);
    const UpscalerConfig config = read_upscaler_config(w);
    Upscaler::check(w);
    out_.summary = "upscaler, " + std::to_string(config.scale) + "x";
    const char* const network = config.transformer ? transformer_name(*config.transformer)
                                : config.compact   ? "compact network"
                                                   : "ESRGAN";
    add_part(network, *tensors, w.unused(),
             std::to_string(config.blocks) + (config.compact ? " convolutions of " : " blocks of ") +
                 std::to_string(config.features) + " channels");
    return true;
  }

  bool hole_filler() {
    const auto kind = filler_kind(tensors_);
    if (!kind) return false;
    out_.kind = FileKind::kHoleFiller;
    out_.summary = std::string("network that fills holes (") + filler_name(*kind) + ")";
    add_part(filler_name(*kind), tensors_, {}, "");
    out_.fits = "INPAINT_LoadInpaintModel";
    HoleFiller::check(probe(filler_tensors(tensors_)));
    return true;
  }

  bool latent_resizer() {
    if (!is_latent_resizer(tensors_)) return false;
    out_.kind = FileKind::kLatentResizer;
    out_.summary = "network that enlarges latents";
    add_part("latent resizer", tensors_, {}, "");
    LatentResizer::check(probe(file_.tensors));
    out_.fits = "NNLatentUpscale; the file does not tell whether for SD 1.x or SDXL";
    return true;
  }

  bool onnx() {
    if (!file_.graph) return false;
    const auto shapes = [](const std::vector<formats::OnnxPort>& ports) {
      std::vector<std::string> out;
      for (const formats::OnnxPort& port : ports) {
        std::string sizes;
        for (const int64_t size : port.shape)
          sizes += (sizes.empty() ? "" : "x") + (size < 0 ? "N" : std::to_string(size));
        out.push_back(port.name + (sizes.empty() ? "" : " " + sizes));
      }
      return joined(out);
    };
    // A map of one channel for a picture of the same size.
    const auto side = [](const std::vector<formats::OnnxPort>& ports, int64_t channels) {
      const bool map = !ports.empty() && ports[0].shape.size() == 4 && ports[0].shape[1] == channels;
      return map ? ports[0].shape[2] : 0;
    };
    const int64_t seen = side(file_.graph->inputs, 3);
    const bool cuts = seen != 0 && seen == side(file_.graph->outputs, 1);
    out_.kind = cuts ? FileKind::kCutoutNetwork : FileKind::kOnnxNetwork;
    out_.summary =
        cuts ? "network that says what of a picture is in front, as an ONNX graph" : "network as an ONNX graph";
    out_.fits = cuts ? "RemBGSession+, where it has the name of one of rembg's"
                     : "DWPreprocessor, where it has the name of one of DWPose's";
    add_part("ONNX graph", tensors_, {},
             std::to_string(file_.graph->nodes.size()) + " operations, from " + shapes(file_.graph->inputs) + " to " +
                 shapes(file_.graph->outputs) + ", operators of version " + std::to_string(file_.graph->opset));
    const OnnxNetwork measured(*file_.graph, ops::Packer::measure());  // throws for what is not computed here
    return true;
  }

  bool normal_network() {
    if (!is_normal_network(tensors_)) return false;
    out_.kind = FileKind::kDepthNetwork;
    out_.summary = "network of normals (BAE)";
    add_part("BAE", tensors_, {}, "");
    out_.fits = "BAE-NormalMapPreprocessor";
    NormalNetwork::check(probe(normal_tensors(tensors_)));
    return true;
  }

  // Networks that draw lines, each with a node of its own.
  bool line_network() {
    const auto kind = line_kind(tensors_);
    if (!kind) return false;
    const LineNetworkNames& names = names_of(*kind);
    out_.kind = FileKind::kEdgeNetwork;
    out_.summary = names.name;
    add_part("lines", tensors_, {}, "");
    out_.fits = names.nodes;
    LineNetwork::check(probe(line_tensors(tensors_)));
    return true;
  }

  // Segment Anything, and networks of ultralytics, which a file says to be of that family whatever they do.
  bool detector() {
    if (is_sam(tensors_)) {
      out_.kind = FileKind::kSegmenter;
      out_.summary = "Segment Anything";
      const nn::Weights w = probe(file_.tensors);
      const SamConfig config = read_sam_config(w);
      out_.summary = std::string("Segment Anything, ") + config.name();
      add_part("Segment Anything", tensors_, {},
               std::to_string(config.layers) + " layers of width " + std::to_string(config.width));
      out_.fits = "SAMLoader";
      SamNetwork::check(w);
      return true;
    }
    if (!is_yolo(file_)) return false;
    out_.kind = FileKind::kBoxDetector;
    out_.summary = "network of ultralytics";
    const YoloConfig config = read_yolo_config(file_);
    if (config.masks) out_.kind = FileKind::kMaskDetector;
    out_.summary = config.summary();
    add_part(config.family, tensors_, {},
             "made for pictures of " + std::to_string(config.size.width) + "x" + std::to_string(config.size.height));
    out_.fits = "UltralyticsDetectorProvider";
    return true;
  }

  // Networks that make hints for ControlNets out of pictures.
  bool hint_network() {
    const PoseKind kind = pose_kind(tensors_);
    const bool edges = is_soft_edge_network(tensors_);
    if (kind == PoseKind::kNone && !is_depth_network(tensors_) && !is_zoe_network(tensors_) && !edges) return false;
    const nn::Weights w = probe(file_.tensors);
    if (edges) {
      out_.kind = FileKind::kEdgeNetwork;
      out_.summary = "network of soft edges (HED)";
      add_part("HED", tensors_, {}, "");
      out_.fits = "HEDPreprocessor";
      SoftEdgeNetwork::check(w);
    } else if (is_zoe_network(tensors_)) {
      out_.kind = FileKind::kDepthNetwork;
      out_.summary = "ZoeDepth";
      add_part("ZoeDepth", tensors_, {}, std::to_string(read_zoe_config(w).layers) + " layers");
      out_.fits = "Zoe-DepthMapPreprocessor";
      ZoeNetwork::check(w);
    } else if (kind != PoseKind::kNone) {
      out_.kind = FileKind::kPoseNetwork;
      out_.summary = std::string("OpenPose's network that finds ") + pose_kind_name(kind);
      add_part("OpenPose", tensors_, {}, "");
      out_.fits = "OpenposePreprocessor";
      PoseNetwork::check(w);
    } else {
      out_.kind = FileKind::kDepthNetwork;
      out_.summary = "Depth Anything";
      const DepthConfig config = read_depth_config(w);
      out_.summary = std::string("Depth Anything, ") + config.name();
      add_part("Depth Anything", tensors_, {},
               std::to_string(config.layers) + " layers of width " + std::to_string(config.width));
      out_.fits = "DepthAnythingV2Preprocessor";
      DepthNetwork::check(w);
    }
    return true;
  }

  bool embedding() {
    const bool pair = tensors_.contains("clip_l") || tensors_.contains("clip_g");
    const bool known = tensors_.contains("emb_params") || file_.wrapper == "string_to_param" ||
                       tensors_.contains("string_to_param.*") || pair;
    const bool single = tensors_.size() == 1 && tensors_.begin()->second.rank() <= 2;
    if (!known && !single) return false;
    out_.kind = FileKind::kEmbedding;
    std::vector<std::string> widths;
    for (const auto& [name, tensor] : tensors_)
      if (tensor.rank() >= 1 && tensor.is_float()) widths.push_back(std::to_string(tensor.dim(-1)));
    add_part("embedding", tensors_, {}, "");
    out_.summary = "textual-inversion embedding";
    out_.fits = "text encoders of width " + joined(widths);
    return true;
  }

  bool lora() {
    std::shared_ptr<const Lora> lora;
    try {
      lora = Lora::read(file_);
    } catch (const Error&) {
      return false;
    }
    out_.kind = FileKind::kLora;
    add_part("LoRA", tensors_, {}, std::to_string(lora->modules().size()) + " modules");
    // The width of the text that the keys of cross-attention read.
    int64_t context = 0;
    bool second_text = false;
    for (const auto& [name, module] : lora->modules()) {
      second_text = second_text || name.starts_with("lora_te2_") || name.starts_with("text_encoder_2.");
      const StoredTensor* down = module.find("lora_down");
      const bool key =
          name.ends_with("attn2_to_k") || name.ends_with("attn2.to_k") || name.ends_with("attn2.processor.to_k");
      if (key && down && down->rank() == 2) context = down->dim(1);
    }
    static const std::map<int64_t, const Family*> families = {
        {768, &sd::kSd1.family}, {1024, &sd::kSd2.family}, {1280, &sd::kRefiner.family}, {2048, &sd::kSdxl.family}};
    if (const auto it = families.find(context); it != families.end()) out_.family = it->second;
    else if (second_text) out_.family = &sd::kSdxl.family;
    out_.summary = "LoRA";
    if (out_.family) out_.fits = family_name(out_.family) + " models";
    else if (context > 0) out_.fits = "models with text of width " + std::to_string(context);
    return true;
  }

  bool vae_alone() {
    const TinyHalf half = tiny_half(tensors_);
    const auto vae = half == TinyHalf::kDecoder ? tiny_vae_tensors(nullptr, tensors_, false) : vae_tensors(tensors_);
    if (!vae && half == TinyHalf::kNone) return false;
    out_.kind = half == TinyHalf::kNone ? FileKind::kVae : FileKind::kTinyVaeHalf;
    if (vae) add_vae(vae);
    else add_part("TAESD encoder", tensors_, {}, "");
    out_.summary = half == TinyHalf::kDecoder         ? "TAESD's decoder, a small VAE; its encoder lies beside it"
                   : half == TinyHalf::kEncoder       ? "TAESD's encoder, a small VAE; its decoder lies beside it"
                   : read_vae_config(probe(vae)).tiny ? "TAESD, a small VAE"
                                                      : "VAE";
    out_.fits = "SD 1.x, SD 2.x or SDXL models: the file does not tell which";
    return true;
  }

  bool clip() {
    const VisionTowerPlace place = find_vision_tower(tensors_);
    std::vector<std::string> names = add_text_towers();
    out_.kind = place.found ? names.empty() ? FileKind::kClipVision : FileKind::kClip : FileKind::kTextEncoder;
    if (place.found) names.push_back(add_vision(place.prefix));
    if (names.empty()) {
      out_.kind = FileKind::kUnknown;
      return false;
    }
    const char* what = out_.kind == FileKind::kTextEncoder  ? "text encoder "
                       : out_.kind == FileKind::kClipVision ? "CLIP vision "
                                                            : "CLIP model with ";
    out_.summary = what + joined(names);
    if (place.found) out_.fits = "adapters and models made for " + names.back();
    return true;
  }

  void foreign() {
    const std::string name = foreign_model(tensors_);
    out_.summary = name.empty() ? "nothing Easel knows" : name + ", which Easel does not run";
  }

  const StoredTensors& tensors_;
  const formats::ModelFile& file_;
  FileDescription& out_;
  std::unordered_set<const void*> used_;
};

// The type of most values; then the others that matter.
std::string precision_of(const StoredTensors& tensors) {
  std::map<std::string, int64_t> counts;
  int64_t total = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.is_float()) continue;
    counts[std::string(tensor.encoding())] += tensor.numel();
    total += tensor.numel();
  }
  std::vector<std::pair<int64_t, std::string>> order;
  for (const auto& [name, count] : counts) order.emplace_back(-count, name);
  std::sort(order.begin(), order.end());
  std::string out;
  for (const auto& [count, name] : order)
    if (out.empty()) out = name;
    else if (-count * 100 > total) out += ", some " + name;
  return out;
}

}  // namespace

const char* file_kind_name(FileKind kind) { return text_of(kind).name; }
const char* file_kind_folder(FileKind kind) { return text_of(kind).folder; }

FileDescription describe_file(const std::filesystem::path& path) {
  const formats::ModelFile file = formats::open_model_file(path);
  FileDescription out;
  out.file = path.filename().string();
  out.container = formats::container_name(file.container);
  out.precision = precision_of(*file.tensors);
  std::error_code ignored;
  out.bytes = std::filesystem::file_size(path, ignored);
  out.tensors = static_cast<int64_t>(file.tensors->size());
  out.parameters = parameters_of(*file.tensors);
  Describer(file, out).run();
  const bool network = out.kind == FileKind::kCheckpoint || out.kind == FileKind::kUNet;
  if (network || out.kind == FileKind::kLora)
    out.few_steps = few_steps_of(file, out.kind == FileKind::kLora, out.family);
  return out;
}

}  // namespace easel::models
