#include "nodes/extensions/efficiency/xy_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "image/edit/pictures.h"
#include "image/sheet/axes_sheet.h"
#include "image/sheet/text_drawing.h"
#include "ops/elementwise.h"

namespace easel::nodes::efficiency {
namespace {

constexpr const char *kPositive = "Positive Prompt S/R", *kNegative = "Negative Prompt S/R";

bool is_lora(const std::string& type) { return type.starts_with("LoRA"); }
bool is_lora_part(const std::string& type) { return type == "LoRA MStr" || type == "LoRA CStr"; }
bool is_lora_whole(const std::string& type) { return type == "LoRA" || type == "LoRA Stacks"; }

// Whether the text has to be encoded again for each value.
bool needs_loader(const std::string& type) {
  return is_lora(type) || type == "Checkpoint" || type == kPositive || type == kNegative || type == "Clip Skip";
}

// A text before anything is replaced, after what the outer loop replaces, and as it is encoded.
struct Prompt {
  std::string first, now;
  std::optional<std::string> outer = {};
};

std::string replaced_once(std::string text, const std::string& search, const std::string& with) {
  if (const size_t at = text.find(search); at != std::string::npos) text.replace(at, search.size(), with);
  return text;
}

// As Python writes a number that was rounded to so many places.
std::string rounded(double value, int places) {
  const double factor = std::pow(10.0, places);
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%.*f", places, std::nearbyint(value * factor) / factor);
  std::string text = out.data();
  while (text.ends_with('0') && !text.ends_with(".0")) text.pop_back();
  return text;
}

// "0.80" as "0.8", "1.00" as "1".
std::string short_number(double value) {
  std::string text = rounded(value, 2);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string stem(const std::string& file) { return std::filesystem::path(file).stem().string(); }

std::string shortened(std::string text) {
  for (const auto& [from, to] : {std::pair{"ancestral", "a"}, {"uniform", "u"}, {"exponential", "exp"}})
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1))
      text.replace(at, std::string_view(from).size(), to);
  return text;
}

// Letters are characters, of however many bytes.
int64_t most_letters(const LoraStack& loras) {
  return 50 + 12 * (std::max<int64_t>(1, static_cast<int64_t>(loras.entries.size())) - 1);
}

std::string beginning(const std::string& text, int64_t letters) {
  return std::string(image::first_characters(text, letters));
}

std::string lora_label(const std::string& type, const LoraStack& loras) {
  const LoraStack::Entry& first = loras.entries.front();
  if (type == "LoRA MStr") return "LoRA Mstr: " + short_number(first.model_strength);
  if (type == "LoRA CStr") return "LoRA Cstr: " + short_number(first.clip_strength);
  const auto strengths = [](const LoraStack::Entry& e) {
    const std::string model = short_number(e.model_strength), clip = short_number(e.clip_strength);
    return model == clip ? "(" + model + ")" : "(" + model + "," + clip + ")";
  };
  const int64_t most = most_letters(loras);
  const auto length = [](double number) { return image::characters(short_number(number)); };
  if (loras.entries.size() == 1) {
    const int64_t beside = image::characters("LoRA: ()") + length(first.model_strength);
    return "LoRA: " + beginning(stem(first.file), most - beside) + strengths(first);
  }
  int64_t beside = 0;
  for (const LoraStack::Entry& e : loras.entries) beside += length(e.model_strength) + length(e.clip_strength) + 5;
  const int64_t each = std::max<int64_t>(most - beside, 0) / static_cast<int64_t>(loras.entries.size());
  std::string out;
  for (const LoraStack::Entry& e : loras.entries)
    out += (out.empty() ? "" : " ") + beginning(stem(e.file), each) + strengths(e);
  return out;
}

// What the values of both axes set; each keeps what it was set to until it is set again.
struct Variables {
  Settings settings;
  std::string scheduler;  // the sampler node's own
  std::string vae, checkpoint;
  int64_t clip_skip = -1, first_clip_skip = -1;
  Prompt positive, negative;
  std::optional<LoraStack> loras;

  // Returns the label of the value.
  std::string set(const std::string& type, const XyValue& value);
};

std::string replace(Prompt& prompt, const XyValue& value) {
  const std::string& from = prompt.outer ? *prompt.outer : prompt.first;
  prompt.now = value.second ? replaced_once(from, value.text, *value.second) : from;
  if (!prompt.outer) prompt.outer = prompt.now;
  return value.second.value_or(value.text);
}

std::string Variables::set(const std::string& type, const XyValue& value) {
  const std::string whole = std::to_string(value.whole);
  if (type == "Seeds++ Batch") {
    settings.seed = settings.seed + static_cast<uint64_t>(value.whole);
    return "Seed: " + std::to_string(settings.seed);
  }
  if (type == "AddNoise" || type == "ReturnNoise") {
    (type == "AddNoise" ? settings.add_noise : settings.leftover_noise) = value.text == "enable";
    return type + ": " + value.text;
  }
  if (type == "Steps") {
    settings.steps = value.whole;
    return "Steps: " + whole;
  }
  if (type == "StartStep") {
    settings.start = value.whole;
    return "StartStep: " + whole;
  }
  if (type == "EndStep" || type == "RefineStep") {
    settings.end = value.whole;
    return type + ": " + whole;
  }
  if (type == "Refiner On/Off") {
    settings.end = static_cast<int64_t>(value.number * static_cast<double>(settings.steps));
    return value.number < 1 ? "Refiner: On" : "Refiner: Off";
  }
  if (type == "CFG Scale") {
    settings.cfg = value.number;
    return "CFG: " + rounded(value.number, 2);
  }
  if (type == "Denoise") {
    settings.denoise = value.number;
    return "Denoise: " + rounded(value.number, 2);
  }
  if (type == "Sampler") {
    settings.sampler = value.text;
    if (value.second && value.second->empty()) return shortened(value.text);  // the other axis sets the scheduler
    settings.scheduler = value.second.value_or(scheduler);
    return shortened(value.text + " (" + settings.scheduler + ")");
  }
  if (type == "Scheduler") {
    settings.scheduler = value.text;
    return shortened(value.second ? value.text : settings.sampler + " (" + value.text + ")");
  }
  if (type == "VAE") {
    vae = value.text;
    return "VAE: " + stem(value.text);
  }
  if (type == kPositive) return replace(positive, value);
  if (type == kNegative) return "(-) " + replace(negative, value);
  if (type == "Clip Skip") {
    clip_skip = value.whole;
    return "ClipSkip (" + whole + ")";
  }
  if (type == "Checkpoint") {
    checkpoint = value.text;
    clip_skip = value.clip_skip.value_or(first_clip_skip);
    if (value.second) vae = *value.second;
    return stem(value.text);
  }
  if (!is_lora(type)) return "";
  if (!loras || type == "LoRA Stacks") loras = value.loras;
  LoraStack::Entry& first = loras->entries.front();
  first.file = value.loras.entries.front().file;
  if (value.first_model) first.model_strength = *value.first_model;
  if (value.first_clip) first.clip_strength = *value.first_clip;
  return lora_label(type, *loras);
}

// What is sampled with, loaded again where the values of an axis ask for it.
class Models {
 public:
  Models(const Parts& parts, const XyPlot& plot, const XyAxis& outer, const XyAxis& inner, Subject subject, Value vae)
      : parts_(parts),
        plot_(plot),
        outer_(outer.type),
        inner_(inner.type),
        subject_(std::move(subject)),
        vae_(std::move(vae)) {}

  // For a pair of values, the inner one the `index`th.
  void follow(const Variables& v, size_t index) {
    bool again = false;
    Value clip;
    const LoraStack none;
    if (outer_ == "Checkpoint" && index == 0 && !is_lora_whole(inner_)) {
      load(v, v.loras ? *v.loras : none, clip);
      again = true;
    } else if (is_lora(outer_) || is_lora_whole(inner_)) {
      load(v, v.loras ? *v.loras : none, clip);
      again = true;
    }
    const auto is_text = [](const std::string& type) {
      return type == kPositive || type == kNegative || type == "Clip Skip";
    };
    again = again || (is_text(outer_) && index == 0) || is_text(inner_);
    if (again) {
      // Where no model was loaded, the texts are for the loader's, as in the original.
      if (clip.empty()) clip = own_clip();
      Encoded texts = encode(parts_, clip, v.clip_skip, v.positive.now, v.negative.now);
      std::tie(subject_.positive, subject_.negative) =
          apply_controls(parts_, texts.positive, texts.negative, plot_.from->controls);
    }
    if ((outer_ == "VAE" && index == 0) || inner_ == "VAE" || (outer_ == "Checkpoint" && index == 0 && !v.vae.empty()))
      vae_ = load_vae(parts_, v.checkpoint, v.vae);
  }

  const Subject& subject() const { return subject_; }
  const Value& vae() const { return vae_; }

 private:
  void load(const Variables& v, const LoraStack& loras, Value& clip) {
    Loaded loaded = efficiency::load(parts_, v.checkpoint, loras, "Baked VAE");
    subject_.model = loaded.model;
    clip = loaded.clip;
  }
  const Value& own_clip() {
    if (own_clip_.empty())
      own_clip_ = efficiency::load(parts_, plot_.from->checkpoint, plot_.from->loras, "Baked VAE").clip;
    return own_clip_;
  }

  const Parts& parts_;
  const XyPlot& plot_;
  std::string outer_, inner_;
  Subject subject_;
  Value vae_, own_clip_;
};

// Long names of files are cut when all labels of an axis are there.
void cut(std::vector<std::string>& labels, const std::string& type, int64_t most) {
  if (type != "VAE" && type != "Checkpoint" && !is_lora(type)) return;
  int64_t longest = 0;
  for (const std::string& label : labels) longest = std::max(longest, image::characters(label));
  const int64_t length = std::max<int64_t>(std::min(longest, most), 24);
  for (std::string& label : labels)
    if (image::characters(label) > length) label = beginning(label, length) + "...";
}

// The original's loops go over what takes longest to load first.
bool is_turned(const XyAxis& x, const XyAxis& y) {
  const auto rank = [](const std::string& type) {
    constexpr std::array kFirst{"Checkpoint", "Refiner", "LoRA", "LoRA Stacks", "VAE"};
    const auto at = std::find(kFirst.begin(), kFirst.end(), type);
    return at == kFirst.end() ? 999 : static_cast<int>(at - kFirst.begin());
  };
  const std::set<std::string> texts{kPositive, kNegative, "Clip Skip"};
  const bool both_texts = texts.contains(x.type) && texts.contains(y.type);
  if (rank(y.type) < rank(x.type) && !both_texts) return true;
  if (x.type == "Refiner On/Off" && (y.type == "RefineStep" || y.type == "Steps")) return true;
  return x.type == "Nothing" && y.type != "Nothing";
}

void check_kind(Kind kind, const XyPlot& plot) {
  static const std::set<std::string> kNotAll{"AddNoise", "ReturnNoise", "StartStep",
                                             "EndStep",  "RefineStep",  "Refiner On/Off"},
      kNotSome{"RefineStep", "Denoise", "Refiner On/Off"}, kNotRefined{"AddNoise", "EndStep", "Denoise"};
  const std::set<std::string>& not_there = kind == Kind::kAllSteps    ? kNotAll
                                           : kind == Kind::kSomeSteps ? kNotSome
                                                                      : kNotRefined;
  for (const XyAxis* axis : {&plot.x, &plot.y}) {
    if (not_there.contains(axis->type))
      throw Error(Fault::kInvalid, "this sampler has no values of the axis " + axis->type)
          .at_input("script")
          .fix("Use another of the samplers, or another axis");
    if (kind == Kind::kRefined && needs_loader(axis->type))
      throw Error(Fault::kUnsupported,
                  "axes that load and encode again (" + axis->type + ") are not there for SDXL tuples")
          .at_input("script")
          .fix("Use KSampler (Efficient), or another axis");
  }
}

// Sets the values of all pairs one after the other. `begin` is told of each value of the outer axis and its label, and
// `each` of each pair and the inner label. Returns what was set in the end.
template <class Begin, class Each>
Variables for_pairs(Variables v, const XyAxis& outer, const XyAxis& inner, const Begin& begin, const Each& each) {
  const uint64_t seed = v.settings.seed;
  const auto set = [&](const XyAxis& axis, size_t at) {
    if (axis.type == "Seeds++ Batch") v.settings.seed = seed;
    return v.set(axis.type, axis.values[at]);
  };
  for (size_t i = 0; i < outer.values.size(); ++i) {
    v.positive.outer.reset();
    v.negative.outer.reset();
    begin(set(outer, i));
    for (size_t j = 0; j < inner.values.size(); ++j) {
      const std::string label = set(inner, j);
      each(v, i, j, label);
    }
  }
  return v;
}

// The sheet without its pictures.
image::AxesSheet labelled(const XyPlot& plot, const Variables& first, const XyAxis& outer, const XyAxis& inner) {
  std::vector<std::string> outer_labels, inner_labels;
  const Variables last = for_pairs(
      first, outer, inner, [&](std::string label) { outer_labels.push_back(std::move(label)); },
      [&](const Variables&, size_t i, size_t, const std::string& label) {
        if (i == 0) inner_labels.push_back(label);
      });
  const int64_t most = is_lora(outer.type) || is_lora(inner.type) ? most_letters(last.loras.value_or(LoraStack())) : 42;
  cut(outer_labels, outer.type, most);
  cut(inner_labels, inner.type, most);
  const bool turned = &outer == &plot.y;
  image::AxesSheet out{.pictures = std::vector<Tensor>(plot.x.values.size() * plot.y.values.size()),
                       .columns = plot.x.values.size(),
                       .column_labels = turned ? inner_labels : outer_labels,
                       .row_labels = turned ? outer_labels : inner_labels,
                       .spacing = plot.spacing,
                       .vertical = plot.vertical_labels};
  if (plot.x.type == "Nothing") out.column_labels.clear();
  if (plot.y.type == "Nothing") out.row_labels.clear();
  return out;
}

// The first picture of a batch, as it is sampled for every pair.
Latent first_of(const Latent& latent) {
  Latent out = latent;
  out.samples = contiguous(latent.samples.slice(0, 0, 1));
  if (latent.noise_mask.defined()) out.noise_mask = contiguous(latent.noise_mask.slice(0, 0, 1));
  out.batch_index.clear();
  return out;
}

Latent joined(const std::vector<Latent>& latents) {
  Latent out = latents.front();
  std::vector<Tensor> samples, masks;
  for (const Latent& latent : latents) {
    samples.push_back(latent.samples);
    if (latent.noise_mask.defined()) masks.push_back(latent.noise_mask);
  }
  out.samples = ops::concat(samples, 0);
  if (!masks.empty()) out.noise_mask = ops::concat(masks, 0);
  return out;
}

}  // namespace

void check_axes(const XyPlot& plot) {
  const std::string &x = plot.x.type, &y = plot.y.type;
  const auto refuse = [](const std::string& what, const char* input, const std::string& fix) {
    throw Error(Fault::kInvalid, what).at_input(input).fix(fix);
  };
  if (x == y && x != "Nothing" && x != kPositive && x != kNegative)
    refuse("both axes are " + x, "Y", "Use two different ones");
  if (is_lora_whole(x) && is_lora_whole(y)) refuse("both axes are LoRAs", "Y", "Use two different ones");
  if (is_lora_part(x) != is_lora_part(y)) refuse("the two axes of a LoRA Plot go together", "Y", "Link both");
  if ((needs_loader(x) || needs_loader(y) || x == "VAE" || y == "VAE") && !plot.from)
    refuse("these axes load and encode again what a loader did", "dependencies", "Link the loader's DEPENDENCIES");
  for (const XyAxis* axis : {&plot.x, &plot.y})
    if (axis->values.empty())
      refuse("the axis " + axis->type + " has no values", axis == &plot.x ? "X" : "Y", "Give it some");
}

size_t axis_bytes(const XyAxis& axis) {
  size_t sum = axis.values.size() * sizeof(XyValue);
  for (const XyValue& value : axis.values) {
    sum += value.text.size() + (value.second ? value.second->size() : 0);
    for (const LoraStack::Entry& entry : value.loras.entries) sum += sizeof(entry) + entry.file.size();
  }
  return sum;
}

size_t script_bytes(const Script& script) {
  if (!script.plot) return sizeof(script);
  const XyPlot& plot = *script.plot;
  return sizeof(script) + axis_bytes(plot.x) + axis_bytes(plot.y) +
         (plot.from ? LinkType<Dependencies>::bytes(*plot.from) : 0);
}

Plotted plotted(const Parts& parts, const Call& call, Kind kind, const XyPlot& plot,
                const std::optional<HiresFix>& hires_fix, const Settings& settings, const Subject& subject,
                const Value& vae, const std::string& vae_decode, const Latent& latent) {
  check_kind(kind, plot);
  const bool turned = is_turned(plot.x, plot.y);
  const XyAxis &outer = turned ? plot.y : plot.x, &inner = turned ? plot.x : plot.y;
  Variables v;
  v.settings = settings;
  v.scheduler = settings.scheduler;
  if (plot.from) {
    v.vae = plot.from->vae;
    v.checkpoint = plot.from->checkpoint;
    v.clip_skip = v.first_clip_skip = plot.from->clip_skip;
    v.positive = {plot.from->positive, plot.from->positive};
    v.negative = {plot.from->negative, plot.from->negative};
    if (!is_lora(plot.x.type) && !is_lora(plot.y.type) && !plot.from->loras.entries.empty()) v.loras = plot.from->loras;
  }
  Models models(parts, plot, outer, inner, subject, vae);
  const Value start = computed<Latent>(first_of(latent));
  image::AxesSheet sheet = labelled(plot, v, outer, inner);
  std::vector<Tensor>& pictures = sheet.pictures;
  std::vector<Latent> latents(pictures.size());
  int done = 0;
  const auto sample = [&](const Variables& now, size_t i, size_t j, const std::string&) {
    models.follow(now, j);
    const Value made = sampled(parts, kind, now.settings, models.subject(), start);
    LatentAndPicture out{made, {}};
    if (hires_fix) out = second_pass(parts, *hires_fix, now.settings, models.subject(), models.vae(), vae_decode, made);
    if (out.picture.empty()) out.picture = decoded(parts, vae_decode, models.vae(), out.latent);
    const size_t at = turned ? i * sheet.columns + j : j * sheet.columns + i;
    latents[at] = out.latent.as<Latent>();
    pictures[at] = contiguous(out.picture.as<Tensor>().slice(0, 0, 1));
    // A sheet that is too large is refused before the rest is sampled for it.
    if (done == 0) image::axes_sheet_size(sheet, pictures[at].dim(2), pictures[at].dim(1));
    call.part_done(++done, static_cast<int>(pictures.size()));
  };
  for_pairs(
      v, outer, inner, [](const std::string&) {}, sample);
  const Value drawn = computed<Image>(image::draw_axes_sheet(sheet));
  return {computed<Latent>(joined(latents)), plot.is_output ? drawn : computed<Image>(ops::concat(pictures, 0)), drawn};
}

}  // namespace easel::nodes::efficiency
