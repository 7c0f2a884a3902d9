// How much work the ops did: for `easel bench`, and for tests that guard fusions and find repeated products. Off unless
// enabled; every call of an op is then counted. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace easel::ops {

enum class OpKind { kLinear, kConv, kAttention, kNorm, kPointwise, kMovement };
constexpr int kOpKinds = 6;
std::string_view op_kind_name(OpKind kind);  // "linear", "conv", "attention", "norm", "pointwise", "movement"

struct OpCounters {
  OpKind kind = OpKind::kLinear;
  uint64_t calls = 0;
  uint64_t flops = 0;     // of the definition: two for each multiplication of a product, whatever the algorithm
  uint64_t executed = 0;  // of the algorithm (fewer in folded or transformed convolutions)
  uint64_t bytes = 0;     // inputs, weights and outputs, each once
  double seconds = 0;     // inside the ops of this kind
};

void enable_op_counters(bool on);
bool op_counters_enabled();
void reset_op_counters();
std::array<OpCounters, kOpKinds> op_counters();

// Counts one call from construction to destruction. An op called by another op is not counted again.
class CountOp {
 public:
  explicit CountOp(OpKind kind) {
    if (op_counters_enabled()) begin(kind);
  }
  ~CountOp() {
    if (counting_) end();
  }
  CountOp(const CountOp&) = delete;
  CountOp& operator=(const CountOp&) = delete;

  bool on() const { return counting_; }
  void add(uint64_t flops, uint64_t executed, uint64_t bytes) {
    flops_ += flops;
    executed_ += executed;
    bytes_ += bytes;
  }

 private:
  void begin(OpKind kind);
  void end();

  OpKind kind_{};
  bool counting_ = false;
  uint64_t flops_ = 0, executed_ = 0, bytes_ = 0;
  double start_ = 0;
};

}  // namespace easel::ops
