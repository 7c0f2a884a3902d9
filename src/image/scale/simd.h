// Loops that use the processor's wider vectors where it has them, chosen at run time.
#pragma once

// A function marked so is compiled twice, for any x86-64 and for one with AVX2 and FMA; the program picks when it
// starts. Results are the same either way: std::fma is one rounding everywhere, and nothing else is fused.
// Not under the ThreadSanitizer, which is not ready when the system asks which to take.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define EASEL_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define EASEL_CLONES
#endif
