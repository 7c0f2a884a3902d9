// easel bench: times, the work done, and the share of the machine's peak.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/commands/bench_subjects.h"
#include "cli/interrupt.h"
#include "cli/process.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "ops/counters.h"
#include "ops/devices.h"
#include "ops/limits.h"
#include "ops/packer.h"

namespace easel::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::vector<std::string> models, precisions;
  std::string size = "tiny", device;
  std::vector<int> threads;
  int repeat = 5;
  bool json = false;
  std::optional<bool> error;  // unless said: beside int8
};

struct Row {
  std::string model, shape, size, precision;
  int threads = 0;
  std::string device, level;  // of the instructions
  double copy_bandwidth = 0;  // bytes per second
  double build_seconds = 0, seconds = 0;
  ops::ProductLimit limit;
  double counted_seconds = 0;      // of the run the counters were on in
  std::optional<double> error_db;  // against f32
  uint64_t flops = 0, bytes = 0;
  size_t weight_bytes = 0, peak_bytes = 0;
  size_t activation_bytes = 0;  // of the host's pool, so nothing of a card's
  std::array<ops::OpCounters, ops::kOpKinds> ops;

  double rate() const { return static_cast<double>(flops) / seconds; }
  // The seconds of the counted run that were spent outside of products, attention and norms.
  double overhead() const {
    double rest = counted_seconds;
    for (const auto& op : ops)
      if (op.kind <= ops::OpKind::kNorm) rest -= op.seconds;
    return std::max(0.0, rest);
  }
};

// The signal-to-noise ratio of `result` against `exact`, in decibels.
double decibels(const Tensor& result, const Tensor& exact) {
  const Tensor a = contiguous(convert(result, DType::kF32)), b = contiguous(convert(exact, DType::kF32));
  double signal = 0, noise = 0;
  for (int64_t i = 0; i < b.numel(); ++i) {
    const double value = static_cast<double>(b.f32()[i]), off = static_cast<double>(a.f32()[i]) - value;
    signal += value * value;
    noise += off * off;
  }
  return 10 * std::log10(signal / noise);
}

// Resets the peak of memory use. No effect if the system does not allow it.
void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << '5'; }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Runs once to warm up, `repeat` times for the median, and once more with the counters on. `exact` is the result in
// f32, or undefined.
Row measure(const BenchSubject& subject, int repeat, const Tensor& exact) {
  Row row;
  const Tensor first = subject.run();
  if (exact.defined()) row.error_db = decibels(first, exact);
  reset_pool_peak();
  std::vector<double> times;
  for (int i = 0; i < repeat; ++i) {
    interrupt_token().check();
    const double start = now();
    subject.run();
    times.push_back(now() - start);
  }
  std::nth_element(times.begin(), times.begin() + repeat / 2, times.end());
  row.seconds = times[static_cast<size_t>(repeat / 2)];
  row.activation_bytes = pool_stats().peak_bytes;
  ops::reset_op_counters();
  ops::enable_op_counters(true);
  const double start = now();
  subject.run();
  row.counted_seconds = now() - start;
  ops::enable_op_counters(false);
  row.ops = ops::op_counters();
  for (const auto& op : row.ops) {
    row.flops += op.flops;
    row.bytes += op.bytes;
  }
  row.model = subject.name;
  row.shape = subject.shape;
  row.build_seconds = subject.build_seconds;
  row.weight_bytes = subject.weight_bytes;
  row.peak_bytes = peak_memory();
  return row;
}

void print(const Row& r) {
  const bool card = r.level.empty();
  printf("\n%s, %s, %s, ", r.model.c_str(), r.shape.c_str(), r.precision.c_str());
  if (card) printf("%s\n", r.device.c_str());
  else printf("%d thread%s\n", r.threads, r.threads == 1 ? "" : "s");
  printf("  %-22s %.3f s   (weights packed in %.2f s)\n", "time", r.seconds, r.build_seconds);
  printf("  %-22s %.1f GFLOP\n", "work", static_cast<double>(r.flops) * 1e-9);
  printf("  %-22s %.0f GFLOPS\n", "rate", r.rate() * 1e-9);
  if (r.limit.registers > 0)
    printf("  %-22s %.0f GFLOPS in registers at level %s: %.0f %%\n", "limit", r.limit.registers * 1e-9,
           r.level.c_str(), 100 * r.rate() / r.limit.registers);
  printf("  %-22s %.0f GFLOPS of a large product: %.0f %%\n", r.limit.registers > 0 ? "" : "limit",
         r.limit.product * 1e-9, 100 * r.rate() / r.limit.product);
  printf("  %-22s %s moved, which copies do in %.3f s (%.1f GB/s)\n", "bytes", human_bytes(r.bytes).c_str(),
         static_cast<double>(r.bytes) / r.copy_bandwidth, r.copy_bandwidth * 1e-9);
  if (card)
    printf("  %-22s %s weights there, %s peak of the process here\n", "memory", human_bytes(r.weight_bytes).c_str(),
           human_bytes(r.peak_bytes).c_str());
  else
    printf("  %-22s %s weights, %s activations, %s peak of the process\n", "memory",
           human_bytes(r.weight_bytes).c_str(), human_bytes(r.activation_bytes).c_str(),
           human_bytes(r.peak_bytes).c_str());
  if (r.error_db) printf("  %-22s %.1f dB below the result in f32\n", "error", *r.error_db);
  printf("  %-12s %7s %9s %7s %9s %8s %9s %9s\n", "op", "calls", "seconds", "share", "GFLOP", "GFLOPS", "of limit",
         "moved");
  for (const auto& op : r.ops) {
    if (op.calls == 0) continue;
    const double rate = op.seconds > 0 ? static_cast<double>(op.flops) / op.seconds : 0.0;
    printf("  %-12s %7llu %9.4f %6.1f%% %9.1f %8.0f %8.0f%% %9s\n", std::string(ops::op_kind_name(op.kind)).c_str(),
           static_cast<unsigned long long>(op.calls), op.seconds, 100 * op.seconds / r.counted_seconds,
           static_cast<double>(op.flops) * 1e-9, rate * 1e-9, 100 * rate / r.limit.best(),
           human_bytes(op.bytes).c_str());
  }
  printf("  %-12s %7s %9.4f %6.1f%%   outside of products, attention and norms\n", "overhead", "", r.overhead(),
         100 * r.overhead() / r.counted_seconds);
  fflush(stdout);
}

Json to_json(const Row& r) {
  Json ops = Json::array();
  for (const auto& op : r.ops)
    if (op.calls > 0)
      ops.push_back({{"op", std::string(ops::op_kind_name(op.kind))},
                     {"calls", op.calls},
                     {"seconds", op.seconds},
                     {"gflop", static_cast<double>(op.flops) * 1e-9},
                     {"executed_gflop", static_cast<double>(op.executed) * 1e-9},
                     {"bytes", op.bytes}});
  return {{"model", r.model},
          {"shape", r.shape},
          {"size", r.size},
          {"precision", r.precision},
          {"threads", r.threads},
          {"seconds", r.seconds},
          {"build_seconds", r.build_seconds},
          {"gflop", static_cast<double>(r.flops) * 1e-9},
          {"gflops", r.rate() * 1e-9},
          {"device", r.device},
          {"level", r.level},
          {"limit_gflops", r.limit.best() * 1e-9},
          {"limit_registers_gflops", r.limit.registers * 1e-9},
          {"limit_product_gflops", r.limit.product * 1e-9},
          {"fraction_of_limit", r.rate() / r.limit.best()},
          {"fraction_of_registers", r.limit.registers > 0 ? Json(r.rate() / r.limit.registers) : Json()},
          {"fraction_of_product", r.rate() / r.limit.product},
          {"bytes_moved", r.bytes},
          {"copy_bytes_per_second", r.copy_bandwidth},
          {"weight_bytes", r.weight_bytes},
          {"activation_bytes", r.level.empty() ? Json() : Json(r.activation_bytes)},
          {"peak_bytes", r.peak_bytes},
          {"overhead_seconds", r.overhead()},
          {"overhead_fraction", r.overhead() / r.counted_seconds},
          {"error_db", r.error_db ? Json(*r.error_db) : Json()},
          {"ops", std::move(ops)}};
}

DType compute_of(const std::string& precision) {
  return precision == "int8" ? DType::kI8 : precision == "bf16" ? DType::kBF16 : DType::kF32;
}

// What each subject computes in f32.
std::vector<Tensor> exact_results(const std::string& model, synth::SynthSize size) {
  std::vector<Tensor> results;
  for (const auto& subject : make_subjects(model, size, DType::kF32)) results.push_back(clone(subject.run()));
  trim_pool();
  return results;
}

void run(const Flags& flags) {
  start_device(flags.device);
  const auto size = flags.size == "full" ? synth::SynthSize::kFull : synth::SynthSize::kTiny;
  Json rows = Json::array();
  for (const auto& model : flags.models) {
    std::vector<Tensor> exact;
    if (flags.error.value_or(std::count(flags.precisions.begin(), flags.precisions.end(), "int8") > 0)) {
      set_thread_count(flags.threads.front());
      exact = exact_results(model, size);
    }
    for (const auto& precision : flags.precisions) {
      const DType compute = compute_of(precision);
      forget_peak_memory();
      const auto subjects = make_subjects(model, size, compute);
      for (size_t i = 0; i < subjects.size(); ++i) {
        for (const int threads : flags.threads) {
          set_thread_count(threads);
          Row row = measure(subjects[i], flags.repeat, exact.empty() || precision == "f32" ? Tensor() : exact[i]);
          row.size = flags.size;
          row.precision = precision;
          row.threads = thread_count();
          // In the same breath, so that both see the same machine.
          const Device device = ops::compute_device();
          row.limit = ops::measure_product_limit(compute, 1.0, device);
          row.copy_bandwidth = ops::measure_copy_bandwidth(device);
          row.device = device_name(device);
          row.level = device == kHost ? ops::packed_layout(kHost) : "";
          if (flags.json) rows.push_back(to_json(row));
          else print(row);
        }
      }
      trim_pool();
    }
  }
  if (flags.json) printf("%s\n", rows.dump(1).c_str());
}

}  // namespace

void add_bench(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->models = {"sd15", "sdxl", "vae", "clip-vision"};
  flags->precisions = {"bf16"};
  flags->threads = {0};
  CLI::App* command = app.add_subcommand("bench", "Measure models against what this machine can do");
  command->footer(
      "The limits are a loop of products whose operands stay in registers and a large matrix product, of the same\n"
      "precision, measured in the same run at the instruction level in use. Work is counted from the operations'\n"
      "definitions: two for each multiplication of a product. With int8 what it must not touch "
      "(attention,\n"
      "some layers) is bf16, and the limit is that of 8-bit products.\n\n"
      "  easel bench --size full --model sd15               one step of Stable Diffusion 1.5 at 512x512\n"
      "  easel bench --size full --model vae --threads 1,2  thread scaling\n"
      "  easel bench --precision bf16,int8                  speed and error of int8 beside bf16's\n"
      "  easel bench --device vulkan --size full            a graphics card\n"
      "  easel bench --json > today.json                    for comparison between two builds");
  command->add_option("--model", flags->models, "What to measure")
      ->check(CLI::IsMember(bench_models()))
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--size", flags->size, "tiny or full (the published sizes; SDXL needs 8 GiB)")
      ->check(CLI::IsMember({"tiny", "full"}))
      ->capture_default_str();
  command->add_option("--precision", flags->precisions, "f32, bf16, int8")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}))
      ->delimiter(',')
      ->capture_default_str();
  add_device_flag(*command, flags->device, "Options");
  command->add_option("--threads", flags->threads, "Thread counts to measure with, 0 for all cores")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--repeat", flags->repeat, "Runs the median is taken of")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI::Option* error = command->add_flag("--error,!--no-error", flags->error,
                                         "Compare results with those in f32 (beside int8 by itself)");
  command->add_flag("--json", flags->json, "Rows as JSON");
  command->callback([flags, error] {
    if (error->count() == 0) flags->error.reset();
    run(*flags);
  });
}

}  // namespace easel::cli
