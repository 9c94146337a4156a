"""Cut a graph at its matched activations, so that each piece computes one of them from the nearest others."""

from collections.abc import Container
from dataclasses import dataclass

from ._flow import Flow


@dataclass(frozen=True, slots=True)
class Segment:
    """The operators that compute one group, in order of execution, and the tensors of other groups that they read.

    `reads` has (operator, tensor) of each edge at which the graph is cut.
    """

    ops: tuple[int, ...]
    reads: tuple[tuple[int, int], ...]


def segment_of(flow: Flow, root: int, stops: Container[int]) -> Segment:
    """Walk back from a group to the nearest groups in `stops`."""
    ops: set[int] = set()
    reads: set[tuple[int, int]] = set()
    waiting = [flow.last(root)]
    while waiting:
        number = flow.writer.get(waiting.pop())
        if number is None or number in ops:
            continue
        ops.add(number)
        for tensor in flow.activations(number):
            if flow.group[tensor] != root and flow.group[tensor] in stops:
                reads.add((number, tensor))
            else:
                waiting.append(tensor)
    return Segment(tuple(sorted(ops)), tuple(sorted(reads)))
