#include "models/vision/photo_maker.h"

#include <algorithm>

#include "image/scale/clip_preprocess.h"
#include "models/text/clip_keys.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

constexpr std::string_view kScope = "id_encoder.";
constexpr const char* kNorm = "fuse_module.layer_norm.weight";

// What the names of the network's tensors begin with: nothing where the file's only dictionary was unwrapped.
std::string scope_in(const StoredTensors& file) {
  return file.contains(std::string(kScope) + kNorm) ? std::string(kScope) : std::string();
}

std::shared_ptr<const StoredTensors> own_tensors(const StoredTensors& file) {
  const std::string scope = scope_in(file);
  auto out = std::make_shared<StoredTensors>(*vision_tower_tensors(file, scope));
  for (const auto& [name, tensor] : file)
    if (name.starts_with(scope + "visual_projection_2.") || name.starts_with(scope + "fuse_module."))
      out->set(name.substr(scope.size()), tensor);
  return out;
}

// The number of the trigger among the words of a text, which are what stands between single blanks, from 1; 0 if it is
// not there.
int64_t trigger_position(std::string_view text) {
  for (int64_t number = 1;; ++number) {
    const size_t end = text.find(' ');
    if (text.substr(0, end) == kPhotoMakerWord) return number;
    if (end == std::string_view::npos) return 0;
    text.remove_prefix(end + 1);
  }
}

// Without the tokens of one word; the chunk's last token fills the places at its end.
void remove_word(std::vector<text::Chunk>& chunks, int64_t word) {
  for (text::Chunk& chunk : chunks) {
    const size_t length = chunk.size();
    const text::Token last = chunk.back();
    std::erase_if(chunk, [&](const text::Token& token) { return token.word == word; });
    chunk.resize(length, last);
  }
}

}  // namespace

PhotoMaker::Mlp PhotoMaker::mlp(const nn::Weights& w, int64_t in, int64_t out) {
  const auto shape = w["fc1"].shape("weight");
  const int64_t hidden = shape && shape->rank() == 2 ? (*shape)[0] : 0;
  return {checked_norm(w["layernorm"], in), checked_linear(w["fc1"], in, hidden),
          checked_linear(w["fc2"], hidden, out)};
}

PhotoMaker::PhotoMaker(const nn::Weights& w) : vision_(w), compute_(w.compute()) {
  if (!w.has("visual_projection_2.weight")) w.get("visual_projection_2.weight");  // recorded as missing
  w.require_all();
  width_ = read_clip_vision_config(w).embeds_width();
  const nn::Weights fuse = w["fuse_module"];
  first_ = mlp(fuse["mlp1"], 2 * width_, width_);
  second_ = mlp(fuse["mlp2"], width_, width_);
  norm_ = checked_norm(fuse["layer_norm"], width_);
  w.require_all();
}

void PhotoMaker::check(const nn::Weights& w) { const PhotoMaker probed(w.probe()); }

Tensor PhotoMaker::run(const Mlp& mlp, const Tensor& x, const Tensor& residual) const {
  const Tensor hidden = mlp.fc1(mlp.norm(x, compute_), {.activation = ops::Activation::kGelu});
  return mlp.fc2(hidden, {.residual = residual, .f32_out = true});
}

Tensor PhotoMaker::fuse(const Tensor& pixels, const Tensor& word) const {
  const Tensor person = vision_.encode(pixels).image_embeds.view({1, 1, width_});
  const Device device = vision_.device();
  const Tensor text = contiguous(word).to(device);
  Tensor x = run(first_, ops::concat({text, person.to(device)}, 2), text);
  x = run(second_, x, x);
  return norm_(x).to(kHost);
}

size_t PhotoMaker::bytes() const {
  size_t total = vision_.bytes();
  for (const Mlp* mlp : {&first_, &second_}) total += mlp->fc1.bytes() + mlp->fc2.bytes();
  return total;
}

bool is_photo_maker(const StoredTensors& file) { return file.contains(scope_in(file) + kNorm); }

int64_t read_photo_maker_width(const StoredTensors& file, const std::string& file_name) {
  const StoredTensor& norm = *file.find(scope_in(file) + kNorm);
  if (norm.rank() == 1 && norm.numel() > 0) return norm.dim(0);
  throw Error(Fault::kBadFile, std::string("tensor '") + kNorm + "' has shape " + norm.shape().str())
      .in_file(file_name);
}

void check_photo_maker(const StoredTensors& file, const std::string& file_name) {
  if (!is_photo_maker(file))
    throw Error(Fault::kUnsupported, "this is not a PhotoMaker model: it has no 'fuse_module'")
        .in_file(file_name)
        .fix("Choose a file from photomaker/ such as photomaker-v1.bin");
  const std::string scope = scope_in(file);
  for (const auto& [name, tensor] : file)
    if (name.starts_with(scope + "qformer_perceiver."))
      throw Error(Fault::kUnsupported, "this is PhotoMaker's second version, which also needs a network for faces")
          .in_file(file_name)
          .fix("Use photomaker-v1.bin");
  if (!vision_tower_tensors(file, scope))
    throw Error(Fault::kBadFile, "the PhotoMaker model has no vision tower").in_file(file_name);
  PhotoMaker::check(nn::Weights(own_tensors(file), DType::kF32, file_name));
}

PhotoMakerHandle load_photo_maker(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name) {
  check_photo_maker(file, file_name);
  const auto tensors = own_tensors(file);
  PhotoMakerHandle handle;
  handle.file = file_name;
  handle.width = read_photo_maker_width(file, file_name);
  handle.image_size = read_clip_vision_config(nn::Weights(tensors, compute, file_name)).image_size;
  handle.model = packed_model<PhotoMaker>(
      residency, "PhotoMaker " + file_name, {"photomaker", tensors, compute}, [=](const ops::Packer& packer) {
        return std::make_shared<const PhotoMaker>(nn::Weights(tensors, compute, file_name, packer));
      });
  return handle;
}

std::optional<Error> photo_maker_mismatch(const PhotoMakerHandle& net, const ClipHandle& clip) {
  const int64_t given = clip.encoder->context_dim();
  if (given == net.width) return std::nullopt;
  return Error(Fault::kMismatch, "The PhotoMaker model " + net.file + " takes words of " + std::to_string(net.width) +
                                     " numbers, but the text encoder of " + clip.encoder->file() + " makes " +
                                     std::to_string(given))
      .fix("It fits SDXL's text encoders");
}

EncodedText encode_with_person(const PhotoMakerHandle& net, const ClipHandle& clip, const Tensor& images,
                               std::string_view text, std::vector<std::string>* warnings) {
  require_one_encoding(clip);
  PromptTokens tokens = clip.encoder->tokenize(text, clip.embeddings.get(), warnings);
  const int64_t word = trigger_position(text);
  if (word == 0) {
    if (warnings)
      warnings->push_back("the text does not name \"" + std::string(kPhotoMakerWord) +
                          "\" as a word of its own, so the picture has no effect; write it behind the word for the "
                          "person");
    return clip.encoder->encode(tokens, clip.stop_at_layer);
  }
  if (const auto misfit = photo_maker_mismatch(net, clip)) throw Error(*misfit);
  for (std::vector<text::Chunk>* chunks : {&tokens.l, &tokens.h, &tokens.g}) remove_word(*chunks, word);
  EncodedText out = clip.encoder->encode(tokens, clip.stop_at_layer);
  if (out.cond.dim(1) != text::kChunkLength)
    throw Error(Fault::kInvalid, "the text is longer than the 75 tokens in which PhotoMaker looks for a person")
        .at_input("text")
        .fix("Shorten it");
  const int64_t token = word - 1;
  if (token >= text::kChunkLength) return out;
  const Tensor pixels =
      image::clip_preprocess(contiguous(images.slice(0, 0, 1)), net.image_size, image::ClipCrop::kCenter);
  Tensor cond = clone(out.cond);
  ops::copy(net.model->get()->fuse(pixels, cond.slice(1, token, 1)), cond.slice(1, token, 1));
  out.cond = std::move(cond);
  return out;
}

}  // namespace easel::models
