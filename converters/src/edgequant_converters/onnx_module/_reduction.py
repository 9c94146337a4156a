"""Reductions over axes."""

from collections.abc import Callable

import torch
from torch import Tensor

from ._node import Node
from ._registry import OPERATORS, operator

_Reduce = Callable[[Tensor, list[int], bool], Tensor]


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(dim=axis, keepdim=keep)
    return x


_REDUCTIONS: dict[str, _Reduce] = {
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keep),
    "ReduceL2": lambda x, axes, keep: x.square().sum(axes, keep).sqrt(),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: x.logsumexp(axes, keep),
    "ReduceMax": lambda x, axes, keep: x.amax(axes, keep),
    "ReduceMean": lambda x, axes, keep: x.mean(axes, keep),
    "ReduceMin": lambda x, axes, keep: x.amin(axes, keep),
    "ReduceProd": _product,
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keep),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keep),
}


def _reduction(reduce: _Reduce) -> Callable[..., Tensor]:
    def run(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
        named = node.ints("axes", 1)
        if not named and node.get("noop_with_empty_axes", 0):
            return reduce(x.unsqueeze(-1), [-1], False)  # over no axis; a square or a logarithm is taken all the same
        return reduce(x, named or list(range(x.ndim)), bool(node.get("keepdims", 1)))

    return run


OPERATORS.update({op_type: _reduction(reduce) for op_type, reduce in _REDUCTIONS.items()})


@operator("ArgMax", "ArgMin")
def index_of_extreme(node: Node, x: Tensor) -> Tensor:
    """Return the index of the first maximum or minimum along an axis."""
    node.refuse("select_last_index", 0)
    find = torch.argmax if node.op_type == "ArgMax" else torch.argmin
    return find(x, dim=node.get("axis", 0), keepdim=bool(node.get("keepdims", 1)))


@operator("CumSum")
def cumulative_sum(node: Node, x: Tensor, axis: Tensor) -> Tensor:
    """Sum up to each element along an axis."""
    node.refuse("exclusive", 0)
    dim = int(node.constant(1).item())
    return x.flip(dim).cumsum(dim).flip(dim) if node.get("reverse", 0) else x.cumsum(dim)
