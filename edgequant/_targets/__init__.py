"""What can be built for: the boards as targets, and the programs that run models on them."""

from ._target import TARGETS, Family, Target, TargetError, find_target

__all__ = ["TARGETS", "Family", "Target", "TargetError", "find_target"]
