// Noise levels as values: schedules, and operations on noise levels.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numbers>

#include "node_api/table.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_values.h"
#include "sampling/schedule/gits.h"
#include "sampling/schedule/model_sampling.h"
#include "sampling/schedule/schedule.h"
#include "text/regex.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;

constexpr const char* kSchedulers = "sampling/custom_sampling/schedulers";
constexpr const char* kSigmas = "sampling/custom_sampling/sigmas";

// --- Schedules ---

// f(t) for `steps` values of t, evenly spaced from `first` to `last`, and a 0 after them.
template <class F>
Results<Sigmas> schedule_of(int64_t steps, float first, float last, const F& f) {
  Sigmas out;
  for (const float t : sampling::torch_linspace(first, last, static_cast<int>(steps))) out.push_back(f(t));
  out.push_back(0.0f);
  return {std::move(out)};
}

// Throws Error(kInvalid) for a level whose logarithm or root cannot be taken.
void require_positive(double value, const char* name) {
  if (!(value > 0)) throw Error(Fault::kInvalid, "must be above 0").at_input(name);
}

struct Basic {
  Linked<ModelHandle> model;
  std::string scheduler;
  int64_t steps = 20;
  double denoise = 1.0;
};

// The number of steps in the whole schedule, the end of which is used when denoise is below 1.
double all_steps(const Basic& in) {
  return in.denoise < 1 ? static_cast<double>(in.steps) / in.denoise : static_cast<double>(in.steps);
}

void check_basic(const Basic& in) {
  if (in.denoise > 0 && all_steps(in) > 100000)
    throw Error(Fault::kInvalid, "is too small for so many steps").at_input("denoise");
}

Results<Sigmas> basic(const Basic& in) {
  if (in.denoise <= 0) return {Sigmas{}};
  const auto total = static_cast<int64_t>(all_steps(in));
  Sigmas all = sampling::schedule(*in.model->sampling, in.scheduler, static_cast<int>(total));
  if (std::ssize(all) > in.steps + 1) all.erase(all.begin(), all.end() - (in.steps + 1));
  return {std::move(all)};
}

// The parameters of schedules between two levels.
struct Between {
  int64_t steps = 20;
  double sigma_max = 14.614642, sigma_min = 0.0291675;
};

struct Karras : Between {
  double rho = 7.0;
};

void check_karras(const Karras& in) { require_positive(in.rho, "rho"); }

// Karras et al. 2022, eq. 5.
Results<Sigmas> karras(const Karras& in) {
  const double rho = in.rho;
  const auto low = static_cast<float>(std::pow(in.sigma_min, 1 / rho));
  const auto high = static_cast<float>(std::pow(in.sigma_max, 1 / rho));
  return schedule_of(in.steps, 0, 1,
                     [&](float t) { return std::pow(high + t * (low - high), static_cast<float>(rho)); });
}

void check_levels(const Between& in) {
  require_positive(in.sigma_max, "sigma_max");
  require_positive(in.sigma_min, "sigma_min");
}

Results<Sigmas> exponential(const Between& in) {
  const auto high = static_cast<float>(std::log(in.sigma_max));
  const auto low = static_cast<float>(std::log(in.sigma_min));
  return schedule_of(in.steps, high, low, [](float t) { return std::exp(t); });
}

struct Polyexponential : Between {
  double rho = 1.0;
};

Results<Sigmas> polyexponential(const Polyexponential& in) {
  const double high = std::log(in.sigma_max), low = std::log(in.sigma_min);
  const auto rho = static_cast<float>(in.rho);
  return schedule_of(in.steps, 1, 0, [&](float t) {
    return std::exp(std::pow(t, rho) * static_cast<float>(high - low) + static_cast<float>(low));
  });
}

struct Laplace : Between {
  double mu = 0.0, beta = 0.5;
};

// Quantiles of a Laplace distribution of log(sigma) (Hang et al. 2024); the last level is not 0.
Results<Sigmas> laplace(const Laplace& in) {
  const auto mu = static_cast<float>(in.mu), beta = static_cast<float>(in.beta);
  const auto low = static_cast<float>(in.sigma_min), high = static_cast<float>(in.sigma_max);
  Sigmas out;
  for (const float x : sampling::torch_linspace(0, 1, static_cast<int>(in.steps))) {
    const float from_middle = 0.5f - x;
    const float sign = from_middle > 0 ? 1.0f : from_middle < 0 ? -1.0f : 0.0f;
    const float lambda = mu - beta * sign * std::log(1 - 2 * std::fabs(from_middle) + 1e-5f);
    out.push_back(std::min(std::max(std::exp(lambda), low), high));
  }
  return {std::move(out)};
}

struct VariancePreserving {
  int64_t steps = 20;
  double beta_d = 19.9, beta_min = 0.1, eps_s = 0.001;
};

// Song et al. 2021, the variance-preserving process in continuous time.
Results<Sigmas> variance_preserving(const VariancePreserving& in) {
  const auto beta_d = static_cast<float>(in.beta_d), beta_min = static_cast<float>(in.beta_min);
  return schedule_of(in.steps, 1, static_cast<float>(in.eps_s),
                     [&](float t) { return std::sqrt(std::exp(beta_d * t * t / 2 + beta_min * t) - 1); });
}

struct Turbo {
  Linked<ModelHandle> model;
  int64_t steps = 1;
  double denoise = 1.0;
};

// The noise levels at ten evenly spaced timesteps, the noisiest first: turbo models are distilled for these.
Results<Sigmas> turbo(const Turbo& in) {
  const sampling::ModelSampling& model = *in.model->sampling;
  const float tenth = (model.timestep(model.sigma_max()) + 1) / 10;
  const int64_t first = 10 - static_cast<int64_t>(10 * in.denoise);
  Sigmas out;
  for (int64_t i = first; i < std::min<int64_t>(10, first + in.steps); ++i)
    out.push_back(model.sigma(static_cast<float>(10 - i) * tenth - 1));
  out.push_back(0.0f);
  return {std::move(out)};
}

struct AlignYourSteps {
  std::string model_type;
  int64_t steps = 10;
  double denoise = 1.0;
};

// The levels that Sabour et al. 2024 ("Align Your Steps") found best for ten steps, by family of models; for another
// number of steps their logarithms are interpolated.
Results<Sigmas> align_your_steps(const AlignYourSteps& in) {
  static const std::map<std::string, std::vector<double>> kMeasured = {
      {"SD1",
       {14.6146412293, 6.4745760956, 3.8636745985, 2.6946151520, 1.8841921177, 1.3943805092, 0.9642583904, 0.6523686016,
        0.3977456272, 0.1515232662, 0.0291671582}},
      {"SDXL",
       {14.6146412293, 6.3184485287, 3.7681790315, 2.1811480769, 1.3405244945, 0.8620721141, 0.5550693289, 0.3798540708,
        0.2332364134, 0.1114188177, 0.0291671582}},
      {"SVD", {700.00, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002}}};
  if (in.denoise <= 0) return {Sigmas{}};
  const std::vector<double>& measured = kMeasured.at(in.model_type);
  const auto steps = static_cast<double>(in.steps);
  Sigmas all;
  for (int64_t i = 0; i <= in.steps; ++i) {
    const double at = static_cast<double>(i) / steps * static_cast<double>(measured.size() - 1);
    const auto below = std::min(static_cast<size_t>(at), measured.size() - 2);
    const double low = std::log(measured[below]), high = std::log(measured[below + 1]);
    all.push_back(static_cast<float>(std::exp(low + (high - low) * (at - static_cast<double>(below)))));
  }
  const auto kept = in.denoise < 1 ? static_cast<int64_t>(std::nearbyint(steps * in.denoise)) : in.steps;
  if (std::ssize(all) > kept + 1) all.erase(all.begin(), all.end() - (kept + 1));
  all.back() = 0.0f;
  return {std::move(all)};
}

struct Gits {
  double coeff = 1.2;
  int64_t steps = 10;
  double denoise = 1.0;
};

Results<Sigmas> gits(const Gits& in) {
  return {sampling::gits_schedule(in.coeff, static_cast<int>(in.steps), in.denoise)};
}

struct BetaQuantiles {
  Linked<ModelHandle> model;
  int64_t steps = 20;
  double alpha = 0.6, beta = 0.6;
};

void check_quantiles(const BetaQuantiles& in) {
  require_positive(in.alpha, "alpha");
  require_positive(in.beta, "beta");
}

Results<Sigmas> beta_quantiles(const BetaQuantiles& in) {
  return {sampling::beta_schedule(*in.model->sampling, static_cast<int>(in.steps), in.alpha, in.beta)};
}

template <class P>
Input<P> steps_input(int64_t most = 10000) {
  return Int("steps", &P::steps).range(1, most).useful(1, std::min<int64_t>(50, most), 1);
}
template <class P>
Input<P> level(const char* name, double P::*member) {
  return Float(name, member).range(0.0, 5000.0).step(0.01);
}
template <class P>
Input<P> share(const char* name, double P::*member) {
  return Float(name, member).range(0.0, 1.0).step(0.01);
}
template <class P>
Input<P> rho_input() {
  return Float("rho", &P::rho).range(0.0, 100.0).step(0.01);
}

template <class P>
void add_between(Table& table, const char* name, const char* description, std::initializer_list<Input<P>> more,
                 Run<P> run, Check<P> check = {}) {
  Inputs<P> inputs{steps_input<Between>(), level("sigma_max", &Between::sigma_max),
                   level("sigma_min", &Between::sigma_min)};
  table.add(NodeOf<P>{.name = name,
                      .category = kSchedulers,
                      .description = description,
                      .inputs = std::move(inputs).and_then(more),
                      .run = std::move(run),
                      .check = std::move(check)});
}

void add_schedules(Table& table) {
  table.add(NodeOf<Basic>{
      .name = "BasicScheduler",
      .category = kSchedulers,
      .description = "The noise levels that a KSampler would pass through.",
      .inputs = {Link("model", &Basic::model), Choice("scheduler", &Basic::scheduler, scheduler_choices()),
                 steps_input<Basic>(), share("denoise", &Basic::denoise).added_later()},
      .run = basic,
      .check = check_basic});
  add_between<Karras>(table, "KarrasScheduler", "Noise levels that come closer together towards the end.",
                      {rho_input<Karras>()}, karras, check_karras);
  add_between<Between>(table, "ExponentialScheduler", "Noise levels at equal ratios.", {}, exponential, check_levels);
  add_between<Polyexponential>(table, "PolyexponentialScheduler", "Noise levels at ratios that change steadily.",
                               {rho_input<Polyexponential>()}, polyexponential, check_levels);
  add_between<Laplace>(table, "LaplaceScheduler", "Noise levels close together around one of them.",
                       {Float("mu", &Laplace::mu).range(-10.0, 10.0).step(0.1),
                        Float("beta", &Laplace::beta).range(0.0, 10.0).step(0.1)},
                       laplace);
  table.add(NodeOf<AlignYourSteps>{
      .name = "AlignYourStepsScheduler",
      .category = kSchedulers,
      .description = "Noise levels found to be best for few steps of a family of models.",
      .inputs = {Choice("model_type", &AlignYourSteps::model_type, {"SD1", "SDXL", "SVD"}),
                 steps_input<AlignYourSteps>(), share("denoise", &AlignYourSteps::denoise).added_later()},
      .run = align_your_steps});
  table.add(NodeOf<Gits>{
      .name = "GITSScheduler",
      .category = kSchedulers,
      .description = "Noise levels found by how the trajectories of SD 1.5's sampling bend.",
      .inputs = {Float("coeff", &Gits::coeff)
                     .range(0.8, 1.5)
                     .step(0.05)
                     .tip("The larger, the more steps are taken at low levels."),
                 Int("steps", &Gits::steps).range(2, 1000).useful(2, 50, 1), share("denoise", &Gits::denoise)},
      .run = gits,
      .check = [](const Gits& in) { gits(in); }});
  table.add(NodeOf<BetaQuantiles>{.name = "BetaSamplingScheduler",
                                  .category = kSchedulers,
                                  .description = "Noise levels at quantiles of a beta distribution over the timesteps.",
                                  .inputs = {Link("model", &BetaQuantiles::model), steps_input<BetaQuantiles>(),
                                             Float("alpha", &BetaQuantiles::alpha).range(0.0, 50.0).step(0.01),
                                             Float("beta", &BetaQuantiles::beta).range(0.0, 50.0).step(0.01)},
                                  .run = beta_quantiles,
                                  .check = check_quantiles});
  table.add(NodeOf<VariancePreserving>{
      .name = "VPScheduler",
      .category = kSchedulers,
      .description = "Noise levels of the variance-preserving process.",
      .inputs = {steps_input<VariancePreserving>(), level("beta_d", &VariancePreserving::beta_d),
                 level("beta_min", &VariancePreserving::beta_min),
                 Float("eps_s", &VariancePreserving::eps_s).range(0.0, 1.0).step(0.0001)},
      .run = variance_preserving});
  table.add(NodeOf<Turbo>{
      .name = "SDTurboScheduler",
      .category = kSchedulers,
      .description = "Noise levels of models distilled to a few steps.",
      .inputs = {Link("model", &Turbo::model), steps_input<Turbo>(10), share("denoise", &Turbo::denoise).added_later()},
      .run = turbo});
}

// --- Operations on noise levels ---

struct Split {
  Linked<Sigmas> sigmas;
  int64_t step = 0;
};
struct SplitDenoise {
  Linked<Sigmas> sigmas;
  double denoise = 1.0;
};

Results<Sigmas, Sigmas> split_at(const Sigmas& all, int64_t first_end, int64_t second_begin) {
  const auto place = [&](int64_t i) { return all.begin() + std::clamp<int64_t>(i, 0, std::ssize(all)); };
  return {Sigmas(all.begin(), place(first_end)), Sigmas(place(second_begin), all.end())};
}

Results<Sigmas, Sigmas> split(const Split& in) { return split_at(*in.sigmas, in.step + 1, in.step); }

Results<Sigmas, Sigmas> split_denoise(const SplitDenoise& in) {
  const int64_t count = std::ssize(*in.sigmas), steps = std::max<int64_t>(0, count - 1);
  const auto part = static_cast<int64_t>(std::nearbyint(static_cast<double>(steps) * in.denoise));
  return split_at(*in.sigmas, part == 0 ? 0 : count - part, count - (part + 1));
}

struct Flip {
  Linked<Sigmas> sigmas;
};

Results<Sigmas> flip(const Flip& in) {
  Sigmas out(in.sigmas->rbegin(), in.sigmas->rend());
  // A level of 0 cannot be scaled to another one.
  if (!out.empty() && out.front() == 0) out.front() = 0.0001f;
  return {std::move(out)};
}

enum class Spacing { kLinear, kCosine, kSine };

struct Extend {
  Linked<Sigmas> sigmas;
  int64_t steps = 2;
  double start_at_sigma = -1.0, end_at_sigma = 12.0;
  Spacing spacing = Spacing::kLinear;
};

Results<Sigmas> extend(const Extend& in) {
  const Sigmas& all = *in.sigmas;
  const auto steps = static_cast<int>(in.steps);
  const float quarter = std::numbers::pi_v<float> / 2;
  Sigmas between;
  for (const float x : sampling::torch_linspace(0, 1, steps + 1))
    between.push_back(in.spacing == Spacing::kLinear   ? x
                      : in.spacing == Spacing::kCosine ? std::sin(x * quarter)
                                                       : 1 - std::cos(x * quarter));
  Sigmas out;
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    out.push_back(all[i]);
    if (all[i] < in.end_at_sigma || (in.start_at_sigma >= 0 && all[i] > in.start_at_sigma)) continue;
    for (int k = 1; k < steps; ++k) out.push_back(between[static_cast<size_t>(k)] * (all[i + 1] - all[i]) + all[i]);
  }
  if (!all.empty()) out.push_back(all.back());
  return {std::move(out)};
}

struct PercentToSigma {
  Linked<ModelHandle> model;
  double sampling_percent = 0.0;
  bool return_actual_sigma = false;
};

Results<double> percent_to_sigma(const PercentToSigma& in) {
  const sampling::ModelSampling& model = *in.model->sampling;
  double out = model.percent_to_sigma(in.sampling_percent);
  if (in.return_actual_sigma && in.sampling_percent == 0.0) out = model.sigma_max();
  if (in.return_actual_sigma && in.sampling_percent == 1.0) out = model.sigma_min();
  return {out};
}

struct SetFirst {
  Linked<Sigmas> sigmas;
  double sigma = 136.0;
};

Results<Sigmas> set_first(const SetFirst& in) {
  Sigmas out = *in.sigmas;
  if (!out.empty()) out.front() = static_cast<float>(in.sigma);
  return {std::move(out)};
}

struct Manual {
  std::string sigmas = "1, 0.5";
};

// The numbers in a text, whatever stands between them.
Results<Sigmas> manual(const Manual& in) {
  const text::CodePoints all = text::decode_utf8(in.sigmas);
  Sigmas out;
  for (const text::Regex::Match& match : text::Regex("[-+]?(?:\\d*\\.*\\d+)", {}).find_all(all)) {
    const std::string number = text::part_of(all, match.groups[0]->first, match.groups[0]->second);
    const char* from = number.data() + (number.starts_with('+') ? 1 : 0);
    double value = 0;
    const auto [at, fault] = std::from_chars(from, number.data() + number.size(), value);
    if (fault != std::errc() || at != number.data() + number.size())
      throw Error(Fault::kInvalid, "'" + number.substr(0, 40) + "' is no number").at_input("sigmas");
    out.push_back(static_cast<float>(value));
  }
  return {std::move(out)};
}

}  // namespace

void register_sigmas_nodes(Table& table) {
  table.add(NodeOf<Manual>{.name = "ManualSigmas",
                           .display = "Manual Sigmas",
                           .category = "_for_testing/custom_sampling",
                           .description = "Noise levels as they are typed.",
                           .inputs = {Text("sigmas", &Manual::sigmas)},
                           .experimental = true,
                           .run = manual});
  add_schedules(table);
  table.add(NodeOf<Split>{.name = "SplitSigmas",
                          .category = kSigmas,
                          .description = "Splits noise levels after a number of steps, for two samplers.",
                          .inputs = {Link("sigmas", &Split::sigmas), Int("step", &Split::step).range(0, 10000)},
                          .outputs = {{"high_sigmas"}, {"low_sigmas"}},
                          .run = split});
  table.add(NodeOf<SplitDenoise>{
      .name = "SplitSigmasDenoise",
      .category = kSigmas,
      .description = "Splits noise levels so that the given share of the steps is in the low part.",
      .inputs = {Link("sigmas", &SplitDenoise::sigmas), share("denoise", &SplitDenoise::denoise)},
      .outputs = {{"high_sigmas"}, {"low_sigmas"}},
      .run = split_denoise});
  table.add(NodeOf<Flip>{
      .name = "FlipSigmas",
      .category = kSigmas,
      .description = "Reverses noise levels, so that sampling adds noise to a picture instead of removing it.",
      .inputs = {Link("sigmas", &Flip::sigmas)},
      .run = flip});
  table.add(NodeOf<Extend>{
      .name = "ExtendIntermediateSigmas",
      .category = kSigmas,
      .description = "Inserts noise levels between those in a range.",
      .inputs = {Link("sigmas", &Extend::sigmas), Int("steps", &Extend::steps).range(1, 100).useful(1, 50, 1),
                 Float("start_at_sigma", &Extend::start_at_sigma).range(-1.0, 20000.0).step(0.01),
                 Float("end_at_sigma", &Extend::end_at_sigma).range(0.0, 20000.0).step(0.01),
                 Choice("spacing", &Extend::spacing,
                        {{"linear", Spacing::kLinear}, {"cosine", Spacing::kCosine}, {"sine", Spacing::kSine}})},
      .run = extend});
  table.add(NodeOf<PercentToSigma>{
      .name = "SamplingPercentToSigma",
      .category = kSigmas,
      .description = "The noise level at a given fraction of the sampling.",
      .inputs = {Link("model", &PercentToSigma::model),
                 Float("sampling_percent", &PercentToSigma::sampling_percent).range(0.0, 1.0).step(0.0001),
                 Bool("return_actual_sigma", &PercentToSigma::return_actual_sigma)
                     .tip("At 0 and 1, gives the model's highest and lowest level instead of values beyond them.")},
      .outputs = {{"sigma_value"}},
      .run = percent_to_sigma});
  table.add(NodeOf<SetFirst>{
      .name = "SetFirstSigma",
      .category = kSigmas,
      .description = "Replaces the first noise level.",
      .inputs = {Link("sigmas", &SetFirst::sigmas), Float("sigma", &SetFirst::sigma).range(0.0, 20000.0).step(0.001)},
      .run = set_first});
}

}  // namespace easel::nodes
