"""Padded poolings, rewritten so that a .tflite can hold and quantize them.

LiteRT's poolings pad only as SAME does. For other paddings the converter writes a pad of minus infinity, which ruins
the range of an integer model, or a reduction that engines do not know.
"""

from typing import Any

import torch
from torch import fx
from torch.fx.node import Target

from edgequant_converters._pool_counts import averaging_correction

aten = torch.ops.aten

_NEVER_NEGATIVE: set[Target] = {
    aten.relu.default, aten.relu_.default, aten.relu6.default, aten.sigmoid.default, aten.hardsigmoid.default,
    aten.softmax.int, aten.softplus.default, aten.abs.default, aten.square.default,
}  # fmt: skip
_LIMITS: set[Target] = {aten.clamp.default, aten.hardtanh.default, aten.hardtanh_.default, aten.clamp_min.default}
_KEEPING_SIGN: set[Target] = {
    aten.max_pool2d.default, aten.avg_pool2d.default, aten.dropout.default, aten.clone.default, aten.contiguous.default,
    aten.cat.default, aten.add.Tensor, aten.mul.Tensor, aten.constant_pad_nd.default,
}  # fmt: skip


def rewrite_padded_pools(module: fx.GraphModule) -> None:
    """Pad before the pooling with values that change nothing, in place; outputs stay the same.

    1. A max pooling of maps that are never negative is padded with 0; of others, by mirroring: what a window then sees
       in the padding it sees in the maps too.
    2. An average pooling that leaves its padding out is one over zeros, times the window's size over the number of
       values that count at each place.
    """
    for node in list(module.graph.nodes):
        if node.target not in (aten.max_pool2d.default, aten.avg_pool2d.default):
            continue
        window = _Window(node)
        if window.is_padded and not window.ceil and len(node.meta["val"].shape) == 4:
            rewrite = _pad_maximum if node.target == aten.max_pool2d.default else _pad_average
            rewrite(module, node, window)


class _Window:
    """A pooling's arguments, with what is left out filled in; two numbers each, for height and width."""

    def __init__(self, node: fx.Node) -> None:
        arguments = _arguments(node)
        self.sizes = [int(n) for n in node.all_input_nodes[0].meta["val"].shape[-2:]]
        self.kernel = _pair(arguments["kernel_size"])
        self.stride = _pair(arguments["stride"]) or self.kernel
        self.padding = _pair(arguments["padding"])
        self.dilation = _pair(arguments.get("dilation", 1))
        self.ceil = bool(arguments["ceil_mode"])
        self.leaves_padding_out = arguments.get("count_include_pad") is False
        self.divisor = arguments.get("divisor_override")

    @property
    def is_padded(self) -> bool:
        return any(self.padding)

    @property
    def is_same(self) -> bool:
        """Tell whether this is SAME padding, which depends on the size of the maps."""
        return all(
            2 * p == max((-(-size // stride) - 1) * stride + k - size, 0)
            for size, k, stride, p in zip(self.sizes, self.kernel, self.stride, self.padding, strict=True)
        )


def _pad_maximum(module: fx.GraphModule, node: fx.Node, window: _Window) -> None:
    if window.is_same or window.dilation != [1, 1]:
        return
    maps, widths = node.args[0], _widths(window)
    assert isinstance(maps, fx.Node)
    with module.graph.inserting_before(node):
        if _is_never_negative(maps):
            padded = _call(module.graph, aten.constant_pad_nd.default, maps, widths, 0.0)
        elif all(2 * p < k for p, k in zip(window.padding, window.kernel, strict=True)):
            padded = _call(module.graph, aten.reflection_pad2d.default, maps, widths)
        else:
            padded = _call(module.graph, aten.replication_pad2d.default, maps, widths)
    node.args = (padded, window.kernel, window.stride)


def _pad_average(module: fx.GraphModule, node: fx.Node, window: _Window) -> None:
    is_native = window.is_same and window.stride == [1, 1]  # with strides the converter finds no operator for SAME
    if is_native or not window.leaves_padding_out or window.divisor is not None:
        return
    maps, name = node.args[0], f"{node.name}_correction"
    assert isinstance(maps, fx.Node)
    factors = averaging_correction(window.sizes, window.kernel, window.stride, window.padding, window.padding)
    module.register_buffer(name, torch.from_numpy(factors[None, None]))
    with module.graph.inserting_before(node):
        padded = _call(module.graph, aten.constant_pad_nd.default, maps, _widths(window), 0.0)
        averaged = _call(module.graph, aten.avg_pool2d.default, padded, window.kernel, window.stride)
        corrected = module.graph.call_function(aten.mul.Tensor, (averaged, module.graph.get_attr(name)))
    corrected.meta["val"] = node.meta["val"]
    node.replace_all_uses_with(corrected)
    module.graph.erase_node(node)


def _call(graph: fx.Graph, target: Any, maps: fx.Node, *arguments: Any) -> fx.Node:
    """Insert a call whose shape later rewrites can look up."""
    node = graph.call_function(target, (maps, *arguments))
    value = maps.meta["val"]
    with value.fake_mode:
        node.meta["val"] = target(value, *arguments)
    return node


def _is_never_negative(node: fx.Node) -> bool:
    if node.target in _NEVER_NEGATIVE:
        return True
    if node.target in _LIMITS:
        low = node.args[1] if len(node.args) > 1 else None
        return isinstance(low, (int, float)) and low >= 0
    return node.target in _KEEPING_SIGN and all(_is_never_negative(n) for n in node.all_input_nodes)


def _widths(window: _Window) -> list[int]:
    vertical, horizontal = window.padding
    return [horizontal, horizontal, vertical, vertical]


def _arguments(node: fx.Node) -> dict[str, Any]:
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    values = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
    values.update(zip((argument.name for argument in schema), node.args, strict=False))
    return values | node.kwargs


def _pair(value: Any) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return values * 2 if len(values) == 1 else values
