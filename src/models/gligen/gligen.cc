#include "models/gligen/gligen.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/diffusion_model.h"
#include "models/text/clip_encoder.h"
#include "models/unet/unet_source.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models {
namespace {

constexpr int kFrequencies = 8;
constexpr int64_t kPlaceWidth = int64_t{kFrequencies} * 2 * 4;  // a sine and a cosine of each of four numbers
constexpr double kTemperature = 100;
constexpr int kMostBlocks = 20;  // of a part of the UNet, as the reference looks for them
constexpr const char* kFuser = ".fuser.";
constexpr const char* kNull = "position_net.null_positive_feature";

[[noreturn]] void bad(const std::string& file, const std::string& what) {
  throw Error(Fault::kBadFile, what).in_file(file);
}

Shape shape_of(const StoredTensors& tensors, const std::string& name, int rank, const std::string& file) {
  const StoredTensor* found = tensors.find(name);
  if (!found) bad(file, "tensor '" + name + "' is missing");
  if (found->rank() != rank || found->numel() == 0)
    bad(file, "tensor '" + name + "' has shape " + found->shape().str());
  return found->shape();
}

std::string fuser_scope(size_t at) { return "fusers." + std::to_string(at); }

float gate(const nn::Weights& w, const std::string& name) {
  const Tensor value = w.values(name);
  if (!value.defined()) return 0;
  if (value.numel() != 1) bad(w.file(), "tensor '" + w.full(name) + "' has shape " + value.shape().str());
  return std::tanh(ops::item(value));
}

// The corners of a box in fractions of the latent, as sines and cosines of rising frequency: for each the sines of
// left, top, right, bottom, then their cosines.
std::vector<float> place_numbers(const GligenBox& box, int64_t height, int64_t width) {
  const auto share = [](int64_t at, int64_t of) {
    return static_cast<float>(static_cast<double>(at) / static_cast<double>(of));
  };
  const std::array corners{share(box.x, width), share(box.y, height), share(box.x + box.width, width),
                           share(box.y + box.height, height)};
  std::vector<float> out;
  for (int i = 0; i < kFrequencies; ++i) {
    const auto frequency = static_cast<float>(std::pow(kTemperature, static_cast<double>(i) / kFrequencies));
    for (const float v : corners) out.push_back(std::sin(frequency * v));
    for (const float v : corners) out.push_back(std::cos(frequency * v));
  }
  return out;
}

// The widths of a UNet's spatial transformers in the order of execution.
std::vector<int64_t> transformer_widths(const UNetModel& unet) {
  const nn::Weights w = unet.source->weights();
  std::vector<int64_t> out;
  const auto add = [&](const nn::Weights& block, int depth) {
    if (depth <= 0) return;
    const auto shape = block[1]["norm"].shape("weight");
    out.push_back(shape && shape->rank() == 1 ? (*shape)[0] : 0);
  };
  const UNetConfig& config = unet.config;
  for (size_t i = 0; i < config.input_depth.size(); ++i)
    add(w["input_blocks"][static_cast<int64_t>(i)], config.input_depth[i]);
  add(w["middle_block"], config.middle_depth);
  for (size_t i = 0; i < config.output_depth.size(); ++i)
    add(w["output_blocks"][static_cast<int64_t>(i)], config.output_depth[i]);
  return out;
}

class GligenHook final : public AttentionHook {
 public:
  GligenHook(std::shared_ptr<const Gligen> net, Tensor tokens, std::string file)
      : net_(std::move(net)), tokens_(std::move(tokens)), file_(std::move(file)) {}

  Tensor between_attentions(const AttentionSite& site, const StepInfo&, const Tensor& x) const override {
    const auto at = static_cast<size_t>(site.spatial);
    const std::vector<int64_t>& widths = net_->config().widths;
    if (at >= widths.size() || widths[at] != x.dim(2))
      throw Error(Fault::kMismatch, "the GLIGEN model has nothing for " + std::to_string(x.dim(2)) +
                                        " channels of the UNet's spatial transformer " + std::to_string(at))
          .in_file(file_)
          .fix("It fits SD 1.x models");
    return net_->fuse(at, x, tokens_, site.heads);
  }

 private:
  std::shared_ptr<const Gligen> net_;
  Tensor tokens_;
  std::string file_;
};

}  // namespace

Gligen::Fuser Gligen::fuser(const nn::Weights& w, int64_t token_width, int64_t width) {
  const nn::Weights attention = w["attn"], net = w["ff"]["net"];
  const auto hidden_shape = net[2].shape("weight");
  const int64_t hidden = hidden_shape && hidden_shape->rank() == 2 ? (*hidden_shape)[1] : 0;
  Fuser out;
  out.from_token = checked_linear(w["linear"], token_width, width);
  for (const char* part : {"to_q", "to_k", "to_v"}) expect_shape(attention[part], "weight", {width, width});
  out.qkv = nn::Linear({attention["to_q"], attention["to_k"], attention["to_v"]});
  out.out = checked_linear(attention["to_out"][0], width, width);
  expect_shape(net[0]["proj"], "weight", {2 * hidden, width});
  expect_shape(net[0]["proj"], "bias", {2 * hidden});
  if (!net[0]["proj"].has("bias")) net[0]["proj"].get("bias");  // recorded as missing
  out.ff_in = nn::Linear(net[0]["proj"], /*geglu=*/true);
  out.ff_out = checked_linear(net[2], hidden, width);
  out.norm1 = checked_norm(w["norm1"], width);
  out.norm2 = checked_norm(w["norm2"], width);
  out.attention_gate = gate(w, "alpha_attn");
  out.dense_gate = gate(w, "alpha_dense");
  return out;
}

Gligen::Gligen(const nn::Weights& w, const GligenConfig& config)
    : config_(config), file_(w.file()), compute_(w.compute()), device_(w.packer().device()) {
  const nn::Weights net = w["position_net"], linears = net["linears"];
  const auto rows = [&](int64_t at) {
    const auto shape = linears[at].shape("weight");
    return shape && shape->rank() == 2 ? (*shape)[0] : 0;
  };
  const auto layer = [&](int64_t at, int64_t in, int64_t out) {
    expect_shape(linears[at], "weight", {out, in});
    expect_shape(linears[at], "bias", {out});
    return nn::Linear(linears[at].get("weight"), linears[at].get("bias"), DType::kF32, w.packer());
  };
  in_ = layer(0, config.text_width + kPlaceWidth, rows(0));
  middle_ = layer(2, rows(0), rows(2));
  out_ = layer(4, rows(2), config.token_width);
  no_text_ = checked_parameter(net, "null_positive_feature", {config.text_width});
  no_place_ = checked_parameter(net, "null_position_feature", {kPlaceWidth});
  for (size_t i = 0; i < config.widths.size(); ++i)
    fusers_.push_back(fuser(w[fuser_scope(i)], config.token_width, config.widths[i]));
  w.require_all();
}

void Gligen::check(const nn::Weights& w, const GligenConfig& config) { const Gligen probed(w.probe(), config); }

Tensor Gligen::tokens(const std::vector<GligenBox>& boxes, int64_t height, int64_t width) const {
  const auto count = static_cast<int64_t>(boxes.size());
  if (count > kMostBoxes)
    throw Error(Fault::kInvalid, std::to_string(count) + " boxes for GLIGEN, which takes " + std::to_string(kMostBoxes))
        .fix("Leave some GLIGENTextBoxApply nodes out");
  std::vector<Tensor> rows;
  for (const GligenBox& box : boxes) {
    if (box.text.rank() != 2 || box.text.dim(0) != 1 || box.text.dim(1) != config_.text_width)
      throw Error(Fault::kMismatch, "a box's text is described by " + std::to_string(box.text.dim(-1)) +
                                        " numbers, this GLIGEN model takes " + std::to_string(config_.text_width))
          .in_file(file_)
          .fix("Use the CLIP of an SD 1.x checkpoint");
    const Tensor place = Tensor::of({1, kPlaceWidth}, place_numbers(box, height, width)).to(device_);
    rows.push_back(ops::concat({contiguous(convert(box.text.to(device_), DType::kF32)), place}, 1));
  }
  if (count < kMostBoxes) {
    const Tensor nothing = ops::concat({no_text_.view({1, config_.text_width}), no_place_.view({1, kPlaceWidth})}, 1);
    rows.push_back(ops::repeat(nothing, kMostBoxes - count));
  }
  const Tensor x = (rows.size() == 1 ? rows[0] : ops::concat(rows, 0)).view({1, kMostBoxes, -1});
  constexpr auto kSilu = ops::Activation::kSilu;
  return out_(middle_(in_(x, {.activation = kSilu}), {.activation = kSilu}));
}

Tensor Gligen::fuse(size_t at, const Tensor& x, const Tensor& tokens, int64_t heads) const {
  const Fuser& f = fusers_.at(at);
  const int64_t n = x.dim(0), own = x.dim(1), c = x.dim(2);
  const Tensor things = f.from_token(convert(tokens, compute_), {.f32_out = true});
  const Tensor all = ops::concat({x, n == 1 ? things : ops::repeat(things, n)}, 1);
  const Tensor qkv = f.qkv(f.norm1(all, compute_));
  const Tensor mixed =
      ops::attention(qkv.slice(1, 0, own).slice(2, 0, c), qkv.slice(2, c, c), qkv.slice(2, 2 * c, c), heads);
  const Tensor attended = f.out(mixed, {.residual = x, .scale = f.attention_gate, .f32_out = true});
  return f.ff_out(f.ff_in(f.norm2(attended, compute_)), {.residual = attended, .scale = f.dense_gate, .f32_out = true});
}

size_t Gligen::bytes() const {
  size_t total = in_.bytes() + middle_.bytes() + out_.bytes();
  for (const Fuser& f : fusers_)
    total += f.from_token.bytes() + f.qkv.bytes() + f.out.bytes() + f.ff_in.bytes() + f.ff_out.bytes();
  return total;
}

bool is_gligen(const StoredTensors& file) { return file.contains(kNull); }

std::shared_ptr<const StoredTensors> gligen_tensors(const StoredTensors& file, const std::string& file_name) {
  if (!is_gligen(file))
    throw Error(Fault::kUnsupported, "this is not a GLIGEN model: it has no '" + std::string(kNull) + "'")
        .in_file(file_name)
        .fix("Choose a file from gligen/ such as gligen_sd14_textbox_pruned.safetensors");
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file)
    if (name.starts_with("position_net.")) out->set(name, tensor);
  size_t count = 0;
  for (const char* part : {"input_blocks", "middle_block", "output_blocks"})
    for (int i = 0; i < kMostBlocks; ++i) {
      const std::string block = std::string(part) + "." + std::to_string(i) + ".";
      bool any = false;
      for (const auto& [name, tensor] : file) {
        const size_t at = name.rfind(kFuser);
        if (at == std::string::npos || name.find(block) == std::string::npos) continue;
        out->set(fuser_scope(count) + "." + name.substr(at + std::string_view(kFuser).size()), tensor);
        any = true;
      }
      if (any) ++count;
    }
  return out;
}

GligenConfig read_gligen_config(const StoredTensors& tensors, const std::string& file_name) {
  GligenConfig c;
  c.text_width = shape_of(tensors, kNull, 1, file_name)[0];
  c.token_width = shape_of(tensors, "position_net.linears.4.weight", 2, file_name)[0];
  const auto any_of = [&](size_t at) {
    return std::any_of(tensors.begin(), tensors.end(),
                       [scope = fuser_scope(at) + "."](const auto& item) { return item.first.starts_with(scope); });
  };
  for (size_t i = 0; any_of(i); ++i)
    c.widths.push_back(shape_of(tensors, fuser_scope(i) + ".linear.weight", 2, file_name)[0]);
  if (c.widths.empty()) bad(file_name, "there are no tensors '*" + std::string(kFuser) + "*'");
  return c;
}

GligenHandle load_gligen(memory::Residency& residency, const StoredTensors& file, DType compute,
                         const std::string& file_name) {
  const auto tensors = gligen_tensors(file, file_name);
  GligenHandle handle;
  handle.file = file_name;
  const GligenConfig config = read_gligen_config(*tensors, file_name);
  Gligen::check(nn::Weights(tensors, compute, file_name), config);
  handle.text_width = config.text_width;
  handle.widths = config.widths;
  handle.model = packed_model<Gligen>(
      residency, "GLIGEN " + file_name, {"gligen", tensors, compute}, [=](const ops::Packer& packer) {
        return std::make_shared<const Gligen>(nn::Weights(tensors, compute, file_name, packer), config);
      });
  return handle;
}

std::optional<Error> gligen_mismatch(const GligenHandle& net, const ModelHandle& model) {
  const UNetModel* unet = model.net->unet();
  if (unet && transformer_widths(*unet) == net.widths) return std::nullopt;
  return Error(Fault::kMismatch, "The GLIGEN model " + net.file + " has layers for " +
                                     std::to_string(net.widths.size()) + " spatial transformers of a UNet, and " +
                                     model.file + " (" + family_name(&model.family()) + ") has others")
      .fix(net.widths.size() == 16 ? "It fits SD 1.x models" : "Use the model that it was made for");
}

AttentionHookPtr gligen_hook(const GligenBoxes& boxes, int64_t height, int64_t width) {
  auto net = boxes.net.model->get();
  Tensor tokens = net->tokens(boxes.boxes, height, width);
  return std::make_shared<const GligenHook>(std::move(net), std::move(tokens), boxes.net.file);
}

}  // namespace easel::models
