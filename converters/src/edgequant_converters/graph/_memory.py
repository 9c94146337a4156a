"""Which activations are alive at the same time."""

from collections.abc import Mapping, Sequence

from ._model import Op, Tensor


def activation_peak(
    tensors: Sequence[Tensor],
    ops: Sequence[Op],
    inputs: Sequence[int],
    outputs: Sequence[int],
    stored_as: Mapping[int, int] | None = None,
) -> int:
    """Return the largest sum of bytes of activations alive during any one op.

    An activation lives from the op that writes it (an input of the graph: from the start) to the last op that reads it
    (an output of the graph: to the end). `stored_as` maps a tensor to the one in whose memory it lives, for the float
    side of a quantize/dequantize pair, which engines never write to memory.
    """
    aliases = stored_as or {}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for tensor in inputs:
        first[_storage(tensor, aliases)] = last[_storage(tensor, aliases)] = 0
    for step, op in enumerate(ops):
        for tensor in (*op.inputs, *op.outputs):
            storage = _storage(tensor, aliases)
            first.setdefault(storage, step)
            last[storage] = step
    for tensor in outputs:
        last[_storage(tensor, aliases)] = max(len(ops) - 1, 0)
    return _largest_sum(tensors, first, last)


def _largest_sum(tensors: Sequence[Tensor], first: Mapping[int, int], last: Mapping[int, int]) -> int:
    change: dict[int, int] = {}
    for index, tensor in enumerate(tensors):
        if index in first and not tensor.is_constant:
            change[first[index]] = change.get(first[index], 0) + tensor.bytes
            change[last[index] + 1] = change.get(last[index] + 1, 0) - tensor.bytes
    peak = alive = 0
    for step in sorted(change):
        alive += change[step]
        peak = max(peak, alive)
    return peak


def _storage(tensor: int, aliases: Mapping[int, int]) -> int:
    while tensor in aliases:
        tensor = aliases[tensor]
    return tensor
