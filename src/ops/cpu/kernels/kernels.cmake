# The kernels of the ops are compiled once per instruction level; the program picks one when it starts.
# A multiplication and an addition become one only where the code says fma(), so that levels agree closely.
# GCC 12 takes the undefined operands inside its own AVX-512 headers for a mistake of ours.
set(EASEL_KERNEL_FLAGS_base -O3 -ffp-contract=off -Wno-maybe-uninitialized)
# Sanitized, -O3 would take minutes a file; kernels start no threads, and overflows are what matters in them.
if(EASEL_SANITIZE AND (NOT EASEL_SANITIZE_LAYERS OR "ops" IN_LIST EASEL_SANITIZE_LAYERS))
  set(EASEL_KERNEL_FLAGS_base -O1 -ffp-contract=off -Wno-maybe-uninitialized -fno-sanitize=undefined,thread)
endif()
if(EASEL_ARM64)
  # Scheduled before registers are given out, the rows of a block are all loaded at once, and sums go to memory.
  list(APPEND EASEL_KERNEL_FLAGS_base -fno-schedule-insns)
endif()
# The emulation is built for every processor; GCC says of its wide vectors that functions could not pass them.
set(EASEL_KERNEL_FLAGS_amxemulated ${EASEL_KERNEL_FLAGS_base} -Wno-psabi)

set(EASEL_LEVELS_x86 avx2 avxvnni avx512 avx512vnni avx512bf16 amx)
set(EASEL_KERNEL_FLAGS_avx2 ${EASEL_KERNEL_FLAGS_base} -mavx2 -mfma -mf16c)
set(EASEL_KERNEL_FLAGS_avxvnni ${EASEL_KERNEL_FLAGS_avx2} -mavxvnni)
set(EASEL_KERNEL_FLAGS_avx512 ${EASEL_KERNEL_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq
    -mprefer-vector-width=512)
set(EASEL_KERNEL_FLAGS_avx512vnni ${EASEL_KERNEL_FLAGS_avx512} -mavx512vnni)
set(EASEL_KERNEL_FLAGS_avx512bf16 ${EASEL_KERNEL_FLAGS_avx512vnni} -mavx512bf16)
set(EASEL_KERNEL_FLAGS_amx ${EASEL_KERNEL_FLAGS_avx512bf16})

set(EASEL_LEVELS_arm neondot neonbf16)
set(EASEL_KERNEL_FLAGS_neondot ${EASEL_KERNEL_FLAGS_base} -march=armv8.2-a+dotprod)
set(EASEL_KERNEL_FLAGS_neonbf16 ${EASEL_KERNEL_FLAGS_base} -march=armv8.2-a+dotprod+bf16+i8mm)

if(EASEL_ARM64)
  set(here arm)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(here x86)
else()
  set(here none)
endif()
foreach(level base amxemulated ${EASEL_LEVELS_x86} ${EASEL_LEVELS_arm})
  set(kernels ${CMAKE_SOURCE_DIR}/src/ops/cpu/kernels/kernels_${level}.cc)
  if(level IN_LIST EASEL_LEVELS_arm)
    set(kernels ${CMAKE_SOURCE_DIR}/src/ops/cpu/kernels/arm64/kernels_${level}.cc)
  endif()
  if(level MATCHES "^(base|amxemulated)$" OR level IN_LIST EASEL_LEVELS_${here})
    set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS "${EASEL_KERNEL_FLAGS_${level}}")
  else()
    set_source_files_properties(${kernels} PROPERTIES HEADER_FILE_ONLY ON)  # of another kind of processor
  endif()
endforeach()
