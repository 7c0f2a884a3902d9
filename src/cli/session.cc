#include "cli/session.h"

#include <CLI/CLI.hpp>
#include <cctype>

#include "base/parallel.h"
#include "library/built_in.h"
#include "models/weights/weight_cache.h"
#include "nodes/standard_table.h"
#include "ops/backend.h"

namespace easel::cli {

namespace fs = std::filesystem;

void add_session_flags(CLI::App& command, SessionFlags& flags) {
  constexpr const char* kGroup = "Folders and machine";
  command.add_option("--models", flags.models, "Model folder: a ComfyUI 'models' folder or installation")
      ->group(kGroup)
      ->capture_default_str();
  command.add_option("--input", flags.input, "Where LoadImage finds pictures")->group(kGroup)->capture_default_str();
  command.add_option("--output", flags.output, "Where pictures are saved")->group(kGroup)->capture_default_str();
  command.add_option("--temp", flags.temp, "Where previews go (default: OUTPUT/temp)")->group(kGroup);
  command
      .add_option("--extra-model-paths", flags.extra_model_paths,
                  "An extra_model_paths.yaml beside the one in the model folder")
      ->group(kGroup);
  add_device_flag(command, flags.device, kGroup);
  command
      .add_option("--precision", flags.precision,
                  "f32, bf16, int8 (faster, coarser: see docs/cli.md), or auto: bf16 where that is faster")
      ->group(kGroup)
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}))
      ->capture_default_str();
  command
      .add_option(
          "--preview", flags.preview,
          "How steps are shown: none, latent2rgb (rough), taesd (the small VAE, from models/vae_approx), or auto: "
          "latent2rgb")
      ->group(kGroup)
      ->check(CLI::IsMember({"auto", "none", "latent2rgb", "taesd"}))
      ->capture_default_str();
  command.add_option("--threads", flags.threads, "Threads to compute with, 0 for all cores")
      ->group(kGroup)
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      .add_option("--memory-budget", flags.memory_budget,
                  "Most memory for models, for example 6G: they are dropped and loaded again as needed")
      ->group(kGroup);
  add_weight_cache_flags(command, flags.weight_cache, flags.weight_cache_limit, kGroup);
}

void add_device_flag(CLI::App& command, std::string& device, const char* group) {
  command
      .add_option(
          "--device", device,
          "What models compute on: cpu, vulkan or vulkan:N (a graphics card), or auto (default: $EASEL_BACKEND, "
          "else cpu); with ',cpu' behind it the processor stands in for a card that is missing or lost")
      ->group(group);
}

void start_device(const std::string& device) {
  if (device.empty()) ops::compute_device();  // throws at once if EASEL_BACKEND names none that there is
  else if (const std::string why = ops::start_compute_device(device); !why.empty())
    fprintf(stderr, "Computing on the processor: %s\n", why.c_str());
}

void add_weight_cache_flags(CLI::App& command, std::string& folder, std::string& limit, const char* group) {
  command
      .add_option("--weight-cache", folder,
                  "Keep packed weights in this folder, which makes the next start with a model several times faster")
      ->group(group);
  command
      .add_option("--weight-cache-limit", limit,
                  "Most disk space for that folder, 0 for any: what was used longest ago is deleted")
      ->group(group)
      ->capture_default_str();
}

void start_weight_cache(const std::string& folder, const std::string& limit) {
  if (folder.empty()) return;
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_directory(folder, ignored))
    throw Error(Fault::kUsage, "--weight-cache '" + folder + "' is not a folder");
  models::set_weight_cache({fs::absolute(folder), limit == "0" ? 0 : parse_bytes(limit)});
}

size_t parse_bytes(const std::string& text) {
  size_t end = 0;
  double value = 0;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  double unit = 1;
  if (end > 0 && end < text.size()) {
    switch (std::toupper(static_cast<unsigned char>(text[end++]))) {
      case 'K': unit = 1024.0; break;
      case 'M': unit = 1024.0 * 1024; break;
      case 'G': unit = 1024.0 * 1024 * 1024; break;
      case 'T': unit = 1024.0 * 1024 * 1024 * 1024; break;
      default: end = 0;
    }
    while (end > 0 && end < text.size() && (text[end] == 'i' || text[end] == 'B' || text[end] == 'b')) ++end;
  }
  if (end == 0 || end != text.size() || !(value > 0) || value * unit > 9e18)
    throw Error(Fault::kUsage, "'" + text + "' is no amount of memory").fix("Write 6G, 512M or a number of bytes");
  return static_cast<size_t>(value * unit);
}

namespace {

// One of "auto", "f32", "bf16" and "int8", as the flag checks.
DType precision(const std::string& name) {
  return name == "f32"    ? DType::kF32
         : name == "bf16" ? DType::kBF16
         : name == "int8" ? DType::kI8
                          : ops::backend(ops::compute_device()).native_type();
}

// One of "auto", "none", "latent2rgb" and "taesd", as the flag checks.
nodes::PreviewMethod preview_method(const std::string& name) {
  return name == "none"    ? nodes::PreviewMethod::kNone
         : name == "taesd" ? nodes::PreviewMethod::kTiny
                           : nodes::PreviewMethod::kLatentToRgb;
}

}  // namespace

std::unique_ptr<engine::Engine> start_engine(const SessionFlags& flags, bool models_needed,
                                             artifacts::ArtifactStore* artifacts) {
  set_thread_count(flags.threads);
  start_device(flags.device);
  start_weight_cache(flags.weight_cache, flags.weight_cache_limit);
  const bool models = fs::is_directory(flags.models);
  const fs::path built_in = library::built_in_models();
  if (!models && models_needed && built_in.empty())
    throw Error(Fault::kMissing, "there is no model folder '" + flags.models + "'")
        .fix("Name it with --models, or make small synthetic files with: easel synth " + flags.models);
  engine::EngineOptions options{
      .table = nodes::standard_table(),
      .folders = models ? library::Folders(fs::path(flags.models)) : library::Folders(),
      .artifacts = artifacts,
      .directories = {flags.input, flags.output,
                      flags.temp.empty() ? fs::path(flags.output) / "temp" : fs::path(flags.temp)},
      .compute = precision(flags.precision),
      .preview = preview_method(flags.preview)};
  if (!flags.extra_model_paths.empty()) options.folders.add_extra_paths(flags.extra_model_paths);
  options.folders.add_built_in(built_in);
  options.computing = [] {
    const Device device = ops::compute_device();
    return engine::Computing{device_name(device), ops::device_memory_bytes(device), ops::device_memory_apart(device)};
  };
  if (!flags.memory_budget.empty()) options.memory_budget = parse_bytes(flags.memory_budget);
  return std::make_unique<engine::Engine>(std::move(options));
}

std::string only_built_in(const SessionFlags& flags) {
  std::error_code ignored;
  if (fs::is_directory(flags.models, ignored)) return {};
  return "there is no model folder '" + flags.models + "', so there are only the small models that come with Easel";
}

}  // namespace easel::cli
