#include "ops/cpu/tiles/permission.h"

#include "base/cpu_features.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace easel::ops::cpu {

bool matrix_registers_granted() {
  static const bool granted = [] {
    if (!cpu_features().amx) return false;
#if defined(__x86_64__) && defined(__linux__)
    // Since 5.16, Linux grants the large register state only to processes that ask for it.
    constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
    constexpr int kTileData = 18;               // number of the state component
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
    return false;
#endif
  }();
  return granted;
}

}  // namespace easel::ops::cpu
