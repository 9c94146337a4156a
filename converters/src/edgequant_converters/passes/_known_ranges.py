"""Ranges and grids that are known by name, for all tensors of a graph that they hold for."""

from collections import Counter
from collections.abc import Mapping, Set

from edgequant_converters.ir import Model, Operator, Quantization, Tensor

from ._fusions import OUTPUT_AXIS
from ._widen import KnownRanges

_SAME_VALUES = frozenset({
    "BROADCAST_TO", "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER", "MAX_POOL_2D", "MIRROR_PAD", "PAD", "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SLICE", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE",
    "TILE", "TRANSPOSE", "UNPACK",
})  # fmt: skip
"""What gives values that its first activation has."""

_ALWAYS = {"LOGISTIC": (0.0, 255 / 256), "SOFTMAX": (0.0, 255 / 256), "TANH": (-1.0, 127 / 128)}
"""The ranges of the grids that LiteRT gives them by definition, of a softmax only to a model's outputs: shares of
attention, most of them a few steps of 1/256, stay in float where the source has not rounded them."""

_MADE_OF = ("/transposed", "/raised")


def spread_known(model: Model, ranges: Mapping[str, tuple[float, float]]) -> KnownRanges:
    """Return the ranges of tensors, from those of values by name, and of what only moves these values."""
    known: KnownRanges = {}
    for tensor in model.main.tensors():
        name = name_of_value(tensor)
        if name in ranges and not tensor.is_constant:
            known[tensor] = ranges[name]
    for operator in model.main.operators:
        if operator.code in _ALWAYS and (operator.code != "SOFTMAX" or operator.output in model.main.outputs):
            known.setdefault(operator.output, _ALWAYS[operator.code])
        _pass_on(operator, known)
    read_once = {tensor for tensor, readers in model.main.users().items() if len(readers) == 1} - {*model.main.outputs}
    for operator in reversed(model.main.operators):
        _pass_back(operator, known, read_once)
    for operator in model.main.operators:
        _pass_on(operator, known)
        _scale(operator, known)
    return known


def name_of_value(tensor: Tensor) -> str:
    """Return the name of the value that a tensor holds, in whatever order of the axes it does."""
    name = tensor.name
    while name.endswith(_MADE_OF):
        name = name.rpartition("/")[0]
    return name


def names_of(known: KnownRanges) -> dict[str, tuple[float, float]]:
    """Return ranges by the tensors' names, but for names that several have."""
    counts = Counter(tensor.name for tensor in known)
    return {tensor.name: limits for tensor, limits in known.items() if counts[tensor.name] == 1}


def remember_grids(model: Model, grids: Mapping[str, Quantization]) -> None:
    """Let the weights of layers remember the grids that they lie on, by the name of each, in place."""
    for operator in model.main.operators:
        axis, weights = OUTPUT_AXIS.get(operator.code), operator.input(1)
        if axis is not None and weights is not None and weights.is_constant and weights.name in grids:
            grid = grids[weights.name]
            weights.quantization = Quantization(grid.scale, grid.zero_point, axis)


def moved_by(operator: Operator) -> Tensor | None:
    """Return the input whose values the operator only moves, if it does no more: SPLIT has its axis first."""
    return operator.given[1 if operator.code == "SPLIT" else 0] if operator.code in _SAME_VALUES else None


def _pass_on(operator: Operator, known: KnownRanges) -> None:
    source = moved_by(operator)
    if source is not None and source in known:
        for made in operator.outputs:
            known.setdefault(made, known[source])


def _pass_back(operator: Operator, known: KnownRanges, read_once: Set[Tensor]) -> None:
    """Let what is moved have the integers of what comes of it, and so what a factor alone reads."""
    if operator.output not in known:
        return
    source = moved_by(operator)
    if source is not None:
        known.setdefault(source, known[operator.output])
    elif (factor := _positive_factor(operator)) and operator.given[0] in read_once:
        low, high = known[operator.output]
        known.setdefault(operator.given[0], (low / factor, high / factor))


def _scale(operator: Operator, known: KnownRanges) -> None:
    """Let a product that nothing rounds have the integers of what is multiplied."""
    factor = _positive_factor(operator)
    if factor and operator.given[0] in known:
        low, high = known[operator.given[0]]
        known.setdefault(operator.output, (low * factor, high * factor))


def _positive_factor(operator: Operator) -> float:
    """Return the positive number that a product has as its right factor, else 0; with it both have equal integers."""
    if operator.code != "MUL" or operator.options.get("fusedActivationFunction", "NONE") != "NONE":
        return 0.0
    right = operator.given[1]
    return max(0.0, float(right.values.item())) if right.is_constant and right.values.size == 1 else 0.0
