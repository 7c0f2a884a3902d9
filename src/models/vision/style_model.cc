#include "models/vision/style_model.h"

#include "models/text/clip_keys.h"
#include "models/weights/packed_model.h"

namespace easel::models {
namespace {

constexpr int64_t kHeads = 8;

// The blocks under the names that ClipEncoder reads; other names are unchanged.
std::shared_ptr<const StoredTensors> canonical(const StoredTensors& file) {
  auto out = std::make_shared<StoredTensors>();
  for (const char* name : {"style_embedding", "proj", "ln_pre.weight", "ln_pre.bias", "ln_post.weight", "ln_post.bias"})
    if (const StoredTensor* t = file.find(name)) out->set(name, *t);
  add_openclip_blocks(file, "transformer_layes.", "encoder.", *out);
  return out;
}

Shape expect_rank(const StoredTensors& tensors, const char* name, int rank, const std::string& file) {
  const StoredTensor* t = tensors.find(name);
  if (!t) throw Error(Fault::kBadFile, std::string("tensor '") + name + "' is missing").in_file(file);
  if (t->rank() != rank || t->numel() == 0)
    throw Error(Fault::kBadFile, std::string("tensor '") + name + "' has shape " + t->shape().str()).in_file(file);
  return t->shape();
}

}  // namespace

StyleModel::StyleModel(const nn::Weights& w) : compute_(w.compute()), file_(w.file()) {
  const auto tokens = w.shape("style_embedding"), projection = w.shape("proj");
  if (!tokens || !projection) {
    for (const char* name : {"style_embedding", "proj"}) w.get(name);
    w.require_all();
  }
  if (tokens->rank() != 3 || (*tokens)[0] != 1 || projection->rank() != 2 || (*projection)[0] != (*tokens)[2])
    throw Error(Fault::kBadFile, "style_embedding " + tokens->str() + " and proj " + projection->str() +
                                     " are not those of a style model")
        .in_file(file_);
  width_ = (*tokens)[2];
  tokens_ = checked_parameter(w, "style_embedding", *tokens);
  const Tensor matrix = checked_parameter(w, "proj", *projection).to(kHost);
  if (matrix.defined()) projection_ = nn::Linear(matrix.permute({1, 0}), Tensor(), compute_, w.packer());
  pre_norm_ = checked_norm(w["ln_pre"], width_);
  post_norm_ = checked_norm(w["ln_post"], width_);
  const auto layers = static_cast<int64_t>(w["encoder"]["layers"].children().size());
  encoder_ = ClipEncoder(w["encoder"], {width_, kHeads, layers, ops::Activation::kQuickGelu, /*causal=*/false});
  w.require_all();
}

void StyleModel::check(const nn::Weights& w) { const StyleModel probed(w.probe()); }

Tensor StyleModel::encode(const Tensor& hidden) const {
  if (hidden.rank() != 3 || hidden.dim(2) != width_)
    throw Error(Fault::kMismatch, "image states of width " + std::to_string(hidden.dim(-1)) +
                                      " do not fit this style model, which takes " + std::to_string(width_))
        .in_file(file_);
  std::vector<Tensor> out;
  for (int64_t i = 0; i < hidden.dim(0); ++i) {
    const Tensor image = contiguous(convert(hidden.slice(0, i, 1), DType::kF32)).to(tokens_.device());
    const Tensor states = encoder_(pre_norm_(ops::concat({image, tokens_}, 1))).last;
    const Tensor style = contiguous(states.slice(1, states.dim(1) - tokens(), tokens()));
    out.push_back(projection_(post_norm_(style, compute_), {.f32_out = true}).to(kHost));
  }
  return out.size() == 1 ? out[0] : ops::concat(out, 0);
}

size_t StyleModel::bytes() const { return encoder_.bytes() + projection_.bytes() + tokens_.nbytes(); }

bool is_style_model(const StoredTensors& file) { return file.contains("style_embedding"); }

StyleShape read_style_shape(const StoredTensors& file, const std::string& file_name) {
  const Shape tokens = expect_rank(file, "style_embedding", 3, file_name);
  return {tokens[2], expect_rank(file, "proj", 2, file_name)[1], tokens[1]};
}

StyleModelHandle load_style_model(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name) {
  if (!is_style_model(file))
    throw Error(Fault::kUnsupported, "this is not a style model: it has no 'style_embedding'")
        .in_file(file_name)
        .fix("Choose a file from style_models/ such as coadapter-style-sd15v1.pth");
  const auto tensors = canonical(file);
  const StyleShape shape = read_style_shape(file, file_name);
  StyleModelHandle handle;
  handle.file = file_name;
  handle.width = shape.width;
  handle.tokens = shape.tokens;
  handle.context_dim = shape.context_dim;
  StyleModel::check(nn::Weights(tensors, compute, file_name));
  handle.model = packed_model<StyleModel>(
      residency, "style model " + file_name, {"style", tensors, compute}, [=](const ops::Packer& packer) {
        return std::make_shared<const StyleModel>(nn::Weights(tensors, compute, file_name, packer));
      });
  return handle;
}

std::optional<Error> style_mismatch(const StyleModelHandle& style, const ClipVisionHandle* vision, int64_t context_dim,
                                    const std::string& text_file) {
  if (vision && vision->hidden_size != style.width)
    return Error(Fault::kMismatch, "The style model " + style.file + " takes image states of width " +
                                       std::to_string(style.width) + ", but " + vision->file + " gives " +
                                       std::to_string(vision->hidden_size))
        .fix("It needs the CLIP vision model it was trained with, ViT-L/14");
  if (context_dim > 0 && context_dim != style.context_dim)
    return Error(Fault::kMismatch, "The style model " + style.file + " makes tokens of width " +
                                       std::to_string(style.context_dim) + ", but the text of " + text_file + " has " +
                                       std::to_string(context_dim))
        .fix("It fits SD 1.x models");
  return std::nullopt;
}

Tensor style_tokens(const StyleModelHandle& style, const ClipVisionOutput& image) {
  const Tensor tokens = style.model->get()->encode(image.last_hidden_state);
  return tokens.view({1, tokens.dim(0) * tokens.dim(1), tokens.dim(2)});
}

}  // namespace easel::models
