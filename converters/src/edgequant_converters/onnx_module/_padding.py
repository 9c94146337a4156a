"""The padding that convolutions and poolings share."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from ._node import Node


@dataclass(frozen=True, slots=True)
class Window:
    """The geometry of a sliding window over the spatial axes: one number per axis in each list."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    begins: list[int]
    ends: list[int]

    @property
    def is_symmetric(self) -> bool:
        """Tell whether the padding is the same on both sides."""
        return self.begins == self.ends


def read_window(node: Node, x: Tensor, kernel: Sequence[int]) -> Window:
    """Read strides, dilations and padding; auto_pad is resolved with the shape of `x` (N, C, spatial...)."""
    rank = len(kernel)
    strides, dilations = node.get("strides", [1] * rank), node.get("dilations", [1] * rank)
    begins, ends = split_pads(node.get("pads", [0] * 2 * rank))
    mode = node.get("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
            for size, stride, k, dilation in zip(x.shape[2:], strides, kernel, dilations, strict=True)
        ]
        begins, ends = share(totals, mode)
    return Window(list(kernel), strides, dilations, begins, ends)


def share(totals: Sequence[int], mode: str) -> tuple[list[int], list[int]]:
    """Share each axis' total padding between its sides; SAME_UPPER puts an odd one at the end."""
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (large, small) if mode == "SAME_LOWER" else (small, large)


def split_pads(pads: Sequence[int]) -> tuple[list[int], list[int]]:
    """Split ONNX's [begin of each axis..., end of each axis...]."""
    half = len(pads) // 2
    return list(pads[:half]), list(pads[half:])


def pad(x: Tensor, begins: Sequence[int], ends: Sequence[int], value: float = 0.0) -> Tensor:
    """Pad (or, where negative, crop) the last axes of `x`."""
    widths = [n for sides in zip(reversed(begins), reversed(ends), strict=True) for n in sides]
    return F.pad(x, widths, value=value) if any(widths) else x
