"""Which values of a traced graph share one int8 grid, and where values are rounded to it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ._operators import BOUNDED_CLAMPS, CLAMPS, FIXED, JOIN_GRIDS, KEEP_GRID, LAYERS, SHARE_GRID, aten

COMPUTING = ("call_function", "call_module")


@dataclass(frozen=True)
class Grid:
    """Values that share one scale and zero point; they are rounded to it at the `sites`.

    `values` counts all of them: also those on the grid for other reasons, and those before a fused activation function.
    """

    values: tuple[fx.Node, ...]
    sites: tuple[fx.Node, ...]
    fixed: tuple[float, float] | None


def find_grids(graph: fx.Graph) -> list[Grid]:
    """Return the grids of a graph of ATen operators, in the order of execution."""
    nodes: list[fx.Node] = [node for node in graph.nodes if _is_activation(node)]
    leader: dict[fx.Node, fx.Node] = {node: node for node in nodes}

    def find(node: fx.Node) -> fx.Node:
        while leader[node] is not node:
            node = leader[node]
        return node

    for node in nodes:
        for partner in _partners(node):
            if partner in leader:
                leader[find(partner)] = find(node)
    members: dict[fx.Node, list[fx.Node]] = defaultdict(list)
    for node in nodes:
        members[find(node)].append(node)
    return [_grid(values) for values in members.values()]


def _grid(values: list[fx.Node]) -> Grid:
    fixed = [FIXED[node.target] for node in values if node.target in FIXED]
    sites = tuple(node for node in values if node.target not in KEEP_GRID and fused_clamp(node) is None)
    return Grid(tuple(values), sites, fixed[0] if fixed else None)


def fused_clamp(node: fx.Node) -> fx.Node | None:
    """Return the ReLU or ReLU6 that becomes part of this operator: all that uses its output."""
    if node.op not in COMPUTING or node.target in KEEP_GRID | SHARE_GRID | JOIN_GRIDS or is_clamp(node):
        return None
    users = list(node.users)
    return users[0] if len(users) == 1 and is_clamp(users[0]) else None


def is_clamp(node: fx.Node) -> bool:
    """Tell whether it is a ReLU, or a clamp from zero up."""
    if node.target in BOUNDED_CLAMPS:
        return len(node.args) > 1 and bool(node.args[1] == 0)
    return node.target in CLAMPS


def _partners(node: fx.Node) -> list[fx.Node]:
    """Return the values whose grid this one has to share."""
    if node.target in KEEP_GRID | SHARE_GRID:
        return [argument for argument in node.args[:1] if isinstance(argument, fx.Node)]
    if node.target in JOIN_GRIDS:
        inputs: Any = node.args[0]
        return [argument for argument in inputs if not _is_fixed(argument)]
    clamp = fused_clamp(node)
    return [] if clamp is None else [clamp]


def _is_fixed(node: fx.Node) -> bool:
    while node.target in KEEP_GRID | SHARE_GRID:
        node = node.all_input_nodes[0]
    return node.target in FIXED


def _is_activation(node: fx.Node) -> bool:
    """Tell whether it is a float tensor (or several) that integer arithmetic holds in int8."""
    if node.op == "get_attr":
        return _is_float(node) and any(not _takes_as_parameter(user, node) for user in node.users)
    return node.op in ("placeholder", *COMPUTING) and _is_float(node)


def _takes_as_parameter(user: fx.Node, node: fx.Node) -> bool:
    return user.target in LAYERS | {aten.batch_norm.default} and user.args[0] is not node


def _is_float(node: fx.Node) -> bool:
    value = node.meta.get("val")
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    return isinstance(first, torch.Tensor) and first.dtype == torch.float32
