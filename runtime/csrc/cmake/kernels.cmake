# The kernel sets of the processor that is compiled for. Each folder of src/kernels/ gets its own instructions and nothing
# else does: the rest of the library runs on the oldest CPU, and asks which sets this one has.
include(CheckCSourceCompiles)

# Ask the compiler, not the kernel: a 32-bit system may run on a 64-bit one.
foreach(candidate x86_64 aarch64 arm)
  check_c_source_compiles("#ifndef __${candidate}__\n#error\n#endif\nint main(void) { return 0; }" EQ_FOR_${candidate})
  if(EQ_FOR_${candidate})
    set(architecture ${candidate})
  endif()
endforeach()

# Loops in plain C that become vectors. What those flags leave out is errno and signals of floats, which nothing here looks at.
set(loops_flags -O3 -fno-unroll-loops -fno-math-errno -fno-trapping-math)

# add_kernels(set flags...): compile src/kernels/<set>/ with these flags.
function(add_kernels set)
  file(GLOB sources CONFIGURE_DEPENDS src/kernels/${set}/*.c)
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "${ARGN}")
  file(GLOB loops CONFIGURE_DEPENDS src/kernels/${set}/binary_f32.c src/kernels/${set}/quantize_f32.c
       src/kernels/${set}/unary_f32.c)
  if(architecture STREQUAL "x86_64")
    set_source_files_properties(${loops} PROPERTIES COMPILE_OPTIONS "${ARGN};${loops_flags}")
  endif()
  target_sources(engine PRIVATE ${sources})
endfunction()

if(architecture STREQUAL "aarch64" AND CMAKE_C_COMPILER_ID MATCHES Clang)
  add_kernels(scalar -Xclang -Oz) # only what other sets leave: odd shapes
  set_source_files_properties(src/kernels/scalar/unary_f32.c PROPERTIES COMPILE_OPTIONS -Os)
  set_source_files_properties(src/kernels/scalar/winograd_f32.c src/kernels/scalar/pool_f32.c
    PROPERTIES COMPILE_OPTIONS "-O2;-fno-unroll-loops")
else()
  add_kernels(scalar)
endif()
if(architecture STREQUAL "x86_64")
  add_kernels(avx2 -mavx2 -mfma)
  add_kernels(avxvnni -mavx2 -mavxvnni -mno-fma)
  add_kernels(avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  add_kernels(avx512vnni -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni)
  add_kernels(avx512vbmi -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vbmi)
elseif(architecture STREQUAL "aarch64")
  set(as_written -fno-unroll-loops) # what is worth unrolling is unrolled in the source
  add_kernels(neon ${as_written})
  add_kernels(neon64 ${as_written})
  if(EQ_ZIG) # zig names CPUs, not architectures
    add_kernels(dotprod -mcpu=generic+dotprod ${as_written})
    add_kernels(fp16 -mcpu=generic+fullfp16 ${as_written})
    add_kernels(i8mm -mcpu=generic+dotprod+i8mm ${as_written})
  else()
    add_kernels(dotprod -march=armv8.2-a+dotprod ${as_written})
    add_kernels(fp16 -march=armv8.2-a+fp16 ${as_written})
    add_kernels(i8mm -march=armv8.2-a+dotprod+i8mm ${as_written})
  endif()
elseif(architecture STREQUAL "arm")
  if(EQ_ZIG)
    set(armv6_flags -mcpu=arm1176jzf_s)
    set(neon_flags -mcpu=cortex_a7)
  else()
    set(armv6_flags -march=armv6 -mfpu=vfp -marm)
    set(neon_flags -march=armv7-a -mfpu=neon-vfpv4)
  endif()
  add_kernels(armv6 ${armv6_flags})
  add_kernels(neon ${neon_flags})
  add_kernels(neon32 ${neon_flags})
endif()
