# Cross-compile with Zig, a C compiler with every target's C library in one Python package (pip install ziglang):
#
#     cmake -S runtime/csrc -B build -G Ninja -DCMAKE_TOOLCHAIN_FILE=cmake/zig.cmake \
#           -DEQ_ZIG_TARGET=aarch64-linux-musl -DEQ_STATIC=ON [-DEQ_ZIG_CPU=cortex_a7] [-DEQ_ZIG="python3;-m;ziglang"]
set(EQ_ZIG "zig" CACHE STRING "The command that starts zig")
set(EQ_ZIG_TARGET "aarch64-linux-musl" CACHE STRING "Processor, system and C library, as zig names them")
set(EQ_ZIG_CPU "" CACHE STRING "The oldest CPU to run on; empty: the oldest of the target")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES EQ_ZIG EQ_ZIG_TARGET EQ_ZIG_CPU)

set(CMAKE_SYSTEM_NAME Linux)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR ${EQ_ZIG_TARGET})

# CMake takes a tool as one file, and zig's tools are arguments of one program: a small script stands for each.
set(tools ${CMAKE_BINARY_DIR}/zig)
foreach(tool cc ar ranlib)
  string(REPLACE "'" "'\\''" command "${EQ_ZIG}")
  string(REPLACE ";" "' '" command "'${command}' '${tool}'")
  file(WRITE ${tools}/${tool} "#!/bin/sh\nexec ${command} \"$@\"\n")
  file(CHMOD ${tools}/${tool} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endforeach()
set(CMAKE_C_COMPILER ${tools}/cc)
set(CMAKE_C_COMPILER_TARGET ${EQ_ZIG_TARGET})
set(CMAKE_AR ${tools}/ar)
set(CMAKE_RANLIB ${tools}/ranlib)

# Without debug checks, which zig adds to builds that it takes for debug builds. Optimized and stripped from the first
# program that CMake tries: zig builds its C library once more for those that are not.
set(CMAKE_C_FLAGS_INIT "-target ${EQ_ZIG_TARGET} -fno-sanitize=undefined -g0 -O2")
set(CMAKE_EXE_LINKER_FLAGS_INIT -s)
set(CMAKE_SHARED_LINKER_FLAGS_INIT -s)
if(EQ_ZIG_CPU)
  string(APPEND CMAKE_C_FLAGS_INIT " -mcpu=${EQ_ZIG_CPU}")
endif()
