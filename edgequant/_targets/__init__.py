"""What can be built for: the boards as targets, and the programs that run models on them."""

from ._runner import Runner, build_runner
from ._target import TARGETS, Family, Target, TargetError, find_target

__all__ = ["TARGETS", "Family", "Runner", "Target", "TargetError", "build_runner", "find_target"]
