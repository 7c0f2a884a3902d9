// The product kernel for matrix registers: rows times one or two vectors of the outputs of a panel. EASEL_TILES names
// the implementation of the tile operations, see ops/cpu/tiles/shapes.h.
//
// Two groups of sixteen rows times two vectors of outputs give four accumulators, in registers 0 to 3; each step of
// sixteen lanes loads two registers of rows (4, 5) and two of weights (6, 7) for four products. The lanes of a panel
// are already in the order that the instruction expects of its weights, so that both operands are loaded in place.

namespace easel::ops::cpu::EASEL_ISA {

template <int kType, int C, int A, int B>
EASEL_INLINE void tile_multiply() {
  if constexpr (kType == 2) EASEL_TILES::multiply_bytes<C, A, B>();
  else EASEL_TILES::multiply_bf16<C, A, B>();
}

// Prefetches the weights of the next call into the L2 cache, a few lanes in each step of this call.
class WeightsAhead {
 public:
  WeightsAhead(const TileProduct& p, int64_t steps)
      : next_(p.next_weights), step_(p.next_step), vector_stride_(p.vector_stride) {
    const int64_t lanes = next_ == nullptr ? 0 : p.next_lanes;
    left_ = lanes;
    quota_ = steps > 0 ? (lanes + steps - 1) / steps : 0;
  }
  __attribute__((always_inline)) inline void fetch() {
    for (int64_t i = left_ < quota_ ? left_ : quota_; i > 0; --i, --left_, next_ += step_) {
      EASEL_TILES::prefetch_far(next_);
      EASEL_TILES::prefetch_far(next_ + vector_stride_);
    }
  }

 private:
  const float* next_;
  int64_t step_, vector_stride_, left_, quota_;
};

// Steps [first, last) of one block of accumulators; `block` is the number of its first group.
template <int kType, int kGroups, int kVectors>
EASEL_INLINE void tile_block(const TileProduct& p, int64_t block, int64_t first, int64_t last, bool accumulate,
                             bool hooks, WeightsAhead& ahead) {
  using Tiles = EASEL_TILES;
  float* out = p.out + block * kTileRows * p.out_stride;
  float* below = out + kTileRows * p.out_stride;
  const int64_t out_step = p.out_stride * 4;
  if (accumulate) {
    Tiles::load<0>(out, out_step);
    if constexpr (kVectors == 2) Tiles::load<1>(out + p.vector_stride, out_step);
    if constexpr (kGroups == 2) Tiles::load<2>(below, out_step);
    if constexpr (kGroups == 2 && kVectors == 2) Tiles::load<3>(below + p.vector_stride, out_step);
  } else {
    Tiles::zero<0>();
    if constexpr (kVectors == 2) Tiles::zero<1>();
    if constexpr (kGroups == 2) Tiles::zero<2>();
    if constexpr (kGroups == 2 && kVectors == 2) Tiles::zero<3>();
  }
  const char* upper = p.a + p.group_offset[block];
  const char* lower = kGroups == 2 ? p.a + p.group_offset[block + 1] : nullptr;
  // Rows are prefetched two steps ahead, also across the end of the block.
  constexpr int64_t kAhead = 2;
  const int64_t groups = (p.rows + kTileRows - 1) / kTileRows, row_step = p.row_step, weight_step = p.weight_step;
  const bool more = block + 2 * kGroups <= groups;
  const float* weights = p.weights + first * kTileLanes * weight_step;
  for (int64_t s = first; s < last; ++s, weights += kTileLanes * weight_step) {
    const char *soon = upper, *soon_lower = lower;
    int64_t step = s + kAhead;
    if (step >= last) {
      step = more && step - last < last - first ? first + step - last : -1;
      if (more) soon = p.a + p.group_offset[block + kGroups];
      if (more && kGroups == 2) soon_lower = p.a + p.group_offset[block + kGroups + 1];
    }
    if (step >= 0) {
      soon += p.step_offset[step];
      if constexpr (kGroups == 2) soon_lower += p.step_offset[step];
      for (int64_t r = 0; r < kTileRows; ++r) {
        Tiles::prefetch_near(soon + r * row_step);
        if constexpr (kGroups == 2) Tiles::prefetch_near(soon_lower + r * row_step);
      }
    }
    Tiles::load<6>(weights, weight_step * 4);
    Tiles::load<4>(upper + p.step_offset[s], row_step);
    tile_multiply<kType, 0, 4, 6>();
    if constexpr (kVectors == 2) {
      Tiles::load<7>(weights + p.vector_stride, weight_step * 4);
      tile_multiply<kType, 1, 4, 7>();
    }
    if constexpr (kGroups == 2) {
      Tiles::load<5>(lower + p.step_offset[s], row_step);
      tile_multiply<kType, 2, 5, 6>();
      if constexpr (kVectors == 2) tile_multiply<kType, 3, 5, 7>();
    }
    ahead.fetch();
    if (hooks && p.meanwhile) p.meanwhile(p.context);
  }
  Tiles::store<0>(out, out_step);
  if constexpr (kVectors == 2) Tiles::store<1>(out + p.vector_stride, out_step);
  if constexpr (kGroups == 2) Tiles::store<2>(below, out_step);
  if constexpr (kGroups == 2 && kVectors == 2) Tiles::store<3>(below + p.vector_stride, out_step);
}

// Registers for blocks of `upper` and `lower` rows (0: none) and steps of `lanes` lanes.
EASEL_INLINE void configure_tiles(int64_t upper, int64_t lower, int64_t lanes) {
  TileShapes shapes;
  for (int tile = 0; tile < 2; ++tile) {
    shapes.set(tile, upper, kTileRowBytes);
    if (lower > 0) shapes.set(2 + tile, lower, kTileRowBytes);
    shapes.set(6 + tile, lanes, kTileRowBytes);
  }
  shapes.set(4, upper, 4 * lanes);
  if (lower > 0) shapes.set(5, lower, 4 * lanes);
  EASEL_TILES::configure(shapes);
}

// All rows over steps [first, last), each of `lanes` lanes.
template <int kType>
static void tile_pass(const TileProduct& p, int64_t first, int64_t last, int64_t lanes, bool accumulate, bool hooks) {
  const int64_t groups = (p.rows + kTileRows - 1) / kTileRows, last_rows = p.rows - (groups - 1) * kTileRows;
  WeightsAhead ahead(p, hooks ? (groups + 1) / 2 * (last - first) : 0);
  int64_t upper = 0, lower = 0;
  for (int64_t g = 0; g < groups; g += 2) {
    const int64_t wanted_upper = g + 1 < groups ? kTileRows : last_rows;
    const int64_t wanted_lower = g + 2 < groups ? kTileRows : g + 1 < groups ? last_rows : 0;
    upper = wanted_upper;
    lower = wanted_lower;
    TileState& now = *p.state;
    if (now.upper != upper || now.lower != lower || now.lanes != lanes) {
      configure_tiles(upper, lower, lanes);
      now.upper = upper;
      now.lower = lower;
      now.lanes = lanes;
    }
    if (lower > 0 && p.vectors == 2) tile_block<kType, 2, 2>(p, g, first, last, accumulate, hooks, ahead);
    else if (lower > 0) tile_block<kType, 2, 1>(p, g, first, last, accumulate, hooks, ahead);
    else if (p.vectors == 2) tile_block<kType, 1, 2>(p, g, first, last, accumulate, hooks, ahead);
    else tile_block<kType, 1, 1>(p, g, first, last, accumulate, hooks, ahead);
    if (hooks && p.rows_done) *p.rows_done = g * kTileRows + upper + lower;
  }
}

template <int kType>
static void tile_product(const TileProduct& p) {
  const int64_t steps = p.lanes / kTileLanes, rest = p.lanes % kTileLanes;
  // A remainder of the depth below a whole step is a separate pass with narrower registers.
  if (steps > 0) tile_pass<kType>(p, 0, steps, kTileLanes, p.accumulate, rest == 0);
  if (rest > 0) tile_pass<kType>(p, steps, steps + 1, rest, p.accumulate || steps > 0, true);
}

static void tile_release() { EASEL_TILES::release(); }

// See StageRows.
static void stage_rows(const StageRows& s) {
  constexpr int64_t kPair = 2 * kTileRows;
  const int64_t steps = (s.taps * s.tap_bytes + kTileRowBytes - 1) / kTileRowBytes;
  for (int64_t first = 0; first < s.rows; first += kPair) {
    const int64_t rows = s.rows - first < kPair ? s.rows - first : kPair;
    char* to = s.to + first * steps * kTileRowBytes;
    for (int64_t step = 0; step < steps; ++step, to += kPair * kTileRowBytes) {
      // A step lies within one tap, or contains the end of one and the beginnings of others.
      const int64_t begin = step * kTileRowBytes;
      const int64_t tap = begin / s.tap_bytes, at = begin % s.tap_bytes;
      if (at + kTileRowBytes <= s.tap_bytes) {
        for (int64_t r = 0; r < rows; ++r)
          std::memcpy(to + r * kTileRowBytes, s.a + s.row_offset[first + r] + s.tap_offset[tap] + at, kTileRowBytes);
        continue;
      }
      for (int64_t r = 0; r < rows; ++r) {
        char* row = to + r * kTileRowBytes;
        int64_t filled = 0;
        for (int64_t t = tap, from = at; t < s.taps && filled < kTileRowBytes; ++t, from = 0) {
          const int64_t left = s.tap_bytes - from, room = kTileRowBytes - filled, n = left < room ? left : room;
          std::memcpy(row + filled, s.a + s.row_offset[first + r] + s.tap_offset[t] + from, static_cast<size_t>(n));
          filled += n;
        }
        std::memset(row + filled, 0, static_cast<size_t>(kTileRowBytes - filled));
      }
    }
  }
}

// Products of registers without loads, to measure the peak.
template <int kType>
static void tile_register_loop(int64_t rounds) {
  alignas(64) uint8_t ones[kTileRows * kTileRowBytes];
  for (uint8_t& byte : ones) byte = 1;  // a normal number in both types
  configure_tiles(kTileRows, kTileRows, kTileLanes);
  EASEL_TILES::load<4>(ones, kTileRowBytes);
  EASEL_TILES::load<5>(ones, kTileRowBytes);
  EASEL_TILES::load<6>(ones, kTileRowBytes);
  EASEL_TILES::load<7>(ones, kTileRowBytes);
  for (int64_t i = 0; i < rounds; ++i) {
    tile_multiply<kType, 0, 4, 6>();
    tile_multiply<kType, 1, 4, 7>();
    tile_multiply<kType, 2, 5, 6>();
    tile_multiply<kType, 3, 5, 7>();
  }
  EASEL_TILES::release();
}

}  // namespace easel::ops::cpu::EASEL_ISA
