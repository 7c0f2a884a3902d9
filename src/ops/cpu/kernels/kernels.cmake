# The kernels of the ops are compiled once per instruction level; the program picks one when it starts.
# A multiplication and an addition become one only where the code says fma(), so that levels agree closely.
# GCC 12 takes the undefined operands inside its own AVX-512 headers for a mistake of ours.
set(EASEL_KERNEL_FLAGS_base -O3 -ffp-contract=off -Wno-maybe-uninitialized)
if(EASEL_SANITIZE AND (NOT EASEL_SANITIZE_LAYERS OR "ops" IN_LIST EASEL_SANITIZE_LAYERS))  # -O3 would take minutes a file; kernels start no threads, and overflows are what matters in them
  set(EASEL_KERNEL_FLAGS_base -O1 -ffp-contract=off -Wno-maybe-uninitialized -fno-sanitize=undefined,thread)
endif()
set(EASEL_KERNEL_FLAGS_avx2 ${EASEL_KERNEL_FLAGS_base} -mavx2 -mfma -mf16c)
set(EASEL_KERNEL_FLAGS_avxvnni ${EASEL_KERNEL_FLAGS_avx2} -mavxvnni)
set(EASEL_KERNEL_FLAGS_avx512 ${EASEL_KERNEL_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512)
set(EASEL_KERNEL_FLAGS_avx512vnni ${EASEL_KERNEL_FLAGS_avx512} -mavx512vnni)
set(EASEL_KERNEL_FLAGS_avx512bf16 ${EASEL_KERNEL_FLAGS_avx512vnni} -mavx512bf16)
# The emulation is built for every processor; GCC says of its wide vectors that functions could not pass them.
set(EASEL_KERNEL_FLAGS_amx ${EASEL_KERNEL_FLAGS_avx512bf16})
set(EASEL_KERNEL_FLAGS_amxemulated ${EASEL_KERNEL_FLAGS_base} -Wno-psabi)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  foreach(level base avx2 avxvnni avx512 avx512vnni avx512bf16 amx amxemulated)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/src/ops/cpu/kernels/kernels_${level}.cc PROPERTIES
                                COMPILE_OPTIONS "${EASEL_KERNEL_FLAGS_${level}}")
  endforeach()
endif()
