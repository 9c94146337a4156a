"""What can be built for: the boards as targets, and the programs that run models on them."""

from ._elf import program_problems
from ._runner import Runner, build_runner
from ._target import FAMILIES, TARGETS, Family, Target, TargetError, find_target
from ._wheel import build_wheel

__all__ = [
    "FAMILIES",
    "TARGETS",
    "Family",
    "Runner",
    "Target",
    "TargetError",
    "build_runner",
    "build_wheel",
    "find_target",
    "program_problems",
]
