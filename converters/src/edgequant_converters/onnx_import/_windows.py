"""The windows of convolutions and poolings: kernel, strides, dilations and what is padded."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgequant_converters.ir import Builder, Tensor, window_size

from ._node import Node


@dataclass(frozen=True, slots=True)
class Window:
    """A window over the spatial axes, and how many values are added `before` and `after` each of them."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    before: list[int]
    after: list[int]

    def applied(self, build: Builder, maps: Tensor, value: float = 0.0) -> tuple[Tensor, bool]:
        """Return channels-last maps ready for the window, and whether its padding is LiteRT's SAME.

        SAME has the odd one of an uneven number of rows or columns at the end; what it cannot say is padded first.
        """
        if self.is_same(maps.shape[1:-1]):
            return maps, True
        return self.padded(build, maps, value), False

    def padded(self, build: Builder, maps: Tensor, value: float = 0.0) -> Tensor:
        """Return channels-last maps with the window's padding around them."""
        pads = list(zip(self.before, self.after, strict=True))
        return build.pad(maps, [(0, 0), *pads, (0, 0)], value)

    def places(self, padded: Sequence[int]) -> list[int]:
        """Return how many windows fit along each axis of maps that are padded already."""
        steps = zip(padded, self.kernel, self.strides, self.dilations, strict=True)
        return [window_size(size, kernel, stride, dilation) for size, kernel, stride, dilation in steps]

    def outputs(self, sizes: Sequence[int]) -> list[int]:
        """Return how many windows fit along each axis of maps that are to be padded."""
        around = zip(sizes, self.before, self.after, strict=True)
        return self.places([size + before + after for size, before, after in around])

    def along(self, *axes: int) -> "Window":
        """Return the window over these of its axes alone."""
        parts = (self.kernel, self.strides, self.dilations, self.before, self.after)
        return Window(*([part[axis] for axis in axes] for part in parts))

    def under_one_row(self) -> "Window":
        """Return the window over one axis as one over two, of which the first has the size 1."""
        return Window([1, *self.kernel], [1, *self.strides], [1, *self.dilations], [0, *self.before], [0, *self.after])

    def over_one_column(self) -> "Window":
        """Return the window over one axis as one over two, of which the second has the size 1."""
        return Window([*self.kernel, 1], [*self.strides, 1], [*self.dilations, 1], [*self.before, 0], [*self.after, 0])

    def without_padding(self) -> "Window":
        """Return the window for maps that are padded already."""
        none = [0] * len(self.kernel)
        return Window(self.kernel, self.strides, self.dilations, none, none)

    def is_same(self, sizes: Sequence[int]) -> bool:
        """Tell whether LiteRT's SAME pads maps of these sizes so."""
        if not any(self.before) and not any(self.after):
            return False
        return all(
            _same_pads(size, k, stride, dilation) == (before, after)
            for size, k, stride, dilation, before, after in zip(
                sizes, self.kernel, self.strides, self.dilations, self.before, self.after, strict=True
            )
        )


def read_window(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> Window:
    """Read a node's window over spatial axes of these sizes."""
    rank = len(kernel)
    strides, dilations = node.get("strides", [1] * rank), node.get("dilations", [1] * rank)
    pads = node.get("pads", [0] * 2 * rank)
    before, after = pads[:rank], pads[rank:]
    mode = node.get("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        same = [_same_pads(n, k, s, d) for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)]
        before, after = [pair[0] for pair in same], [pair[1] for pair in same]
        if mode == "SAME_LOWER":
            before, after = after, before
    elif mode == "VALID":
        before = after = [0] * rank
    return Window(list(kernel), list(strides), list(dilations), list(before), list(after))


def _same_pads(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    outputs = window_size(size, kernel, stride, dilation, same=True)
    total = max(0, (outputs - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return total // 2, total - total // 2
