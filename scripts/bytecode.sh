# shellcheck shell=bash
# Sourced by what starts hundreds of processes. Some machines are set so that Python keeps nothing of what it compiles, and pip
# compiles nothing here either (scripts/setup): each process would compile torch or TensorFlow anew, which takes 2 and 6 seconds.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX=$PWD/.venv/bytecode
