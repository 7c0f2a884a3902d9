#include "models/sd/few_steps.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

#include "models/sd/variants.h"

namespace easel::models::sd {
namespace {

enum class Method { kLcm, kTurbo, kLightning, kHyper, kDmd2, kTcd };

constexpr int kAnySteps = -1;  // as many as the name says
constexpr int kNoSteps = 0;    // the name says none
enum Holds : unsigned { kLora = 1, kNetwork = 2, kBoth = 3 };
enum Fits : unsigned { kSd15 = 1, kSd21 = 2, kXl = 4, kAll = 7 };

// One row for each published set of settings; the first that applies is taken.
struct Row {
  Method method;
  unsigned holds, fits;
  int named_steps;        // kAnySteps, kNoSteps, or exactly these
  const char* word = "";  // one that the name must also have
  int steps = 0;          // 0: those of the name
  double cfg = 1;
  const char *sampler = "", *scheduler = "", *prediction = "", *remark = "";
  bool publishers = false;  // the name must begin as the publisher's files do
};

constexpr const char* kOwnStart =
    "its makers begin at a lower noise level than a KSampler does: for that, give SamplerCustom sigmas";

// Of the cards of latent-consistency/*, stabilityai/{sdxl,sd}-turbo, ByteDance/{SDXL-Lightning,Hyper-SD},
// tianweiy/DMD2 and h1t/TCD-*; for merges with a step count of their makers' choice, of those most used (DreamShaper
// XL, RealVisXL, Juggernaut XL, Realistic Vision). "trailing" timesteps are sgm_uniform, guidance 0 is a cfg of 1.
constexpr Row kRows[] = {
    {Method::kLcm, kBoth, kAll, kAnySteps, "", 0, 1.0, "lcm", "sgm_uniform", "lcm"},
    {Method::kLcm, kBoth, kAll, kNoSteps, "", 4, 1.0, "lcm", "sgm_uniform", "lcm"},

    {Method::kTurbo, kLora, kAll, kNoSteps, "", 4, 1.0, "euler_ancestral", "sgm_uniform"},
    {Method::kTurbo, kNetwork, kSd21, kNoSteps, "", 1, 1.0, "euler_ancestral", "sgm_uniform"},
    {Method::kTurbo, kNetwork, kXl, kNoSteps, "", 1, 1.0, "euler_ancestral", "sgm_uniform", "", "", true},
    {Method::kTurbo, kNetwork, kXl, kNoSteps, "", 6, 2.0, "dpmpp_sde", "karras"},
    {Method::kTurbo, kBoth, kSd21 | kXl, kAnySteps, "", 0, 1.0, "euler_ancestral", "sgm_uniform"},

    {Method::kLightning, kNetwork, kXl, 1, "", 1, 1.0, "euler", "sgm_uniform", "x0"},
    {Method::kLightning, kBoth, kXl, kAnySteps, "", 0, 1.0, "euler", "sgm_uniform"},
    {Method::kLightning, kLora, kXl, kNoSteps, "", 4, 1.0, "euler", "sgm_uniform"},
    {Method::kLightning, kNetwork, kXl, kNoSteps, "", 5, 2.0, "dpmpp_sde", "karras"},

    {Method::kHyper, kNetwork, kXl, 1, "", 1, 1.0, "lcm", "sgm_uniform", "", kOwnStart},
    {Method::kHyper, kLora, kAll, 1, "", 1, 1.0, "lcm", "sgm_uniform", "",
     "with more steps, TCDModelSamplingDiscrete with a falling eta"},
    {Method::kHyper, kLora, kAll, kAnySteps, "cfg", 0, 5.0, "ddim", "sgm_uniform"},
    {Method::kHyper, kBoth, kAll, kAnySteps, "", 0, 1.0, "ddim", "sgm_uniform"},
    {Method::kHyper, kLora, kAll, kNoSteps, "", 8, 1.0, "ddim", "sgm_uniform"},
    {Method::kHyper, kNetwork, kAll, kNoSteps, "", 6, 1.5, "dpmpp_sde", "karras"},

    {Method::kDmd2, kBoth, kXl | kSd15, 1, "", 1, 1.0, "lcm", "sgm_uniform", "", kOwnStart},
    {Method::kDmd2, kBoth, kXl | kSd15, kAnySteps, "", 0, 1.0, "lcm", "sgm_uniform"},
    {Method::kDmd2, kBoth, kXl | kSd15, kNoSteps, "", 4, 1.0, "lcm", "sgm_uniform"},

    // DDIM is their sampler with an eta of 0.
    {Method::kTcd, kBoth, kAll, kAnySteps, "", 0, 1.0, "ddim", "sgm_uniform", "",
     "its makers' sampler, with an eta of 0.3, is TCDModelSamplingDiscrete's"},
    {Method::kTcd, kBoth, kAll, kNoSteps, "", 4, 1.0, "ddim", "sgm_uniform", "",
     "its makers' sampler, with an eta of 0.3, is TCDModelSamplingDiscrete's"},
};

const char* method_name(Method method) {
  static constexpr const char* kNames[] = {"LCM", "Turbo", "Lightning", "Hyper-SD", "DMD2", "TCD"};
  return kNames[static_cast<size_t>(method)];
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "v51HyperVAE" -> v51 hyper vae; "SDXLLightning" -> sdxl lightning.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_upper(c) && !is_lower(c) && !is_digit(c)) {
      words.emplace_back();
      continue;
    }
    const bool after_small = i > 0 && is_upper(c) && (is_lower(name[i - 1]) || is_digit(name[i - 1]));
    const bool begins_word =
        i > 0 && is_upper(c) && is_upper(name[i - 1]) && i + 1 < name.size() && is_lower(name[i + 1]);
    if (after_small || begins_word) words.emplace_back();
    words.back() += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::erase_if(words, [](const std::string& w) { return w.empty(); });
  return words;
}

// What the words of a name tell.
class Name {
 public:
  explicit Name(std::string_view name) : words_(words_of(name)) {
    for (size_t i = 0; i < words_.size(); ++i)
      if (const int steps = steps_at(i); steps > 0) steps_ = steps;
  }

  int steps() const { return steps_; }
  bool has(std::initializer_list<const char*> any) const {
    return std::any_of(words_.begin(), words_.end(), [&](const std::string& word) {
      return std::any_of(any.begin(), any.end(), [&](const char* wanted) { return word == wanted; });
    });
  }
  bool names_model() const { return has({"sd", "sd15", "sd21", "sdxl", "xl", "sdv1", "sd1"}); }
  // "sd_xl_turbo", "sdxl-turbo", "sd_turbo": the publisher's, and no merge with it.
  bool begins_with_sd() const {
    return !words_.empty() && (words_[0] == "sd" || words_[0] == "sdxl" || words_[0] == "sdturbo");
  }

  std::optional<Method> method(bool lora) const {
    if (has({"lcm"}) && !has({"sampler"})) return Method::kLcm;
    if (has({"tcd"})) return Method::kTcd;
    if (has({"dmd2"})) return Method::kDmd2;
    if (has({"hypersd", "hypersdxl", "hypersd15"}) || says_hyper()) return Method::kHyper;
    // A LoRA may be for drawing lightning.
    if (lora && steps_ == kNoSteps && !names_model()) return std::nullopt;
    if (has({"lightning"})) return Method::kLightning;
    if (has({"turbo", "sdturbo"})) return Method::kTurbo;
    return std::nullopt;
  }

 private:
  // "4step", "8steps", or "4" before "step".
  int steps_at(size_t i) const {
    int number = 0;
    const std::string& word = words_[i];
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (fault != std::errc{} || number < 1 || number > 64) return kNoSteps;
    const std::string_view rest(end, static_cast<size_t>(word.data() + word.size() - end));
    if (rest == "step" || rest == "steps") return number;
    const bool next = rest.empty() && i + 1 < words_.size() && (words_[i + 1] == "step" || words_[i + 1] == "steps");
    return next ? number : kNoSteps;
  }
  // "hyper" as a word of its own has other meanings ("hyper realistic"): it counts before the model's name, at the
  // end, before "vae", or where steps are told.
  bool says_hyper() const {
    for (size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] != "hyper") continue;
      if (steps_ > 0 || i + 1 == words_.size()) return true;
      const std::string& next = words_[i + 1];
      if (next.starts_with("sd") || next == "xl" || next == "vae" || next == "bakedvae" || next == "lora") return true;
    }
    return false;
  }

  std::vector<std::string> words_;
  int steps_ = kNoSteps;
};

unsigned fits_of(const Family* family) {
  if (!family) return kAll;
  if (family == &kSd1.family) return kSd15;
  if (family == &kSd2.family) return kSd21;
  return family == &kSdxl.family ? unsigned{kXl} : 0;
}

bool applies(const Row& row, const Name& name, Method method, const FewStepsQuery& query) {
  const bool steps = row.named_steps == kAnySteps ? name.steps() > 0 : name.steps() == row.named_steps;
  const bool said = !*row.word || name.has({row.word});
  return row.method == method && (row.holds & (query.lora ? kLora : kNetwork)) && (row.fits & fits_of(query.family)) &&
         steps && said && (!row.publishers || name.begins_with_sd());
}

FewSteps proposal(const Row& row, const Name& name) {
  FewSteps out;
  out.steps = row.steps > 0 ? row.steps : name.steps();
  out.title = method_name(row.method);
  if (name.steps() > 0) out.title += ", " + std::to_string(name.steps()) + (name.steps() == 1 ? " step" : " steps");
  out.cfg = row.cfg;
  out.sampler = row.sampler;
  out.scheduler = row.scheduler;
  out.prediction = row.prediction;
  out.remark = row.remark;
  out.told_by = "name";
  return out;
}

// The names that the diffusers library gives to all files.
bool says_nothing(std::string_view stem) {
  return stem.starts_with("pytorch_lora_weights") || stem.starts_with("diffusion_pytorch_model") || stem == "model";
}

}  // namespace

std::optional<FewSteps> few_steps_named(const FewStepsQuery& query) {
  const Name name(query.name);
  const auto method = name.method(query.lora);
  if (!method) return std::nullopt;
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return applies(r, name, *method, query); });
  if (row == std::end(kRows)) return std::nullopt;
  return proposal(*row, name);
}

std::optional<FewSteps> few_steps_of(const formats::ModelFile& file, bool lora, const Family* family) {
  const std::filesystem::path path(file.path);
  std::string name = path.stem().string();
  if (says_nothing(name)) name = path.parent_path().filename().string();
  if (auto found = few_steps_named({name, lora, family})) return found;
  for (const char* key : {"modelspec.title", "ss_output_name"})
    if (const auto it = file.metadata.find(key); it != file.metadata.end())
      if (auto found = few_steps_named({it->second, lora, family})) {
        found->told_by = "metadata";
        return found;
      }
  // Of the networks that are read here, consistency models take their guidance so.
  const bool guided = std::any_of(file.tensors->begin(), file.tensors->end(), [](const auto& entry) {
    return entry.first.ends_with("time_embed.cond_proj.weight") ||
           entry.first.ends_with("time_embedding.cond_proj.weight");
  });
  if (lora || !guided) return std::nullopt;
  auto found = few_steps_named({"lcm", lora, family});
  if (found) found->told_by = "tensors";
  return found;
}

}  // namespace easel::models::sd
