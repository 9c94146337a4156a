"""Channels-last (NHWC) data in networks that were written channels-first (NCHW), without transposing back and forth.

LiteRT's convolutions and poolings are NHWC, and the converter keeps most of what lies between them NHWC too. What is
left to do here: NHWC inputs on request, and the two places where feature maps usually leave the convolutional part.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import fx, nn

aten = torch.ops.aten

_TO_NHWC = [0, 2, 3, 1]
_TO_NCHW = [0, 3, 1, 2]
_SPATIAL = {2, 3}

_FLATTENS = {aten.flatten.using_ints, aten.view.default, aten.reshape.default}
_REDUCTIONS = {aten.mean.dim, aten.sum.dim_IntList, aten.amax.default, aten.amin.default}
_ELEMENTWISE = {
    aten.relu.default, aten.relu_.default, aten.relu6.default, aten.hardtanh.default, aten.hardtanh_.default,
    aten.clamp.default, aten.gelu.default, aten.silu.default, aten.silu_.default, aten.sigmoid.default,
    aten.tanh.default, aten.elu.default, aten.leaky_relu.default, aten.leaky_relu_.default, aten.hardswish.default,
    aten.hardswish_.default, aten.hardsigmoid.default, aten.dropout.default, aten.feature_dropout.default,
    aten.contiguous.default, aten.clone.default, aten.alias.default,
}  # fmt: skip
_CHANNELS_LAST_IN_LITERT = {
    aten.conv2d.default, aten.conv2d.padding, aten.conv_transpose2d.input, aten.convolution.default,
    aten.max_pool2d.default, aten.avg_pool2d.default, aten.adaptive_avg_pool2d.default, aten.batch_norm.default,
    aten.upsample_nearest2d.vec, aten.upsample_bilinear2d.vec,
}  # fmt: skip

_REARRANGING = _FLATTENS | {
    aten.permute.default, aten.transpose.int, aten.movedim.int, aten.unsqueeze.default, aten.squeeze.dim,
    aten.squeeze.dims, aten.expand.default,
}  # fmt: skip


class ChannelsLastInput(nn.Module):
    """A network whose marked inputs are NHWC; everything else is the wrapped network's own."""

    def __init__(self, wrapped: nn.Module, permuted: Sequence[bool]) -> None:
        super().__init__()
        self.wrapped = wrapped
        self._permuted = tuple(permuted)

    def forward(self, *inputs: torch.Tensor) -> object:
        """Permute the marked inputs to NCHW and run the wrapped network."""
        # contiguous(): the wrapped network may take views that channels-last strides forbid.
        pairs = zip(inputs, self._permuted, strict=True)
        return self.wrapped(*(value.permute(_TO_NCHW).contiguous() if permuted else value for value, permuted in pairs))


def leave_channels_last(module: fx.GraphModule) -> None:
    """Let feature maps leave the convolutional part of `module` (the graph of an exported program) as NHWC, in place.

    1. flatten -> linear: the maps are flattened as NHWC, and the columns of the weight permuted to match.
    2. A reduction over height and width that drops both (global pooling written as a mean) is taken over NHWC maps.

    The permutation inserted here is the inverse of the converter's own, which is next to it, and both vanish. Outputs
    are the same up to the order of floating-point sums.
    """
    for node in list(module.graph.nodes):
        if node.target in _FLATTENS:
            _flatten_channels_last(module, node)
        elif node.target in _REDUCTIONS:
            _reduce_channels_last(module.graph, node)
    module.graph.lint()
    module.recompile()


def _flatten_channels_last(module: fx.GraphModule, flatten: fx.Node) -> None:
    maps = flatten.args[0]
    linears = _linears_fed_by(flatten)
    if not linears or not isinstance(maps, fx.Node) or not _is_map_flatten(maps, flatten):
        return
    if not all(linear.args[1].op == "get_attr" for linear in linears):  # type: ignore[union-attr]
        return
    _insert_permutation(module.graph, maps, flatten)
    flatten.target = aten.reshape.default  # a view of permuted strides is an error
    flatten.args = (flatten.args[0], list(_shape(flatten)))
    for linear in linears:
        _permute_columns(module, linear, _shape(maps))


def _linears_fed_by(flatten: fx.Node) -> list[fx.Node]:
    """Return the linear layers that are all that uses the flattened maps (an elementwise chain may come before)."""
    last = flatten
    while len(last.users) == 1 and next(iter(last.users)).target in _ELEMENTWISE:
        last = next(iter(last.users))
    users = list(last.users)
    return users if all(user.target == aten.linear.default and user.args[0] is last for user in users) else []


def _is_map_flatten(maps: fx.Node, flatten: fx.Node) -> bool:
    shape = _shape(maps)
    if len(shape) != 4 or _shape(flatten) != (shape[0], prod(shape[1:])):
        return False
    _, channels, height, width = shape
    return channels > 1 and height * width > 1 and _is_channels_last_in_litert(maps)


def _permute_columns(module: fx.GraphModule, linear: fx.Node, shape: tuple[int, ...]) -> None:
    weight = linear.args[1]
    assert isinstance(weight, fx.Node)
    values = _attribute(module, str(weight.target))
    columns = values.detach().reshape(-1, *shape[1:]).permute(_TO_NHWC).reshape(values.shape).contiguous()
    name = f"{linear.name}_weight_channels_last"
    module.register_buffer(name, columns)
    with module.graph.inserting_before(linear):
        linear.replace_input_with(weight, module.graph.get_attr(name))


def _reduce_channels_last(graph: fx.Graph, node: fx.Node) -> None:
    maps, dims = node.args[0], node.args[1] if len(node.args) > 1 else None
    keeps_dims = len(node.args) > 2 and node.args[2] is True
    if not isinstance(maps, fx.Node) or not isinstance(dims, list) or keeps_dims or node.kwargs.get("keepdim"):
        return
    if len(_shape(maps)) != 4 or {int(d) % 4 for d in dims} != _SPATIAL:
        return
    if _is_channels_last_in_litert(maps):
        _insert_permutation(graph, maps, node)
        node.update_arg(1, [1, 2])


def _insert_permutation(graph: fx.Graph, maps: fx.Node, user: fx.Node) -> None:
    with graph.inserting_before(user):
        permuted = graph.call_function(aten.permute.default, (maps, _TO_NHWC))
    user.replace_input_with(maps, permuted)


def _is_channels_last_in_litert(node: fx.Node) -> bool:
    """Tell whether these maps come, through 4-d tensors alone, from an operator that LiteRT computes as NHWC."""
    seen: set[fx.Node] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current.target in _CHANNELS_LAST_IN_LITERT or _is_permutation_to_nchw(current):
            return True
        seen.add(current)
        if current.target not in _REARRANGING:
            waiting += [n for n in current.all_input_nodes if n not in seen and len(_shape(n)) == 4]
    return False


def _is_permutation_to_nchw(node: fx.Node) -> bool:
    return node.target == aten.permute.default and node.args[1] == _TO_NCHW


def _shape(node: fx.Node) -> tuple[int, ...]:
    value = node.meta.get("val")
    return tuple(int(n) for n in value.shape) if isinstance(value, torch.Tensor) else ()


def _attribute(module: nn.Module, path: str) -> torch.Tensor:
    owner, _, name = path.rpartition(".")
    value = getattr(module.get_submodule(owner), name)
    assert isinstance(value, torch.Tensor)
    return value
