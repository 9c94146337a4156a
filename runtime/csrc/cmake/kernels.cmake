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

# add_kernels(set flags...): compile src/kernels/<set>/ with these flags.
function(add_kernels set)
  file(GLOB sources CONFIGURE_DEPENDS src/kernels/${set}/*.c)
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "${ARGN}")
  target_sources(engine PRIVATE ${sources})
endfunction()

add_kernels(scalar)
if(architecture STREQUAL "x86_64")
  add_kernels(avx2 -mavx2 -mno-fma)
  add_kernels(avxvnni -mavx2 -mavxvnni -mno-fma)
  add_kernels(avx512vnni -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni)
elseif(architecture STREQUAL "aarch64")
  add_kernels(neon)
  add_kernels(neon64)
  if(EQ_ZIG) # zig names CPUs, not architectures
    add_kernels(dotprod -mcpu=generic+dotprod)
    add_kernels(i8mm -mcpu=generic+dotprod+i8mm)
  else()
    add_kernels(dotprod -march=armv8.2-a+dotprod)
    add_kernels(i8mm -march=armv8.2-a+dotprod+i8mm)
  endif()
elseif(architecture STREQUAL "arm")
  if(EQ_ZIG)
    add_kernels(armv6 -mcpu=arm1176jzf_s)
    add_kernels(neon -mcpu=cortex_a7)
  else()
    add_kernels(armv6 -march=armv6 -mfpu=vfp -marm)
    add_kernels(neon -march=armv7-a -mfpu=neon)
  endif()
endif()
