#include "ops/counters.h"

#include <atomic>
#include <chrono>

#include "base/error.h"
#include "ops/devices.h"

namespace easel::ops {
namespace {

struct Totals {
  std::atomic<uint64_t> calls{0}, flops{0}, executed{0}, bytes{0}, nanoseconds{0};
};

std::atomic<bool> g_enabled{false};
std::array<Totals, kOpKinds> g_totals;
thread_local bool t_inside = false;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// A device that computes while the host goes on is waited for, so that each op is charged with its own work.
void settle() {
  try {
    if (const Device device = compute_device(); device != kHost) wait_for(device);
  } catch (const Error&) {  // whoever reads the result is told
  }
}

}  // namespace

std::string_view op_kind_name(OpKind kind) {
  constexpr std::array<std::string_view, kOpKinds> names{"linear", "conv",      "attention",
                                                         "norm",   "pointwise", "movement"};
  return names[static_cast<size_t>(kind)];
}

void enable_op_counters(bool on) { g_enabled.store(on, std::memory_order_relaxed); }
bool op_counters_enabled() { return g_enabled.load(std::memory_order_relaxed); }

void reset_op_counters() {
  for (Totals& t : g_totals) t.calls = t.flops = t.executed = t.bytes = t.nanoseconds = 0;
}

std::array<OpCounters, kOpKinds> op_counters() {
  std::array<OpCounters, kOpKinds> all;
  for (size_t i = 0; i < all.size(); ++i) {
    const Totals& t = g_totals[i];
    all[i] = {.kind = static_cast<OpKind>(i),
              .calls = t.calls,
              .flops = t.flops,
              .executed = t.executed,
              .bytes = t.bytes,
              .seconds = static_cast<double>(t.nanoseconds) * 1e-9};
  }
  return all;
}

void CountOp::begin(OpKind kind) {
  if (t_inside) return;
  t_inside = counting_ = true;
  kind_ = kind;
  settle();
  start_ = now();
}

void CountOp::end() {
  t_inside = false;
  settle();
  Totals& t = g_totals[static_cast<size_t>(kind_)];
  t.nanoseconds += static_cast<uint64_t>((now() - start_) * 1e9);
  t.calls += 1;
  t.flops += flops_;
  t.executed += executed_;
  t.bytes += bytes_;
}

}  // namespace easel::ops
