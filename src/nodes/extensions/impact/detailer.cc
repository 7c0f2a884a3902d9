#include "nodes/extensions/impact/detailer.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "guidance/ksample.h"
#include "image/edit/composite.h"
#include "image/edit/elementwise.h"
#include "image/edit/pictures.h"
#include "image/scale/pillow.h"
#include "models/text/text_encoder.h"
#include "node_api/text_length.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/common/sampling_run.h"
#include "nodes/extensions/impact/wildcard_text.h"
#include "ops/elementwise.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ModelHandle;

constexpr std::string_view kBeside = "[CONCAT]";

// --- The text of the parts ---

// Without what says how it is used.
std::string plain_text(const std::string& wildcard) {
  return wildcard.starts_with(kBeside) ? wildcard.substr(kBeside.size()) : wildcard;
}

Error no_such_text(const std::string& what) {
  return Error(Fault::kInvalid, what + " are not there")
      .at_input("wildcard")
      .fix("Write what all parts show, or leave it empty: then that is `positive`");
}

// The positive conditioning of the parts, by their text if there is one.
Value shown(const Parts& parts, const Means& means) {
  const std::string text = plain_text(means.wildcard);
  if (text.empty()) return means.positive;
  Value all;
  std::vector<std::string> pieces;
  for (const std::string& piece : split(without_comment_lines(text), "BREAK"))
    if (std::string one = stripped(piece); !one.empty()) pieces.push_back(std::move(one));
  if (pieces.empty()) pieces.emplace_back();
  for (const std::string& piece : pieces) {
    const Value one = parts.make("CLIPTextEncode", {{"text", piece}}, {{"clip", means.clip}})[0];
    all = all.empty() ? one
                      : parts.make("ConditioningConcat", {}, {{"conditioning_to", all}, {"conditioning_from", one}})[0];
  }
  if (means.wildcard.starts_with(kBeside))
    return parts.make("ConditioningConcat", {}, {{"conditioning_to", means.positive}, {"conditioning_from", all}})[0];
  Conditioning first = all.as<Conditioning>();
  first.resize(1);
  return computed<Conditioning>(std::move(first));
}

// --- A part ---

Tensor part(const Tensor& picture, const image::PartBox& box) {
  return contiguous(picture.slice(1, box.y1, box.height()).slice(2, box.x1, box.width()));
}

// Pillow's Lanczos on bytes, also where the size stays.
Tensor resized(const Tensor& picture, image::Size size) {
  const Tensor bytes =
      image::map(picture, [](float v) { return std::floor(std::clamp(v, 0.0f, 1.0f) * 255.0f) / 255.0f; });
  if (bytes.dim(1) == size.height && bytes.dim(2) == size.width) return bytes;
  return image::pillow_resize(bytes, size, image::PillowFilter::kLanczos);
}

// The size in which a part is drawn; nothing where it is large enough to be left as it is.
std::optional<image::Size> drawn_size(const Drawing& in, const Segment& one) {
  const auto width = static_cast<double>(one.crop.width()), height = static_cast<double>(one.crop.height());
  const double found_width = one.box.width(), found_height = one.box.height();
  if (!in.force_inpaint && found_width >= in.guide_size && found_height >= in.guide_size) return std::nullopt;
  double factor = in.guide_size / (in.guide_size_for ? std::min(found_width, found_height) : std::min(width, height));
  double wide = std::trunc(width * factor), high = std::trunc(height * factor);
  if (wide > in.max_size || high > in.max_size) {
    factor *= in.max_size / std::max(wide, high);
    wide = std::trunc(width * factor);
    high = std::trunc(height * factor);
  }
  if (factor > 1.0 && wide > 0 && high > 0) return image::Size{static_cast<int64_t>(wide), static_cast<int64_t>(high)};
  if (!in.force_inpaint) return std::nullopt;
  return image::Size{one.crop.width(), one.crop.height()};
}

// The last steps of a schedule that is longer by 1 / denoise, which may go on beyond them. KSampler counts from the
// schedule's end.
guidance::KSampleRequest last_steps(const Drawing& in, uint64_t seed, guidance::KSampleRequest request) {
  request.seed = seed;
  request.steps = static_cast<int>(std::floor(static_cast<double>(in.steps) / in.denoise));
  request.cfg = in.cfg;
  request.sampler = in.sampler_name;
  request.scheduler = in.scheduler;
  request.path_spans_schedule = true;
  request.start_step = request.steps - static_cast<int>(in.steps);
  request.last_step = request.steps;
  request.force_full_denoise = true;
  return request;
}

// A part as it is drawn anew, in its own size; nothing where it is left as it is.
std::optional<Tensor> drawn(const Drawing& in, const Call& call, const Parts& parts, const Means& means,
                            const Tensor& picture, const Segment& one, uint64_t seed) {
  const std::optional<image::Size> size = drawn_size(in, one);
  if (!size) return std::nullopt;
  const Value pixels = computed<Image>(resized(part(picture, one.crop), *size));
  Value latent, positive = means.positive, negative = means.negative;
  Value mask;
  if (in.noise_mask) mask = computed<Mask>(softened(one.mask, in.noise_mask_feather.value_or(0)));
  if (in.noise_mask && in.inpaint_model) {
    const Outputs made = parts.make(
        "InpaintModelConditioning", {{"noise_mask", true}},
        {{"positive", positive}, {"negative", negative}, {"vae", means.vae}, {"pixels", pixels}, {"mask", mask}});
    positive = made[0];
    negative = made[1];
    latent = made[2];
  } else {
    latent = parts.make("VAEEncode", {}, {{"pixels", pixels}, {"vae", means.vae}})[0];
    if (in.noise_mask) latent = parts.make("SetLatentNoiseMask", {}, {{"samples", latent}, {"mask", mask}})[0];
  }
  for (int64_t i = 0; i < in.cycle; ++i) {
    Latent again = latent.as<Latent>();
    again.samples =
        guidance::ksample(last_steps(in, seed + static_cast<uint64_t>(i),
                                     sampling_request(means.model.as<ModelHandle>(), positive.as<Conditioning>(),
                                                      negative.as<Conditioning>(), again, call)));
    latent = computed<Latent>(std::move(again));
  }
  const Value decoded = parts.make("VAEDecode", {}, {{"samples", latent}, {"vae", means.vae}})[0];
  return resized(decoded.as<Tensor>(), {one.crop.width(), one.crop.height()});
}

void check_inputs(const Tensor& picture, const Segments& all, const Means& means) {
  if (picture.dim(0) != 1 || picture.dim(3) != 3)
    throw Error(Fault::kInvalid, "takes one picture without transparency, and not " + picture.str()).at_input("image");
  if (!all.items.empty() && (all.width != picture.dim(2) || all.height != picture.dim(1)))
    throw Error(Fault::kMismatch, "parts of a picture of " + std::to_string(all.width) + "x" +
                                      std::to_string(all.height) + " do not fit one of " +
                                      std::to_string(picture.dim(2)) + "x" + std::to_string(picture.dim(1)))
        .at_input("segs")
        .fix("Make them from a mask of this picture's size");
  for (const Value& texts : {means.positive, means.negative})
    for (const models::ConditioningEntry& entry : texts.as<Conditioning>())
      if (entry.mask.defined())
        throw Error(Fault::kInvalid, "conditioning with a mask is not there for parts of a picture")
            .fix("Take the mask away for this node");
}

// A picture with a mask as its alpha.
Tensor with_alpha(const Tensor& picture, const Tensor& mask) {
  return ops::concat({picture, image::as_picture(mask)}, -1);
}

// As Python sorts shapes: by height, then by width.
void largest_first(std::vector<Tensor>& all) {
  std::stable_sort(all.begin(), all.end(), [](const Tensor& a, const Tensor& b) {
    return a.dim(1) != b.dim(1) ? a.dim(1) > b.dim(1) : a.dim(2) > b.dim(2);
  });
}

}  // namespace

void check_drawing(const Drawing& in) {
  try {
    sampling::require_schedule(static_cast<int>(in.steps), in.denoise);
  } catch (Error& e) {
    throw e.at_input("denoise");
  }
}

void check_detail_text(const std::string& wildcard) {
  require_length(wildcard.size());
  const std::string rest = plain_text(wildcard);
  for (const char* order : {"[ASC]", "[DSC]", "[ASC-SIZE]", "[DSC-SIZE]", "[RND]"})
    if (rest.starts_with(order)) throw no_such_text("texts for one part after another (" + std::string(order) + ")");
  if (rest.starts_with("[LAB]")) throw no_such_text("texts by what parts are ([LAB])");
  const std::string text = without_comment_lines(rest);
  if (text.find('{') != std::string::npos) throw no_such_text("choices ({a|b})");
  if (names_a_file(text)) throw no_such_text("files of choices (__name__)");
  if (text.find("<lora:") != std::string::npos) throw no_such_text("LoRAs in the text (<lora:name:weight>)");
}

Detailed drawn_anew(const Drawing& in, const Tensor& picture, const Segments& all, uint64_t seed, Means means,
                    Call& call) {
  check_detail_text(means.wildcard);
  check_inputs(picture, all, means);
  const Parts parts(call, Parts::Doing::kRun);
  if (in.noise_mask_feather.value_or(0) > 0)
    means.model = parts.make("DifferentialDiffusion", {}, {{"model", means.model}})[0];
  const std::string text = stripped(plain_text(means.wildcard));
  Detailed out{.picture = picture, .parts = none_of(all), .before = {}, .refined = {}, .refined_alpha = {}};
  if (text == "[SKIP]" || text == "[STOP]") return out;
  means.positive = shown(parts, means);
  for (size_t i = 0; i < all.items.size(); ++i) {
    Segment one = all.items[i];
    if (image::is_blank(one.mask)) continue;
    out.before.push_back(part(out.picture, one.crop));
    const auto fresh = drawn(in, call, parts, means, out.picture, one, seed + i);
    one.picture = fresh.value_or(Tensor());
    if (fresh) {
      const Tensor soft = softened(one.mask, in.feather);
      out.picture = image::composite_masked(out.picture, *fresh, soft, {.x = one.crop.x1, .y = one.crop.y1});
      out.refined.push_back(*fresh);
      out.refined_alpha.push_back(with_alpha(*fresh, soft));
    }
    out.parts.items.push_back(std::move(one));
    call.part_done(static_cast<int>(i) + 1, static_cast<int>(all.items.size()));
  }
  for (std::vector<Tensor>* list : {&out.before, &out.refined, &out.refined_alpha}) largest_first(*list);
  return out;
}

Value no_picture() { return computed<Image>(Tensor::zeros(Shape{1, 64, 64, 3})); }

std::vector<Value> pictures_or_none(std::vector<Tensor> all) {
  std::vector<Value> out;
  for (Tensor& one : all) out.push_back(computed<Image>(std::move(one)));
  if (out.empty()) out.push_back(no_picture());
  return out;
}

}  // namespace easel::nodes
