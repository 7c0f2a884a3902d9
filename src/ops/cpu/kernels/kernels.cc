#include "ops/cpu/kernels/kernels.h"

namespace easel::ops::cpu {

namespace level_base {
Kernels table();
}
namespace level_avx2 {
Kernels table();
}
namespace level_avxvnni {
Kernels table();
}
namespace level_avx512 {
Kernels table();
}
namespace level_avx512vnni {
Kernels table();
}
namespace level_avx512bf16 {
Kernels table();
}
namespace level_amx {
Kernels table();
}
namespace level_neondot {
Kernels table();
}
namespace level_neonbf16 {
Kernels table();
}
namespace level_amxemulated {
Kernels table();
}

// Vectors and layouts are those of AVX-512 at AMX's level too, so that without its registers its emulation is
// AVX-512's.
static Kernels without_tiles(Kernels k) {
  for (auto& product : k.tile_product) product = nullptr;
  for (auto& loop : k.tile_register_loop) loop = nullptr;
  k.tile_release = nullptr;
  k.stage_rows = nullptr;
  return k;
}

const Kernels& kernels(Isa level) {
  // Only code of the chosen level runs; that includes the function that fills its table.
  static const Kernels base = level_base::table();
  switch (level) {
#if defined(__x86_64__)
    case Isa::kAvx2: {
      static const Kernels t = level_avx2::table();
      return t;
    }
    case Isa::kAvxVnni: {
      static const Kernels t = level_avxvnni::table();
      return t;
    }
    case Isa::kAvx512: {
      static const Kernels t = level_avx512::table();
      return t;
    }
    case Isa::kAvx512Vnni: {
      static const Kernels t = level_avx512vnni::table();
      return t;
    }
    case Isa::kAvx512Bf16: {
      static const Kernels t = level_avx512bf16::table();
      return t;
    }
    case Isa::kAmx: {
      static const Kernels t = level_amx::table();
      return t;
    }
#elif defined(__aarch64__)
    case Isa::kNeonDot: {
      static const Kernels t = level_neondot::table();
      return t;
    }
    case Isa::kNeonBf16: {
      static const Kernels t = level_neonbf16::table();
      return t;
    }
#endif
    case Isa::kAvx512Bf16Emulated: {
      static const Kernels t = without_tiles(level_amxemulated::table());
      return t;
    }
    case Isa::kAmxEmulated: {
      static const Kernels t = level_amxemulated::table();
      return t;
    }
    default: return base;
  }
}

}  // namespace easel::ops::cpu
