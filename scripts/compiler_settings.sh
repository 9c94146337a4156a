# shellcheck shell=bash disable=SC2034 # it is sourced
# Sourced: how pip builds the native engine here, in the array `compiler_settings`. Without a C compiler on the system it
# is zig, which setup installs in .venv from the package index.
compiler_settings=(--no-build-isolation)
if ! command -v cc >/dev/null; then
  compiler_settings+=(
    --config-settings cmake.toolchain-file="$PWD/runtime/csrc/cmake/zig.cmake"
    --config-settings cmake.define.EQ_ZIG="$PWD/.venv/bin/python;-m;ziglang"
    --config-settings cmake.define.EQ_ZIG_TARGET="$(uname -m)-linux-gnu"
  )
fi
