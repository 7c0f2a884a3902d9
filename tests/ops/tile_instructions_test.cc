// The kernel for matrix registers over the processor's instructions against the same over arrays, bit by bit. Where the
// processor does not have the instructions, each of them raises a signal, whose handler reads what stands there and
// does it on the arrays: so the assembly and its operands are checked on every x86-64 processor.
#if defined(__x86_64__) && defined(__linux__)

#include <gtest/gtest.h>
#include <signal.h>
#include <ucontext.h>

#include <cstring>
#include <random>
#include <vector>

#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/tiles/emulated_tiles.h"
#include "ops/cpu/tiles/permission.h"

// The kernel as it is compiled for AMX.
#define EASEL_ISA level_instructions_test
#define EASEL_INLINE static inline __attribute__((always_inline))
#include "ops/cpu/tiles/hardware_tiles.h"
#define EASEL_TILES HardwareTiles
#include "ops/cpu/kernels/tile_kernels.inl"

namespace easel::ops::testing {
namespace {

using namespace easel::ops::cpu;
namespace instructions = easel::ops::cpu::level_instructions_test;

// One instruction of AMX: VEX prefix of three bytes, opcode, registers or memory. Intel's manual, volume 2, appendix A.
class Decoder {
 public:
  Decoder(const uint8_t* code, const greg_t* registers) : code_(code), registers_(registers) {}

  // Does it; returns its length, or 0 where it is another instruction.
  int64_t run() {
    if (code_[0] != 0xc4 || (code_[1] & 0x1f) != 2) return 0;  // map 0F38
    const int prefix = code_[2] & 3, modrm = code_[4], reg = modrm >> 3 & 7, low = modrm & 7;
    const bool registers = modrm >> 6 == 3;
    at_ = 5;
    switch (code_[3] << 8 | prefix) {
      case 0x4900:
        if (registers) emulated_release();
        else {
          TileShapes shapes;
          std::memcpy(static_cast<void*>(&shapes), address(), sizeof shapes);
          emulated_configure(shapes);
        }
        return at_;
      case 0x4903: emulated_zero(reg); return at_;
      case 0x4b03:
      case 0x4b01: {
        const char* from = address();
        emulated_load(reg, from, step_);
        return at_;
      }
      case 0x4b02: {
        char* to = address();
        emulated_store(reg, to, step_);
        return at_;
      }
      case 0x5c02: emulated_multiply_bf16(reg, low, third()); return at_;
      case 0x5e01: emulated_multiply_bytes(reg, low, third()); return at_;
      default: return 0;
    }
  }

 private:
  int third() const { return ~(code_[2] >> 3) & 7; }
  int64_t general(int number) const {
    constexpr int kOrder[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return registers_[kOrder[number]];
  }
  template <class T>
  int64_t displacement() {
    T value;
    std::memcpy(&value, code_ + at_, sizeof value);
    at_ += static_cast<int64_t>(sizeof value);
    return value;
  }
  // Of the memory operand; the index register is the step from row to row.
  char* address() {
    const int modrm = code_[4], mode = modrm >> 6, high = (code_[1] & 0x20) != 0 ? 0 : 8;
    int64_t base = 0;
    bool wide = false;
    if ((modrm & 7) == 4) {
      const int sib = code_[at_++];
      const int index = (sib >> 3 & 7) | ((code_[1] & 0x40) != 0 ? 0 : 8);
      step_ = index == 4 ? 0 : general(index) * (1 << (sib >> 6));
      wide = mode == 0 && (sib & 7) == 5;
      if (!wide) base = general((sib & 7) | high);
    } else if (mode == 0 && (modrm & 7) == 5) {
      base = displacement<int32_t>();
      return reinterpret_cast<char*>(base + reinterpret_cast<int64_t>(code_) + at_);
    } else {
      base = general((modrm & 7) | high);
    }
    if (mode == 1) base += displacement<int8_t>();
    if (mode == 2 || wide) base += displacement<int32_t>();
    return reinterpret_cast<char*>(base);
  }

  const uint8_t* code_;
  const greg_t* registers_;
  int64_t at_ = 0, step_ = 0;
};

void on_unknown_instruction(int, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  Decoder decoder(reinterpret_cast<const uint8_t*>(registers[REG_RIP]), registers);
  const int64_t length = decoder.run();
  if (length == 0) {
    signal(SIGILL, SIG_DFL);
    return;
  }
  registers[REG_RIP] += length;
}

class TileInstructions : public ::testing::Test {
 protected:
  void SetUp() override {
    if (matrix_registers_granted()) return;
    struct sigaction action {};
    action.sa_sigaction = on_unknown_instruction;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before_);
    trapped_ = true;
  }
  void TearDown() override {
    if (trapped_) sigaction(SIGILL, &before_, nullptr);
  }

  std::mt19937 rng_{7};

 private:
  struct sigaction before_ {};
  bool trapped_ = false;
};

TEST_F(TileInstructions, ProductsAreThoseOfTheArraysBitByBit) {
  const auto pick = [this](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(rng_);
  };
  for (int i = 0; i < 24; ++i) {
    const int type = i % 2 == 0 ? 1 : 2;
    const int64_t rows = pick(1, 70), lanes = pick(1, 50), width = pick(0, 1) == 0 ? 32 : 64;
    const int64_t steps = (lanes + kTileLanes - 1) / kTileLanes, groups = (rows + kTileRows - 1) / kTileRows;
    std::vector<uint32_t> a(static_cast<size_t>(rows * steps * kTileLanes)), w(static_cast<size_t>(lanes * width));
    std::normal_distribution<float> values;
    const auto lane = [&] {
      if (type == 2) return static_cast<uint32_t>(rng_());
      const float x = values(rng_), y = values(rng_);
      uint32_t low, high;
      std::memcpy(&low, &x, 4);
      std::memcpy(&high, &y, 4);
      return low >> 16 | (high & 0xffff0000u);
    };
    for (uint32_t& v : a) v = lane();
    for (uint32_t& v : w) v = lane();
    std::vector<int64_t> group, step;
    TileProduct p{};
    p.a = reinterpret_cast<const char*>(a.data());
    p.row_step = steps * kTileRowBytes;
    for (int64_t g = 0; g < groups; ++g) group.push_back(g * kTileRows * p.row_step);
    for (int64_t s = 0; s < steps; ++s) step.push_back(s * kTileRowBytes);
    p.group_offset = group.data();
    p.step_offset = step.data();
    p.rows = rows;
    p.lanes = lanes;
    p.weights = reinterpret_cast<const float*>(w.data());
    p.weight_step = width;
    p.vectors = pick(1, 2);
    p.vector_stride = width / 2;
    p.out_stride = width;
    p.accumulate = pick(0, 1) == 1;
    std::vector<float> expected(static_cast<size_t>(rows * width), 1.0f), result = expected;
    TileState emulated, real;
    p.state = &emulated;
    p.out = expected.data();
    kernels(Isa::kAmxEmulated).tile_product[type](p);
    kernels(Isa::kAmxEmulated).tile_release();
    p.state = &real;
    p.out = result.data();
    if (type == 1) instructions::tile_product<1>(p);
    else instructions::tile_product<2>(p);
    instructions::tile_release();
    EXPECT_EQ(std::memcmp(result.data(), expected.data(), result.size() * sizeof(float)), 0)
        << rows << " rows, " << lanes << " lanes, type " << type;
  }
}

// Rows in two taps of 40 bytes: a row is 80 bytes, so two steps of which the second ends with zeros.
TEST_F(TileInstructions, RowsAreGatheredStepByStep) {
  constexpr int64_t kRows = 35, kTap = 40;
  std::vector<char> from(kRows * 100), to(64 * 2 * kTileRowBytes, 1);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i % 127);
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < kRows; ++r) rows.push_back(r * 100);
  const int64_t taps[2] = {50, 3};
  instructions::stage_rows({from.data(), rows.data(), taps, kRows, 2, kTap, to.data()});
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t i = 0; i < 2 * kTileRowBytes; ++i) {
      const int64_t at = r / 32 * 2 * 2048 + i / 64 * 2048 + r % 32 * 64 + i % 64;
      const char expected = i < 2 * kTap ? from[static_cast<size_t>(r * 100 + taps[i / kTap] + i % kTap)] : 0;
      ASSERT_EQ(to[static_cast<size_t>(at)], expected) << "row " << r << ", byte " << i;
    }
}

TEST_F(TileInstructions, StreamedLoadsAndTheLoopForTheLimitRun) {
  alignas(64) float from[256], to[256] = {};
  for (int i = 0; i < 256; ++i) from[i] = static_cast<float>(i);
  TileShapes shapes;
  shapes.set(3, 16, 64);
  instructions::HardwareTiles::configure(shapes);
  instructions::HardwareTiles::stream_load<3>(from, 64);
  instructions::HardwareTiles::store<3>(to, 64);
  instructions::HardwareTiles::release();
  EXPECT_EQ(std::memcmp(from, to, sizeof from), 0);
  instructions::tile_register_loop<1>(2);
  instructions::tile_register_loop<2>(2);
}

}  // namespace
}  // namespace easel::ops::testing

#endif
