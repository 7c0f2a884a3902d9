// Samplers by name, and samplers with further parameters.
#include <algorithm>

#include "image/scale/resize.h"
#include "models/model_patch.h"
#include "node_api/table.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_values.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "sampling/custom_sampling/samplers";

Results<SamplerChoice> choice(std::string name, const sampling::SamplerKnobs& knobs) {
  return {SamplerChoice{std::move(name), knobs}};
}

template <class P>
void add(Table& table, const char* name, const std::string& description, Inputs<P> inputs, Run<P> run,
         Check<P> check = {}, bool keeps_size = true) {
  table.add(NodeOf<P>{.name = name,
                      .category = kCategory,
                      .description = description,
                      .inputs = std::move(inputs),
                      .run = std::move(run),
                      .check = std::move(check),
                      .foresee = [keeps_size](const Known<P>&) -> Foreseen<SamplerChoice> {
                        return {ForeseenSampler{.keeps_size = keeps_size}};
                      }});
}

// Throws Error(kInvalid) unless `value` is above 0 in f32, the type in which samplers divide by it.
void require_positive(double value, const char* name) {
  if (!(static_cast<float>(value) > 0)) throw Error(Fault::kInvalid, "must be above 0").at_input(name);
}

struct Select {
  std::string sampler_name;
};

// The parameters of samplers that draw noise in each step.
struct Noise {
  double eta = 1.0, s_noise = 1.0;
  std::string noise_device;
};

sampling::SamplerKnobs noise_knobs(const Noise& in) {
  sampling::SamplerKnobs knobs;
  knobs.eta = static_cast<float>(in.eta);
  knobs.s_noise = static_cast<float>(in.s_noise);
  return knobs;
}

Input<Noise> eta_input(double most = 100.0) {
  return Float("eta", &Noise::eta).range(0.0, most).step(0.01).tip("How much noise each step adds: 0 is none.");
}
Input<Noise> noise_input(double most = 100.0) {
  return Float("s_noise", &Noise::s_noise).range(0.0, most).step(0.01).tip("The standard deviation of that noise.");
}
Input<Noise> device_input() {
  return Choice("noise_device", &Noise::noise_device, {"gpu", "cpu"}).tip("Has no effect: the noise is the same.");
}

// Samplers whose only parameters are those of the noise.
void add_noisy(Table& table, const char* node, const std::string& sampler, Inputs<Noise> inputs) {
  add<Noise>(table, node, "The sampler " + sampler + " with its amount of noise.", std::move(inputs),
             [sampler](const Noise& in) { return choice(sampler, noise_knobs(in)); });
}

struct TwoStepSde : Noise {
  bool heun = false;
};

Results<SamplerChoice> dpmpp_2m_sde(const TwoStepSde& in) {
  return choice(in.heun ? "dpmpp_2m_sde_heun" : "dpmpp_2m_sde", noise_knobs(in));
}

struct Sde : Noise {
  double r = 0.5;
};

void check_sde(const Sde& in) { require_positive(in.r, "r"); }

Results<SamplerChoice> dpmpp_sde(const Sde& in) {
  sampling::SamplerKnobs knobs = noise_knobs(in);
  knobs.r = static_cast<float>(in.r);
  return choice("dpmpp_sde", knobs);
}

struct EulerPp {
  bool alternative = false;
};

struct ErSde : Noise {
  enum class Equation { kEr, kReverse, kOde };
  Equation solver_type = Equation::kEr;
  int64_t max_stage = 3;
};

Results<SamplerChoice> er_sde(const ErSde& in) {
  sampling::SamplerKnobs knobs = noise_knobs(in);
  knobs.order = static_cast<int>(in.max_stage);
  knobs.reverse_time = in.solver_type == ErSde::Equation::kReverse;
  if (in.solver_type == ErSde::Equation::kOde) knobs.eta = 0;
  if (*knobs.eta == 0) knobs.s_noise = 0;
  return choice("er_sde", knobs);
}

struct SaSolver : Noise {
  Linked<models::ModelHandle> model;
  double sde_start_percent = 0.2, sde_end_percent = 0.8;
  int64_t predictor_order = 3, corrector_order = 4;
  bool use_pece = false, simple_order_2 = false;
};

Results<SamplerChoice> sa_solver(const SaSolver& in) {
  const sampling::ModelSampling& levels = *in.model->sampling;
  sampling::SamplerKnobs knobs = noise_knobs(in);
  knobs.noisy = {.lowest = static_cast<float>(levels.percent_to_sigma(in.sde_end_percent)),
                 .highest = static_cast<float>(levels.percent_to_sigma(in.sde_start_percent))};
  knobs.order = static_cast<int>(in.predictor_order);
  knobs.corrector_order = static_cast<int>(in.corrector_order);
  knobs.simple_order_2 = in.simple_order_2;
  return choice(in.use_pece ? "sa_solver_pece" : "sa_solver", knobs);
}

struct Seeds2 : Noise {
  bool phi_2 = false;
  double r = 0.5;
};

Results<SamplerChoice> seeds_2(const Seeds2& in) {
  sampling::SamplerKnobs knobs = noise_knobs(in);
  knobs.phi_2 = in.phi_2;
  knobs.r = static_cast<float>(in.r);
  return choice("seeds_2", knobs);
}

struct Lms {
  int64_t order = 4;
};

Results<SamplerChoice> lms(const Lms& in) {
  sampling::SamplerKnobs knobs;
  knobs.order = static_cast<int>(in.order);
  return choice("lms", knobs);
}

struct Growing {
  double scale_ratio = 1.0;
  int64_t scale_steps = -1;
  image::ResizeMethod upscale_method = image::ResizeMethod::kBislerp;
};

Results<SamplerChoice> growing(const Growing& in) {
  sampling::SamplerKnobs knobs;
  knobs.total_upscale = in.scale_ratio;
  knobs.upscale_steps = static_cast<int>(in.scale_steps);
  knobs.resize = [method = in.upscale_method](const Tensor& latent, int64_t height, int64_t width) {
    if (height < 1 || width < 1 || std::max(height, width) > kMaxSide / kSideStep)
      throw Error(Fault::kInvalid, "the sampler lcm_upscale cannot make a latent of " + std::to_string(width) + "x" +
                                       std::to_string(height))
          .fix("Choose another scale_ratio of SamplerLCMUpscale, or another size of the first latent");
    return image::resize(latent, {width, height}, method);
  };
  return choice("lcm_upscale", knobs);
}

struct Adaptive : Noise {
  Adaptive() { eta = 0.0; }
  int64_t order = 3;
  double rtol = 0.05, atol = 0.0078, h_init = 0.05, pcoeff = 0.0, icoeff = 1.0, dcoeff = 0.0, accept_safety = 0.81;
};

void check_adaptive(const Adaptive& in) { require_positive(in.h_init, "h_init"); }

Results<SamplerChoice> dpm_adaptive(const Adaptive& in) {
  sampling::SamplerKnobs knobs = noise_knobs(in);
  knobs.order = static_cast<int>(in.order);
  knobs.rtol = in.rtol;
  knobs.atol = in.atol;
  knobs.h_init = in.h_init;
  knobs.pcoeff = in.pcoeff;
  knobs.icoeff = in.icoeff;
  knobs.dcoeff = in.dcoeff;
  knobs.accept_safety = in.accept_safety;
  return choice("dpm_adaptive", knobs);
}

template <class P>
Input<P> fraction(const char* name, double P::*member) {
  return Float(name, member).range(0.0, 100.0).step(0.01);
}

}  // namespace

void register_sampler_choice_nodes(Table& table) {
  add<Select>(table, "KSamplerSelect", "A sampler by its name.",
              {Choice("sampler_name", &Select::sampler_name, sampler_choices())},
              [](const Select& in) { return choice(in.sampler_name, {}); });
  add_noisy(table, "SamplerEulerAncestral", "euler_ancestral", {eta_input(), noise_input()});
  add_noisy(table, "SamplerEulerAncestralCFGPP", "euler_ancestral_cfg_pp", {eta_input(1.0), noise_input(10.0)});
  add_noisy(table, "SamplerDPMPP_2S_Ancestral", "dpmpp_2s_ancestral", {eta_input(), noise_input()});
  add_noisy(table, "SamplerDPMPP_3M_SDE", "dpmpp_3m_sde", {eta_input(), noise_input(), device_input()});
  add<TwoStepSde>(table, "SamplerDPMPP_2M_SDE", "The sampler dpmpp_2m_sde with its amount of noise.",
                  {Choice("solver_type", &TwoStepSde::heun, {{"midpoint", false}, {"heun", true}}), eta_input(),
                   noise_input(), device_input()},
                  dpmpp_2m_sde);
  add<Sde>(table, "SamplerDPMPP_SDE", "The sampler dpmpp_sde with its amount of noise.",
           {eta_input(), noise_input(), fraction("r", &Sde::r).tip("Where in the step the second evaluation is."),
            device_input()},
           dpmpp_sde, check_sde);
  add<EulerPp>(
      table, "SamplerEulerCFGpp", "The sampler euler_cfg_pp, or the form of it that came first.",
      {Choice("version", &EulerPp::alternative, {{"regular", false}, {"alternative", true}})
           .tip("alternative: a step of Euler from the state that the guidance has moved; it does not end in the "
                "prediction.")},
      [](const EulerPp& in) { return choice(in.alternative ? "euler_pp" : "euler_cfg_pp", {}); });
  add<ErSde>(
      table, "SamplerER_SDE", "The sampler er_sde with its equation, order and amount of noise.",
      {Choice("solver_type", &ErSde::solver_type,
              {{"ER-SDE", ErSde::Equation::kEr},
               {"Reverse-time SDE", ErSde::Equation::kReverse},
               {"ODE", ErSde::Equation::kOde}}),
       Int("max_stage", &ErSde::max_stage).range(1, 3).tip("The order of its steps."), eta_input(), noise_input()},
      er_sde);
  add<SaSolver>(table, "SamplerSASolver", "The sampler sa_solver with its orders, and where it draws how much noise.",
                {Link("model", &SaSolver::model).tip("Whose noise levels the two percentages are of."), eta_input(10.0),
                 Float("sde_start_percent", &SaSolver::sde_start_percent)
                     .range(0.0, 1.0)
                     .step(0.001)
                     .tip("Noise is drawn from here in the schedule on."),
                 Float("sde_end_percent", &SaSolver::sde_end_percent)
                     .range(0.0, 1.0)
                     .step(0.001)
                     .tip("No noise is drawn after this part of the schedule."),
                 noise_input(), Int("predictor_order", &SaSolver::predictor_order).range(1, 6),
                 Int("corrector_order", &SaSolver::corrector_order).range(0, 6).tip("0: nothing is corrected."),
                 Bool("use_pece", &SaSolver::use_pece).tip("Evaluates the model again after each correction."),
                 Bool("simple_order_2", &SaSolver::simple_order_2).tip("Simpler weights for steps of order 2.")},
                sa_solver);
  add<Seeds2>(table, "SamplerSEEDS2", "The sampler seeds_2 with its amount of noise and its second evaluation.",
              {Choice("solver_type", &Seeds2::phi_2, {{"phi_1", false}, {"phi_2", true}})
                   .tip("phi_2 with r 1 is Heun's method on the exponential."),
               eta_input(), noise_input(),
               Float("r", &Seeds2::r).range(0.01, 1.0).step(0.01).tip("Where in the step the second evaluation is.")},
              seeds_2);
  add<Lms>(table, "SamplerLMS", "The sampler lms of some order.", {Int("order", &Lms::order).range(1, 100)}, lms);
  using image::ResizeMethod;
  add<Growing>(table, "SamplerLCMUpscale",
               "The sampler lcm with a latent that grows in its first steps. Conditioning of parts of the picture, "
               "masks and inpainting models do not go with it.",
               {Float("scale_ratio", &Growing::scale_ratio).range(0.1, 20.0).step(0.01),
                Int("scale_steps", &Growing::scale_steps)
                    .range(-1, 1000)
                    .step(1)
                    .tip("In how many steps the last size is reached; -1: half of them."),
                Choice("upscale_method", &Growing::upscale_method,
                       {{"bislerp", ResizeMethod::kBislerp},
                        {"nearest-exact", ResizeMethod::kNearestExact},
                        {"bilinear", ResizeMethod::kBilinear},
                        {"area", ResizeMethod::kArea},
                        {"bicubic", ResizeMethod::kBicubic}})},
               growing, {}, false);
  add<Adaptive>(
      table, "SamplerDPMAdaptative", "The sampler dpm_adaptive, which finds its steps itself.",
      {Int("order", &Adaptive::order).range(2, 3), fraction("rtol", &Adaptive::rtol), fraction("atol", &Adaptive::atol),
       fraction("h_init", &Adaptive::h_init), fraction("pcoeff", &Adaptive::pcoeff),
       fraction("icoeff", &Adaptive::icoeff), fraction("dcoeff", &Adaptive::dcoeff),
       fraction("accept_safety", &Adaptive::accept_safety), eta_input(), noise_input()},
      dpm_adaptive, check_adaptive);
}

}  // namespace easel::nodes
