"""Three operators that litert-torch 0.10 does not know how to compute on channels-last (NHWC) maps.

Its layout pass keeps feature maps NHWC from one convolution to the next where every operator between has a rewriter,
and puts transposes around those that have none (ELU, constant padding). Its rewriter for repetitions is wrong: it
leaves the order of the axes as it was. The table of rewriters is not public, hence the narrow version range in
pyproject.toml.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

import torch
from torch import fx

aten = torch.ops.aten


def teach_layouts() -> None:
    """Add the rewriters to litert-torch's table; may be called any number of times."""
    from litert_torch._convert.fx_passes.optimize_layout_transposes_pass import layout_rewrite

    rewriters: MutableMapping[Any, Callable[[fx.Node], None]] = layout_rewrite.rewriters
    rewriters[aten.elu.default] = _leave
    rewriters[aten.repeat.default] = _repeat
    rewriters[aten.constant_pad_nd.default] = _pad


def _leave(node: fx.Node) -> None:
    """Do nothing: each element on its own is computed alike in either layout."""


def _repeat(node: fx.Node) -> None:
    batch, channels, height, width = _list(node.args[1])
    node.update_arg(1, [batch, height, width, channels])


def _pad(node: fx.Node) -> None:
    """Reorder the widths, a pair for each axis, which list the last axis first and may leave the first ones out."""
    width, height, channels, batch = ([*_list(node.args[1]), *[0] * 8][2 * i : 2 * i + 2] for i in range(4))
    node.update_arg(1, [*channels, *width, *height, *batch])


def _list(value: Any) -> list[int]:
    return list(value)
