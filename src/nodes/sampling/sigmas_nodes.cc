// Noise levels made by hand: schedules of all kinds, and what is done to them.
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "models/handles.h"
#include "node_api/table.h"
#include "nodes/common/sampling_values.h"
#include "sampling/schedule/model_sampling.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {
namespace {

constexpr const char* kSchedulers = "sampling/custom_sampling/schedulers";
constexpr const char* kSigmas = "sampling/custom_sampling/sigmas";

In steps_input(int value = 20, int most = 10000) { return Int("steps").def(value).range(1, most); }
In level(const char* name, double value) { return Float(name).def(value).range(0.0, 5000.0).step(0.01); }

sampling::ModelSampling levels_of(Call& call) {
  const auto& model = call.link<models::ModelHandle>("model");
  return sampling::ModelSampling(model.prediction, model.zero_terminal_snr);
}

// f(t) for `steps` values of t from `first` to `last`, and 0 at the end.
template <class F>
Outputs schedule_of(Call& call, float first, float last, const F& f) {
  Sigmas out;
  for (const float t : sampling::torch_linspace(first, last, static_cast<int>(call.integer("steps"))))
    out.push_back(f(t));
  out.push_back(0.0f);
  return {sigmas(std::move(out))};
}

// A level must be above 0 where its logarithm or root is taken.
double positive(Call& call, const char* name) {
  const double v = call.number(name);
  if (v > 0) return v;
  throw Error(Fault::kInvalid, "must be above 0").at_input(name);
}

Outputs basic(Call& call) {
  const double denoise = call.number("denoise");
  if (denoise <= 0) return {sigmas({})};
  const auto steps = call.integer("steps");
  const auto total = denoise < 1 ? static_cast<int64_t>(static_cast<double>(steps) / denoise) : steps;
  if (total > 100000) throw Error(Fault::kInvalid, "is too small for so many steps").at_input("denoise");
  Sigmas all = sampling::schedule(levels_of(call), call.text("scheduler"), static_cast<int>(total));
  if (std::ssize(all) > steps + 1) all.erase(all.begin(), all.end() - (steps + 1));
  return {sigmas(std::move(all))};
}

// Karras et al. 2022, eq. 5.
Outputs karras(Call& call) {
  const double rho = positive(call, "rho");
  const auto low = static_cast<float>(std::pow(call.number("sigma_min"), 1 / rho));
  const auto high = static_cast<float>(std::pow(call.number("sigma_max"), 1 / rho));
  return schedule_of(call, 0, 1, [&](float t) { return std::pow(high + t * (low - high), static_cast<float>(rho)); });
}

Outputs exponential(Call& call) {
  const auto high = static_cast<float>(std::log(positive(call, "sigma_max")));
  const auto low = static_cast<float>(std::log(positive(call, "sigma_min")));
  return schedule_of(call, high, low, [](float t) { return std::exp(t); });
}

Outputs polyexponential(Call& call) {
  const double high = std::log(positive(call, "sigma_max")), low = std::log(positive(call, "sigma_min"));
  const auto rho = static_cast<float>(call.number("rho"));
  return schedule_of(call, 1, 0, [&](float t) {
    return std::exp(std::pow(t, rho) * static_cast<float>(high - low) + static_cast<float>(low));
  });
}

// Song et al. 2021, the variance-preserving process in continuous time.
Outputs variance_preserving(Call& call) {
  const auto beta_d = static_cast<float>(call.number("beta_d")), beta_min = static_cast<float>(call.number("beta_min"));
  return schedule_of(call, 1, static_cast<float>(call.number("eps_s")),
                     [&](float t) { return std::sqrt(std::exp(beta_d * t * t / 2 + beta_min * t) - 1); });
}

// Every hundredth timestep from the noisiest on, as distilled turbo models are trained.
Outputs turbo(Call& call) {
  const auto model = levels_of(call);
  const int64_t first = 10 - static_cast<int64_t>(10 * call.number("denoise"));
  Sigmas out;
  for (int64_t i = first; i < std::min<int64_t>(10, first + call.integer("steps")); ++i)
    out.push_back(model.sigma(static_cast<float>((10 - i) * 100 - 1)));
  out.push_back(0.0f);
  return {sigmas(std::move(out))};
}

// The levels that cost least, measured for two families of models on ten steps (Sabour et al. 2024, "Align Your
// Steps"); for other numbers of steps their logarithm is interpolated.
Outputs align_your_steps(Call& call) {
  static const std::map<std::string, std::vector<double>> kMeasured = {
      {"SD1",
       {14.6146412293, 6.4745760956, 3.8636745985, 2.6946151520, 1.8841921177, 1.3943805092, 0.9642583904, 0.6523686016,
        0.3977456272, 0.1515232662, 0.0291671582}},
      {"SDXL",
       {14.6146412293, 6.3184485287, 3.7681790315, 2.1811480769, 1.3405244945, 0.8620721141, 0.5550693289, 0.3798540708,
        0.2332364134, 0.1114188177, 0.0291671582}},
      {"SVD", {700.00, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002}}};
  const double denoise = call.number("denoise");
  if (denoise <= 0) return {sigmas({})};
  const std::vector<double>& measured = kMeasured.at(call.text("model_type"));
  const int64_t steps = call.integer("steps");
  Sigmas all;
  for (int64_t i = 0; i <= steps; ++i) {
    const double at = static_cast<double>(i) / static_cast<double>(steps) * static_cast<double>(measured.size() - 1);
    const auto below = std::min(static_cast<size_t>(at), measured.size() - 2);
    const double low = std::log(measured[below]), high = std::log(measured[below + 1]);
    all.push_back(static_cast<float>(std::exp(low + (high - low) * (at - static_cast<double>(below)))));
  }
  const auto kept = denoise < 1 ? static_cast<int64_t>(std::nearbyint(static_cast<double>(steps) * denoise)) : steps;
  if (std::ssize(all) > kept + 1) all.erase(all.begin(), all.end() - (kept + 1));
  all.back() = 0.0f;
  return {sigmas(std::move(all))};
}

// Quantiles of a Laplace distribution of log(sigma) (Hang et al. 2024); the last level is not 0.
Outputs laplace(Call& call) {
  const auto mu = static_cast<float>(call.number("mu")), beta = static_cast<float>(call.number("beta"));
  const auto low = static_cast<float>(call.number("sigma_min")), high = static_cast<float>(call.number("sigma_max"));
  Sigmas out;
  for (const float x : sampling::torch_linspace(0, 1, static_cast<int>(call.integer("steps")))) {
    const float from_middle = 0.5f - x;
    const float sign = from_middle > 0 ? 1.0f : from_middle < 0 ? -1.0f : 0.0f;
    const float lambda = mu - beta * sign * std::log(1 - 2 * std::fabs(from_middle) + 1e-5f);
    out.push_back(std::min(std::max(std::exp(lambda), low), high));
  }
  return {sigmas(std::move(out))};
}

Outputs beta_quantiles(Call& call) {
  const double a = positive(call, "alpha"), b = positive(call, "beta");
  return {sigmas(sampling::beta_schedule(levels_of(call), static_cast<int>(call.integer("steps")), a, b))};
}

Outputs flip(Call& call) {
  Sigmas out = call.link<Sigmas>("sigmas");
  std::reverse(out.begin(), out.end());
  // Nothing can be multiplied up from 0.
  if (!out.empty() && out.front() == 0) out.front() = 0.0001f;
  return {sigmas(std::move(out))};
}

Outputs extend(Call& call) {
  const auto& all = call.link<Sigmas>("sigmas");
  const double start = call.number("start_at_sigma"), end = call.number("end_at_sigma");
  const auto steps = static_cast<int>(call.integer("steps"));
  const char spacing = call.text("spacing")[0];
  const float quarter = std::numbers::pi_v<float> / 2;
  Sigmas between;
  for (const float x : sampling::torch_linspace(0, 1, steps + 1))
    between.push_back(spacing == 'l' ? x : spacing == 'c' ? std::sin(x * quarter) : 1 - std::cos(x * quarter));
  Sigmas out;
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    out.push_back(all[i]);
    if (all[i] < end || (start >= 0 && all[i] > start)) continue;
    for (int k = 1; k < steps; ++k) out.push_back(between[static_cast<size_t>(k)] * (all[i + 1] - all[i]) + all[i]);
  }
  if (!all.empty()) out.push_back(all.back());
  return {sigmas(std::move(out))};
}

Outputs percent_to_sigma(Call& call) {
  const auto model = levels_of(call);
  const double percent = call.number("sampling_percent");
  double out = model.percent_to_sigma(percent);
  if (call.flag("return_actual_sigma") && percent == 0.0) out = model.sigma_max();
  if (call.flag("return_actual_sigma") && percent == 1.0) out = model.sigma_min();
  return {Value("FLOAT", out)};
}

Outputs split_at(const Sigmas& all, int64_t first_end, int64_t second_begin) {
  const auto place = [&](int64_t i) { return all.begin() + std::clamp<int64_t>(i, 0, std::ssize(all)); };
  return {sigmas({all.begin(), place(first_end)}), sigmas({place(second_begin), all.end()})};
}

Outputs split(Call& call) {
  const int64_t step = call.integer("step");
  return split_at(call.link<Sigmas>("sigmas"), step + 1, step);
}

Outputs split_denoise(Call& call) {
  const auto& all = call.link<Sigmas>("sigmas");
  const int64_t count = std::ssize(all), steps = std::max<int64_t>(0, count - 1);
  const auto part = static_cast<int64_t>(std::nearbyint(static_cast<double>(steps) * call.number("denoise")));
  return split_at(all, part == 0 ? 0 : count - part, count - (part + 1));
}

void add_schedules(Table& table) {
  const auto levels = [&](const char* name, const char* description, std::vector<In> more,
                          std::function<Outputs(Call&)> run) {
    std::vector<In> inputs{steps_input(), level("sigma_max", 14.614642), level("sigma_min", 0.0291675)};
    inputs.insert(inputs.end(), more.begin(), more.end());
    table.add({.name = name,
               .category = kSchedulers,
               .description = description,
               .inputs = std::move(inputs),
               .outputs = {{"SIGMAS"}},
               .run = std::move(run)});
  };
  const auto rho = [](double value) { return Float("rho").def(value).range(0.0, 100.0).step(0.01); };
  levels("KarrasScheduler", "Noise levels that come closer together towards the end.", {rho(7.0)}, karras);
  levels("ExponentialScheduler", "Noise levels at equal ratios.", {}, exponential);
  levels("PolyexponentialScheduler", "Noise levels at ratios that change steadily.", {rho(1.0)}, polyexponential);
  levels("LaplaceScheduler", "Noise levels close together around one of them.",
         {Float("mu").def(0.0).range(-10.0, 10.0).step(0.1), Float("beta").def(0.5).range(0.0, 10.0).step(0.1)},
         laplace);
  table.add({.name = "AlignYourStepsScheduler",
             .category = kSchedulers,
             .description = "Noise levels found to be best for few steps of a family of models.",
             .inputs = {Choice("model_type", {"SD1", "SDXL", "SVD"}), Int("steps").def(10).range(1, 10000),
                        Float("denoise").def(1.0).range(0.0, 1.0).step(0.01)},
             .outputs = {{"SIGMAS"}},
             .run = align_your_steps});
  table.add({.name = "BetaSamplingScheduler",
             .category = kSchedulers,
             .description = "Noise levels at quantiles of a beta distribution over the timesteps.",
             .inputs = {Link("model", "MODEL"), steps_input(), Float("alpha").def(0.6).range(0.0, 50.0).step(0.01),
                        Float("beta").def(0.6).range(0.0, 50.0).step(0.01)},
             .outputs = {{"SIGMAS"}},
             .run = beta_quantiles});
  table.add({.name = "VPScheduler",
             .category = kSchedulers,
             .description = "Noise levels of the variance-preserving process.",
             .inputs = {steps_input(), level("beta_d", 19.9), level("beta_min", 0.1),
                        Float("eps_s").def(0.001).range(0.0, 1.0).step(0.0001)},
             .outputs = {{"SIGMAS"}},
             .run = variance_preserving});
  table.add(
      {.name = "SDTurboScheduler",
       .category = kSchedulers,
       .description = "Noise levels of models distilled to a few steps.",
       .inputs = {Link("model", "MODEL"), steps_input(1, 10), Float("denoise").def(1.0).range(0.0, 1.0).step(0.01)},
       .outputs = {{"SIGMAS"}},
       .run = turbo});
}

}  // namespace

void register_sigmas_nodes(Table& table) {
  std::vector<std::string> names;
  for (const auto name : sampling::scheduler_names()) names.emplace_back(name);
  table.add({.name = "BasicScheduler",
             .category = kSchedulers,
             .description = "The noise levels that a KSampler would pass through.",
             .inputs = {Link("model", "MODEL"), Choice("scheduler", names), steps_input(),
                        Float("denoise").def(1.0).range(0.0, 1.0).step(0.01)},
             .outputs = {{"SIGMAS"}},
             .run = basic});
  add_schedules(table);
  table.add({.name = "SplitSigmas",
             .category = kSigmas,
             .description = "Parts noise levels after a number of steps, for two samplers.",
             .inputs = {Link("sigmas", "SIGMAS"), Int("step").def(0).range(0, 10000)},
             .outputs = {{"SIGMAS", "high_sigmas"}, {"SIGMAS", "low_sigmas"}},
             .run = split});
  table.add({.name = "SplitSigmasDenoise",
             .category = kSigmas,
             .description = "Parts noise levels so that a share of the steps is in the second part.",
             .inputs = {Link("sigmas", "SIGMAS"), Float("denoise").def(1.0).range(0.0, 1.0).step(0.01)},
             .outputs = {{"SIGMAS", "high_sigmas"}, {"SIGMAS", "low_sigmas"}},
             .run = split_denoise});
  table.add({.name = "FlipSigmas",
             .category = kSigmas,
             .description = "Turns noise levels around, to bring noise into a picture instead of out of it.",
             .inputs = {Link("sigmas", "SIGMAS")},
             .outputs = {{"SIGMAS"}},
             .run = flip});
  table.add({.name = "ExtendIntermediateSigmas",
             .category = kSigmas,
             .description = "Puts more noise levels between those of a range.",
             .inputs = {Link("sigmas", "SIGMAS"), Int("steps").def(2).range(1, 100),
                        Float("start_at_sigma").def(-1.0).range(-1.0, 20000.0).step(0.01),
                        Float("end_at_sigma").def(12.0).range(0.0, 20000.0).step(0.01),
                        Choice("spacing", {"linear", "cosine", "sine"})},
             .outputs = {{"SIGMAS"}},
             .run = extend});
  table.add({.name = "SamplingPercentToSigma",
             .category = kSigmas,
             .description = "The noise level at a share of the sampling.",
             .inputs = {Link("model", "MODEL"), Float("sampling_percent").def(0.0).range(0.0, 1.0).step(0.0001),
                        Bool("return_actual_sigma")
                            .def(false)
                            .tip("At the two ends, the model's own levels instead of those beyond all of them.")},
             .outputs = {{"FLOAT", "sigma_value"}},
             .run = percent_to_sigma});
  table.add({.name = "SetFirstSigma",
             .category = kSigmas,
             .description = "Begins with another noise level.",
             .inputs = {Link("sigmas", "SIGMAS"), Float("sigma").def(136.0).range(0.0, 20000.0).step(0.001)},
             .outputs = {{"SIGMAS"}},
             .run = [](Call& call) -> Outputs {
               Sigmas out = call.link<Sigmas>("sigmas");
               if (!out.empty()) out.front() = static_cast<float>(call.number("sigma"));
               return {sigmas(std::move(out))};
             }});
}

}  // namespace easel::nodes
