#include "sampling/schedule/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "sampling/random/torch_math.h"

namespace easel::sampling {
namespace {

using Levels = std::vector<float>;

Levels karras(const ModelSampling& model, int steps) {
  const double rho = 7;
  const double low = std::pow(static_cast<double>(model.sigma_min()), 1 / rho);
  const double high = std::pow(static_cast<double>(model.sigma_max()), 1 / rho);
  const auto first = static_cast<float>(high), range = static_cast<float>(low - high);
  Levels levels = torch_linspace(0, 1, steps);
  for (float& s : levels) s = static_cast<float>(std::pow(static_cast<double>(first + s * range), rho));
  levels.push_back(0);
  return levels;
}

Levels exponential(const ModelSampling& model, int steps) {
  const auto high = static_cast<float>(std::log(static_cast<double>(model.sigma_max())));
  const auto low = static_cast<float>(std::log(static_cast<double>(model.sigma_min())));
  Levels levels = torch_linspace(high, low, steps);
  std::transform(levels.begin(), levels.end(), levels.begin(), torch_exp);
  levels.push_back(0);
  return levels;
}

Levels even_timesteps(const ModelSampling& model, int steps, bool without_last) {
  const float first = model.timestep(model.sigma_max());
  const float last = model.timestep(model.sigma_min());
  Levels levels = torch_linspace(first, last, without_last ? steps + 1 : steps);
  if (without_last) levels.pop_back();
  for (float& s : levels) s = model.sigma(s);
  levels.push_back(0);
  return levels;
}

Levels normal(const ModelSampling& model, int steps) { return even_timesteps(model, steps, false); }
Levels sgm_uniform(const ModelSampling& model, int steps) { return even_timesteps(model, steps, true); }

Levels simple(const ModelSampling& model, int steps) {
  const auto& all = model.sigmas();
  const double stride = static_cast<double>(all.size()) / steps;
  Levels levels;
  for (int i = 0; i < steps; ++i) levels.push_back(all[all.size() - 1 - static_cast<size_t>(i * stride)]);
  levels.push_back(0);
  return levels;
}

Levels ddim_uniform(const ModelSampling& model, int steps) {
  const auto& all = model.sigmas();
  const size_t stride = std::max<size_t>(all.size() / static_cast<size_t>(steps), 1);
  Levels levels = {0};
  for (size_t i = 1; i < all.size(); i += stride) levels.push_back(all[i]);
  std::reverse(levels.begin(), levels.end());
  return levels;
}

Levels beta(const ModelSampling& model, int steps) { return beta_schedule(model, steps, 0.6, 0.6); }

Levels linear_quadratic(const ModelSampling& model, int steps) {
  const double threshold = 0.025;
  std::vector<double> noise_removed;
  const int linear = steps / 2;
  if (linear > 0) {
    const double difference = linear - threshold * steps, quadratic = steps - linear;
    const double a = difference / (linear * quadratic * quadratic);
    const double b = threshold / linear - 2 * difference / (quadratic * quadratic);
    const double c = a * (static_cast<double>(linear) * linear);
    for (int i = 0; i < linear; ++i) noise_removed.push_back(i * threshold / linear);
    for (int i = linear; i < steps; ++i) noise_removed.push_back(a * (static_cast<double>(i) * i) + b * i + c);
  } else {
    noise_removed.push_back(0);
  }
  noise_removed.push_back(1);
  Levels levels;
  for (double part : noise_removed) levels.push_back(static_cast<float>(1.0 - part) * model.sigma_max());
  return levels;
}

Levels kl_optimal(const ModelSampling& model, int steps) {
  const auto low = static_cast<float>(std::atan(static_cast<double>(model.sigma_min())));
  const auto high = static_cast<float>(std::atan(static_cast<double>(model.sigma_max())));
  Levels levels;
  for (int i = 0; i < steps; ++i) {
    // ComfyUI divides 0 by 0 for a single step; the highest level is what is meant.
    const float part = steps > 1 ? static_cast<float>(i) / static_cast<float>(steps - 1) : 0.0f;
    levels.push_back(static_cast<float>(std::tan(static_cast<double>(part * low + (1 - part) * high))));
  }
  levels.push_back(0);
  return levels;
}

using Scheduler = Levels (*)(const ModelSampling&, int);
constexpr std::array<std::string_view, 9> kNames = {"normal",      "karras",           "exponential",
                                                    "sgm_uniform", "simple",           "ddim_uniform",
                                                    "beta",        "linear_quadratic", "kl_optimal"};
constexpr std::array<Scheduler, 9> kSchedulers = {normal,       karras, exponential,      sgm_uniform, simple,
                                                  ddim_uniform, beta,   linear_quadratic, kl_optimal};

// Continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22).
double beta_fraction(double x, double a, double b) {
  const double tiny = 1e-300;
  const auto away_from_zero = [=](double v) { return std::fabs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor = 1;
    for (double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      factor = c * d;
      value *= factor;
    }
    if (std::fabs(factor - 1) < 1e-16) break;
  }
  return value;
}

// P(X <= x) of the beta distribution.
double beta_distribution(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(x, a, b) / a : 1 - front * beta_fraction(1 - x, b, a) / b;
}

}  // namespace

double beta_quantile(double p, double a, double b) {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  double low = 0, high = 1;
  for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
    const double middle = 0.5 * (low + high);
    (beta_distribution(middle, a, b) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

std::vector<float> beta_schedule(const ModelSampling& model, int steps, double a, double b) {
  const auto& all = model.sigmas();
  Levels levels;
  double previous = -1;
  for (int i = 0; i < steps; ++i) {
    const double p = 1 - i * (1.0 / steps);
    // The median lies half-way between two timesteps. In scipy its last bit happens to round it up; 1e-9 makes sure.
    const double t = std::nearbyint(beta_quantile(p, a, b) * static_cast<double>(all.size() - 1) + 1e-9);
    if (t != previous) levels.push_back(all[static_cast<size_t>(t)]);
    previous = t;
  }
  levels.push_back(0);
  return levels;
}

std::vector<float> torch_linspace(float start, float end, int count) {
  std::vector<float> out(static_cast<size_t>(std::max(count, 0)));
  if (count == 1) return {start};
  const float step = (end - start) / static_cast<float>(count - 1);
  const int half = count / 2;
  // Counted from the nearer end; each value is rounded once.
  const auto at = [&](int i) {
    return i < half ? std::fma(step, static_cast<float>(i), start)
                    : std::fma(-step, static_cast<float>(count - i - 1), end);
  };
  for (int i = 0; i < count; ++i) {
    // As torch's vector code: a whole group of 16 is two vectors of eight, each counted up from its first lane.
    const bool in_vector = i / 16 * 16 + 16 <= count;
    const int lane = in_vector ? i % 8 : 0;
    const float base = at(i - lane);
    out[static_cast<size_t>(i)] = in_vector ? base + static_cast<float>(lane) * step : base;
  }
  return out;
}

namespace {

bool is_partial(double denoise) { return denoise <= 0.9999; }

// Of the schedule whose last `steps` steps are taken.
double all_steps(int steps, double denoise) { return steps / (is_partial(denoise) ? denoise : 1.0); }

}  // namespace

std::span<const std::string_view> scheduler_names() { return kNames; }

std::vector<float> schedule(const ModelSampling& model, std::string_view scheduler, int steps) {
  if (steps < 1 || steps > 100000) {
    throw Error(Fault::kInvalid, "a sampler cannot take " + std::to_string(steps) + " steps");
  }
  const auto found = std::find(kNames.begin(), kNames.end(), scheduler);
  if (found == kNames.end()) {
    std::string known;
    for (std::string_view name : kNames) known += (known.empty() ? "" : ", ") + std::string(name);
    throw Error(Fault::kInvalid, "there is no scheduler \"" + std::string(scheduler) + "\"").fix("Use one of " + known);
  }
  return kSchedulers[static_cast<size_t>(found - kNames.begin())](model, steps);
}

void require_schedule(int steps, double denoise) {
  if (is_partial(denoise) && !(denoise > 0)) return;  // nothing to sample
  if (steps < 1) throw Error(Fault::kInvalid, "a sampler cannot take " + std::to_string(steps) + " steps");
  if (!(all_steps(steps, denoise) < 100000))
    throw Error(Fault::kInvalid, "steps " + std::to_string(steps) + " at denoise " + std::to_string(denoise) +
                                     " are part of a schedule of more than 100000")
        .fix("Raise denoise or lower steps");
}

std::vector<float> sampling_sigmas(const ModelSampling& model, const SigmaRequest& request) {
  if (is_partial(request.denoise) && !(request.denoise > 0)) return {};
  require_schedule(request.steps, request.denoise);
  const bool partial = is_partial(request.denoise);
  const double whole = all_steps(request.steps, request.denoise);
  std::vector<float> levels =
      schedule(model, request.scheduler, static_cast<int>(whole) + (request.discard_penultimate ? 1 : 0));
  if (request.discard_penultimate && levels.size() >= 2) levels.erase(levels.end() - 2);
  const auto keep = static_cast<size_t>(request.steps) + 1;
  if (partial && levels.size() > keep) levels.erase(levels.begin(), levels.end() - static_cast<std::ptrdiff_t>(keep));

  if (request.last_step && static_cast<size_t>(std::max(0, *request.last_step)) + 1 < levels.size()) {
    levels.resize(static_cast<size_t>(std::max(0, *request.last_step)) + 1);
    if (request.force_full_denoise) levels.back() = 0;
  }
  if (request.start_step) {
    const auto start = static_cast<size_t>(std::max(0, *request.start_step));
    if (start + 1 >= levels.size()) return {};
    levels.erase(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(start));
  }
  return levels;
}

}  // namespace easel::sampling
