"""From a trained float module to one that rounds as its int8 model will."""

import copy
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.export import Dim
from torch.fx.experimental.symbolic_shapes import is_concrete_int

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._quiet import quiet
from edgequant_converters._reason import reason
from edgequant_converters.sources._torch import checked_inputs, forward_names

from ._fake_quantize import FakeQuantize
from ._grids import Grid, find_grids
from ._layers import BatchNorm, Operation, QuantizedLayer
from ._operators import DROPOUTS, GROUPS_ARGUMENT, LAYERS, REFUSED, aten
from ._prepared import PreparedModule

WEIGHT_BITS = (4, 8)


def prepare_module(
    module: nn.Module, example_inputs: Sequence[torch.Tensor] | torch.Tensor, weight_bits: int
) -> PreparedModule:
    """See `prepare` of the package.

    1. Trace the module in evaluation mode, with a free batch.
    2. Replace convolutions and linear layers, with the batch norms that follow them, by QuantizedLayer.
    3. Round every float value where `find_grids` says.
    4. Replace what trains otherwise, other batch norms and dropouts, by modules with a training mode.
    """
    if not isinstance(module, nn.Module):
        raise SourceError(f"{type(module).__name__} is not a torch.nn.Module: give the network itself.")
    if weight_bits not in WEIGHT_BITS:
        raise UnsupportedError(f"Weights of {weight_bits} bits are not known here: take 8 or 4.")
    description = type(module).__name__
    inputs = checked_inputs(example_inputs, description)
    network = _trace(module, inputs, description)
    _refuse_unknown_layers(network.graph, description)
    _replace_layers(network, weight_bits)
    _replace_norms(network)
    grids = _round_activations(network)
    _pass_input_scales(network, grids)
    _replace_dropouts(network)
    network.graph.eliminate_dead_code()
    network.graph.lint()
    prepared = PreparedModule(
        _without_traced_submodules(network),
        grids,
        example_inputs=inputs,
        input_names=forward_names(module, len(inputs)),
        weight_bits=weight_bits,
        description=description,
    )
    return prepared.train()


def _trace(module: nn.Module, inputs: tuple[torch.Tensor, ...], description: str) -> fx.GraphModule:
    # With a batch of one, the tracer would take the batch for a constant.
    doubled = tuple(torch.cat([value, value]) if value.ndim and value.shape[0] == 1 else value for value in inputs)
    free = {0: Dim.AUTO}
    shapes = tuple(free if value.ndim else None for value in doubled)
    try:
        with quiet(), torch.no_grad():
            copied = copy.deepcopy(module).cpu().eval()
            copied(*inputs)
            # *args in forward() takes a tuple of shapes where named parameters take one each.
            program = torch.export.export(copied, doubled, dynamic_shapes=_nested_like_forward(module, shapes))
    except Exception as error:  # whatever the network's own code or the tracer raises
        raise SourceError(f"{description} cannot be traced by torch.export: {reason(error)}.") from error
    traced = program.module(check_guards=False)
    batches = [node.meta["val"].shape[:1] for node in traced.graph.nodes if node.op == "placeholder"]
    if all(is_concrete_int(size) for batch in batches for size in batch):
        raise SourceError(
            f"{description} fixes its batch size in forward(), so it cannot be trained in batches: write sizes as "
            "x.shape[0] or -1."
        )
    return fx.GraphModule(traced, traced.graph)


def _nested_like_forward(module: nn.Module, shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    kinds = [parameter.kind for parameter in inspect.signature(module.forward).parameters.values()]
    variadic = inspect.Parameter.VAR_POSITIONAL
    named = kinds.index(variadic) if variadic in kinds else len(shapes)
    return (*shapes[:named], *([shapes[named:]] if named < len(shapes) else []))


def _refuse_unknown_layers(graph: fx.Graph, description: str) -> None:
    for node in graph.nodes:
        if node.target in REFUSED:
            raise UnsupportedError(
                f"{description} has {REFUSED[node.target]}, which quantization-aware training does not cover: convert "
                "the float network with calibration data instead."
            )
        if node.target == aten.batch_norm.default and node.args[3] is None:
            raise UnsupportedError(f"{description} has a batch norm without running statistics: it cannot be folded.")


def _replace_layers(network: fx.GraphModule, weight_bits: int) -> None:
    for node in list(network.graph.nodes):
        weight = node.args[1] if node.target in LAYERS else None
        if not isinstance(weight, fx.Node) or weight.op != "get_attr":
            continue
        norm = _following_norm(node)
        layer = QuantizedLayer(
            Operation(node.target, node.args[3:]),
            _parameter(network, weight),
            _optional_parameter(network, node.args[2] if len(node.args) > 2 else None),
            None if norm is None else _batch_norm(network, norm),
            8 if _is_depthwise(node, weight) else weight_bits,
        )
        _replace(network, node if norm is None else norm, f"layer_{node.name}", layer, node.args[0])


def _is_depthwise(node: fx.Node, weight: fx.Node) -> bool:
    """Tell whether LiteRT computes this layer by its depthwise kernel, whose weights have 8 bits, or in groups.

    A convolution over a single channel is a depthwise one to LiteRT.
    """
    if node.target == aten.linear.default:
        return False
    grouped = len(node.args) > GROUPS_ARGUMENT and node.args[GROUPS_ARGUMENT] != 1
    return bool(grouped or weight.meta["val"].shape[1] == 1)


def _following_norm(node: fx.Node) -> fx.Node | None:
    users = list(node.users)
    follows = len(users) == 1 and users[0].target == aten.batch_norm.default and users[0].args[0] is node
    return users[0] if follows else None


def _replace_norms(network: fx.GraphModule) -> None:
    for node in list(network.graph.nodes):
        if node.target == aten.batch_norm.default:
            _replace(network, node, f"norm_{node.name}", _batch_norm(network, node), node.args[0])


def _replace_dropouts(network: fx.GraphModule) -> None:
    for node in list(network.graph.nodes):
        if node.target in DROPOUTS:
            _replace(network, node, f"dropout_{node.name}", _dropout(node), node.args[0])


def _dropout(node: fx.Node) -> nn.Module:
    if node.target != aten.feature_dropout.default:
        return nn.Dropout(_number(node.args[1]))
    whole_channels = {3: nn.Dropout1d, 4: nn.Dropout2d, 5: nn.Dropout3d}
    return whole_channels[node.meta["val"].ndim](_number(node.args[1]))


def _batch_norm(network: fx.GraphModule, node: fx.Node) -> BatchNorm:
    _, weight, bias, mean, var, _, momentum, eps, _ = node.args
    gamma, beta = _optional_parameter(network, weight), _optional_parameter(network, bias)
    running_mean, running_var = (_attribute(network, str(s.target)) for s in (mean, var) if isinstance(s, fx.Node))
    return BatchNorm(gamma, beta, running_mean, running_var, _number(momentum), _number(eps))


def _replace(network: fx.GraphModule, node: fx.Node, name: str, module: nn.Module, x: Any) -> None:
    """Put a call of `module` with the argument `x` in the place of `node`."""
    network.add_submodule(name, module)
    with network.graph.inserting_before(node):
        call = network.graph.call_module(name, (x,))
    call.meta = node.meta
    node.replace_all_uses_with(call)
    network.graph.eliminate_dead_code()


def _round_activations(network: fx.GraphModule) -> dict[str, str]:
    """Insert the calls of FakeQuantize; return the grid's submodule for each value, both by name."""
    grids: dict[str, str] = {}
    for index, grid in enumerate(find_grids(network.graph)):
        name = f"grid_{index}"
        network.add_submodule(name, FakeQuantize(len(grid.sites), grid.fixed))
        for site, node in enumerate(grid.sites):
            _insert_rounding(network.graph, node, name, site)
        grids |= _values_by_name(grid, name)
    return grids


def _values_by_name(grid: Grid, name: str) -> Iterator[tuple[str, str]]:
    return ((node.name, name) for node in grid.values)


def _insert_rounding(graph: fx.Graph, node: fx.Node, name: str, site: int) -> None:
    following = node.next if node.op != "placeholder" else _first_after_placeholders(graph)
    with graph.inserting_before(following):
        rounded = graph.call_module(name, (node, site))
    node.replace_all_uses_with(rounded, delete_user_cb=lambda user: user is not rounded)


def _first_after_placeholders(graph: fx.Graph) -> fx.Node:
    first: fx.Node = next(node for node in graph.nodes if node.op != "placeholder")
    return first


def _pass_input_scales(network: fx.GraphModule, grids: dict[str, str]) -> None:
    """Give every QuantizedLayer the scale of its input's grid, in which its bias is rounded."""
    for node in list(network.graph.nodes):
        if node.op == "call_module" and isinstance(network.get_submodule(node.target), QuantizedLayer):
            source = node.args[0]
            while source.name not in grids:  # a call of FakeQuantize, which stands for its argument
                source = source.args[0]
            with network.graph.inserting_before(node):
                scale = network.graph.get_attr(f"{grids[source.name]}.scale")
            node.args = (node.args[0], scale)


def _without_traced_submodules(network: fx.GraphModule) -> fx.GraphModule:
    """Return the same graph with only the attributes that it uses: the traced layers' own copies go."""
    network.delete_all_unused_submodules()
    return fx.GraphModule(network, network.graph)


def _parameter(network: fx.GraphModule, node: fx.Node) -> nn.Parameter:
    value = _attribute(network, str(node.target))
    return value if isinstance(value, nn.Parameter) else nn.Parameter(value)


def _optional_parameter(network: fx.GraphModule, node: Any) -> nn.Parameter | None:
    return _parameter(network, node) if isinstance(node, fx.Node) else None


def _number(argument: Any) -> float:
    return float(argument)


def _attribute(network: nn.Module, path: str) -> torch.Tensor:
    owner, _, name = path.rpartition(".")
    value = getattr(network.get_submodule(owner), name)
    assert isinstance(value, torch.Tensor)
    return value
