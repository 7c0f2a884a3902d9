// easel bench: seconds, work done, and how far that is from what the machine can do.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "cli/bench_subjects.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "ops/counters.h"
#include "ops/limits.h"

namespace easel::cli {
namespace {

using Json = nlohmann::ordered_json;
namespace synth = models::synth;

struct Flags {
  std::vector<std::string> models, precisions;
  std::string size = "tiny";
  std::vector<int> threads;
  int repeat = 5;
  bool json = false;
};

struct Row {
  std::string model, shape, size, precision;
  int threads = 0;
  double build_seconds = 0, seconds = 0, limit = 0;  // limit: operations per second
  uint64_t flops = 0, bytes = 0;
  size_t weight_bytes = 0, activation_bytes = 0, peak_bytes = 0;
  std::array<ops::OpCounters, ops::kOpKinds> ops;

  double rate() const { return static_cast<double>(flops) / seconds; }
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) << 10;
}

// Once to warm up, `repeat` times for the median, and once more with the counters on.
Row measure(const BenchSubject& subject, int repeat) {
  Row row;
  subject.run();
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
  subject.run();
  ops::enable_op_counters(false);
  row.ops = ops::op_counters();
  for (const auto& op : row.ops) row.flops += op.flops, row.bytes += op.bytes;
  row.model = subject.name;
  row.shape = subject.shape;
  row.build_seconds = subject.build_seconds;
  row.weight_bytes = subject.weight_bytes;
  row.peak_bytes = peak_memory();
  return row;
}

void print(const Row& r) {
  printf("\n%s, %s, %s, %d thread%s\n", r.model.c_str(), r.shape.c_str(), r.precision.c_str(), r.threads,
         r.threads == 1 ? "" : "s");
  printf("  %-22s %.3f s   (weights packed in %.2f s)\n", "time", r.seconds, r.build_seconds);
  printf("  %-22s %.1f GFLOP\n", "work", static_cast<double>(r.flops) * 1e-9);
  printf("  %-22s %.0f GFLOPS of %.0f: %.0f %%\n", "rate", r.rate() * 1e-9, r.limit * 1e-9, 100 * r.rate() / r.limit);
  printf("  %-22s %s weights, %s activations, %s peak of the process\n", "memory", human_bytes(r.weight_bytes).c_str(),
         human_bytes(r.activation_bytes).c_str(), human_bytes(r.peak_bytes).c_str());
  printf("  %-12s %7s %9s %7s %9s %8s %9s\n", "op", "calls", "seconds", "share", "GFLOP", "GFLOPS", "moved");
  for (const auto& op : r.ops) {
    if (op.calls == 0) continue;
    printf("  %-12s %7llu %9.4f %6.1f%% %9.1f %8.0f %9s\n", std::string(ops::op_kind_name(op.kind)).c_str(),
           static_cast<unsigned long long>(op.calls), op.seconds, 100 * op.seconds / r.seconds,
           static_cast<double>(op.flops) * 1e-9,
           op.seconds > 0 ? static_cast<double>(op.flops) / op.seconds * 1e-9 : 0.0, human_bytes(op.bytes).c_str());
  }
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
          {"limit_gflops", r.limit * 1e-9},
          {"fraction_of_limit", r.rate() / r.limit},
          {"bytes_moved", r.bytes},
          {"weight_bytes", r.weight_bytes},
          {"activation_bytes", r.activation_bytes},
          {"peak_bytes", r.peak_bytes},
          {"ops", std::move(ops)}};
}

void run(const Flags& flags) {
  const auto size = flags.size == "full" ? synth::SynthSize::kFull : synth::SynthSize::kTiny;
  Json rows = Json::array();
  for (const auto& precision : flags.precisions) {
    const DType compute = precision == "bf16" ? DType::kBF16 : DType::kF32;
    for (const auto& model : flags.models) {
      const auto subjects = make_subjects(model, size, compute);
      for (const auto& subject : subjects) {
        for (const int threads : flags.threads) {
          set_thread_count(threads);
          Row row = measure(subject, flags.repeat);
          row.size = flags.size;
          row.precision = precision;
          row.threads = thread_count();
          // In the same breath, so that both see the same machine.
          row.limit = ops::measure_product_limit(compute);
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
  flags->models = bench_models();
  flags->precisions = {"bf16"};
  flags->threads = {0};
  CLI::App* command = app.add_subcommand("bench", "Measure models against what this machine can do");
  command->footer(
      "The limit is a large matrix product of the same precision, measured in the same run. Work is counted from the\n"
      "operations' definitions: two for each multiplication of a product.\n\n"
      "  easel bench --size full --model sd15               one step of Stable Diffusion 1.5 at 512x512\n"
      "  easel bench --size full --model vae --threads 1,2  thread scaling\n"
      "  easel bench --json > today.json                    for comparison between two builds");
  command->add_option("--model", flags->models, "What to measure")
      ->check(CLI::IsMember(bench_models()))
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--size", flags->size, "tiny or full (the published sizes; SDXL needs 8 GiB)")
      ->check(CLI::IsMember({"tiny", "full"}))
      ->capture_default_str();
  command->add_option("--precision", flags->precisions, "f32, bf16")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--threads", flags->threads, "Thread counts to measure with, 0 for all cores")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--repeat", flags->repeat, "Runs the median is taken of")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Rows as JSON");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
