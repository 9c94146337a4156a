"""Which operators compute in integers, and the grid (scale and zero point) of every activation."""

from collections.abc import Callable, Mapping
from enum import Enum, StrEnum

import numpy as np

from edgequant_converters.ir import Graph, Operator, Quantization, Tensor

from ._carried import States
from ._grids import (
    COARSEST_SUMMAND,
    Range,
    at_least,
    grid_of,
    is_float,
    is_too_coarse,
    same_grid,
    summand_grid,
    union,
    value_range,
)
from ._islands import Islands, float_results
from ._masks import clip_masks, clip_saturated
from ._specification import ADDITIONS, FUSED, OPERATORS, Rule, Scales, Weights
from ._weights import is_trained, weight_scales

Wanted = Callable[[Operator], str | None]
"""The type that an operator's activations are to have: INT8, INT16, or None for float."""

LARGEST_RATIO = 128.0
"""Of input scale times weight scale over output scale: LiteRT does not open a layer where it reaches 256."""

ENDLESS = 1e8
"""A constant of such a size means infinity; products with it have no int8 form."""

SIMILAR = 0.5
"""A tensor that others read as well takes a join's grid only if its own range is at least this share of it."""

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def trained_inputs(operator: Operator) -> Weights | None:
    """Return where an operator's weights and bias are; None if it has none."""
    rule = OPERATORS[operator.code]
    if rule.weights is None or (operator.code == "BATCH_MATMUL" and not is_trained(operator.input(1))):
        return None
    return rule.weights


def activation_inputs(operator: Operator) -> list[int]:
    """Return the places of an operator's inputs that are activations, be they computed or constant."""
    if operator.code == _LSTM:
        return [0]
    trained = trained_inputs(operator)
    others = () if trained is None else (trained.position, trained.bias)
    return [i for i, tensor in enumerate(operator.inputs) if is_float(tensor) and i not in others]


class Outputs(Enum):
    """What a model's outputs are to be."""

    FLOAT = "float"
    INTEGER = "integers, but for what one scale would destroy"
    ASKED = "integers, because the user asked for them"


class Floats(StrEnum):
    """What stays in float of what int8 would destroy."""

    NONE = "none"
    INSIDE = "inside"
    OUTPUTS = "inside and outputs"


class Plan:
    """What becomes of one float graph.

    `kinds` has the type of each operator that computes in integers, `kept` the reason for each that could but is left
    in float, `unable` those that LiteRT has no integer kernel for, `float_inputs` and `float_outputs` the inputs and
    outputs that stay in float. `states` are inputs with the outputs that are their next values.
    `strict`: nothing is left that could be an integer.
    """

    def __init__(
        self,
        graph: Graph,
        ranges: Mapping[str, Range],
        wanted: Wanted,
        outputs: Outputs,
        states: States,
        *,
        strict: bool,
    ) -> None:
        self._graph, self._wanted = graph, wanted
        clipped = clip_masks(graph, dict(ranges))
        self._ranges, self._constants = {**ranges, **clipped.computed}, clipped.constants
        self._producers, self._users = graph.producers(), graph.users()
        self._outputs, self._states = outputs, states
        self.kinds: dict[Operator, str] = {}
        self.unable: set[Operator] = set()
        self.kept: dict[Operator, str] = {}
        self.float_inputs: set[Tensor] = set()
        self.float_outputs: set[Tensor] = set()
        for operator in graph.operators:
            kind = wanted(operator)
            if kind is None:
                continue
            if self._can_be(operator, kind):
                self.kinds[operator] = kind
            else:
                self.unable.add(operator)
        if not strict:
            self._ranges |= clip_saturated(graph, self._ranges, self.kinds)
            self._keep_what_int8_destroys()
        self._leave_islands()
        self._groups = _Groups(self.kinds, self._users, self._graph.outputs, self.range_of)
        for operator, kind in self.kinds.items():
            self._groups.add(operator, kind)
        self._grids: dict[tuple[Tensor, str], Quantization] = {}
        self._raise_outputs()

    def grid(self, tensor: Tensor, kind: str) -> Quantization:
        """Return the grid that a tensor has where it is of this integer type."""
        leader = self._groups.leader((tensor, kind))
        if leader not in self._grids:
            fixed = self._groups.fixed.get(leader)
            if fixed is None:
                fixed = grid_of(kind, *union(self._groups.sources(leader)))
            self._grids[leader] = fixed
        return self._grids[leader]

    def has_range(self, tensor: Tensor) -> bool:
        """Tell whether it is known which values a float tensor has."""
        return tensor.name in self._ranges and bool(np.isfinite(self._ranges[tensor.name]).all())

    def range_of(self, tensor: Tensor) -> Range:
        """Return the smallest and largest value of a float tensor."""
        if tensor.is_constant:
            return self._constants.get(tensor) or value_range(tensor.values)
        return self._ranges.get(tensor.name, (0.0, 0.0))

    def _can_be(self, operator: Operator, kind: str) -> bool:
        rule = OPERATORS.get(operator.code)
        if rule is None or kind not in rule.types or not self._fits(operator, rule):
            return False
        inputs = [operator.inputs[i] for i in activation_inputs(operator)]
        results = [tensor for tensor in operator.outputs if is_float(tensor)]
        if not any(tensor is not None and not tensor.is_constant for tensor in (*inputs, *results)):
            return False
        if any(tensor is not None and self._width(tensor) > rule.widest for tensor in inputs):
            return False
        return all(self._is_known(tensor) for tensor in inputs) and (
            rule.fixed is not None or all(self._is_known(tensor) for tensor in results)
        )

    def _width(self, tensor: Tensor) -> float:
        low, high = union([self.range_of(tensor)])
        return high - low

    def _is_known(self, tensor: Tensor | None) -> bool:
        if tensor is None or not is_float(tensor) or tensor.variable:
            return False
        if tensor.is_constant:
            return tensor in self._constants or (is_trained(tensor) and max(map(abs, self.range_of(tensor))) < ENDLESS)
        return self.has_range(tensor)

    def _fits(self, operator: Operator, rule: Rule) -> bool:
        if operator.code == _LSTM:
            return _is_plain_lstm(operator)
        if operator.options.get("fusedActivationFunction", "NONE") not in FUSED:
            return False
        if not activation_inputs(operator):
            return False
        if rule.weights is None or operator.code == "BATCH_MATMUL":
            return True
        bias = operator.input(rule.weights.bias) if rule.weights.bias is not None else None
        return is_trained(operator.input(rule.weights.position)) and (bias is None or is_trained(bias))

    def _keep_what_int8_destroys(self) -> None:
        free = self._outputs is not Outputs.ASKED
        islands = Islands(self._graph, self.kinds, self.range_of, self._states, is_litert=True)
        self.kept = islands.find(outputs_may_be_float=free)
        for operator in self.kept:
            self.kinds.pop(operator, None)
        if free:
            self.float_inputs = islands.float_inputs
            self.float_outputs = float_results(self._graph, lambda operator: operator in self.kept)

    def _leave_islands(self) -> None:
        """Leave operators that only move values in float where all around them is: converting would cost more."""
        changed = True
        while changed:
            changed = False
            for operator in [op for op in self.kinds if OPERATORS[op.code].moves]:
                if self._is_island(operator):
                    del self.kinds[operator]
                    changed = True

    def _is_island(self, operator: Operator) -> bool:
        inputs = [operator.inputs[i] for i in activation_inputs(operator)]
        computed = [tensor for tensor in inputs if tensor is not None and not tensor.is_constant]
        if not computed or any(self._is_integer(tensor) for tensor in computed):
            return False
        return not any(self._is_read_as_integer(tensor) for tensor in operator.outputs if is_float(tensor))

    def _is_integer(self, tensor: Tensor) -> bool:
        producer = self._producers.get(tensor)
        if producer is None:
            return self._outputs is not Outputs.FLOAT and tensor not in self.float_inputs
        return producer in self.kinds

    def _is_read_as_integer(self, tensor: Tensor) -> bool:
        if tensor in self._graph.outputs and self._outputs is not Outputs.FLOAT and tensor not in self.float_outputs:
            return True
        return any(user in self.kinds for user in self._users.get(tensor, ()))

    def _raise_outputs(self) -> None:
        """Give layers and sums outputs coarse enough for LiteRT to open them: what is always 0 has no own scale."""
        for operator, kind in self.kinds.items():
            if operator.code in ADDITIONS:
                self._raise_sum(operator, kind)
            trained = trained_inputs(operator)
            if trained is None:
                continue
            weights, activation = operator.inputs[trained.position], operator.inputs[activation_inputs(operator)[0]]
            assert weights is not None and activation is not None
            steps = weight_scales(weights, trained.axis, "INT8").max(initial=0.0)
            product = float(steps) * float(self.grid(activation, kind).scale[0])
            leader = self._groups.leader((operator.output, kind))
            self._grids[leader] = at_least(self.grid(operator.output, kind), product / LARGEST_RATIO, kind)

    def _raise_sum(self, operator: Operator, kind: str) -> None:
        """Where a sum has to be in integers although what it adds is far too coarse for it; see Islands."""
        result = self.grid(operator.output, kind)
        for tensor in operator.given:
            ends = self.range_of(tensor)
            own = summand_grid(kind, ends, result) if tensor.is_constant else self.grid(tensor, kind)
            if is_too_coarse(own, result, kind):
                result = at_least(result, 2 * float(own.scale[0]) / COARSEST_SUMMAND[kind], kind)
                self._grids[self._groups.leader((operator.output, kind))] = result


class _Groups:
    """Tensors that share a grid, as sets with a leader each; a tensor counts once for each integer type."""

    def __init__(
        self,
        kinds: Mapping[Operator, str],
        users: Mapping[Tensor, list[Operator]],
        outputs: list[Tensor],
        range_of: Callable[[Tensor], Range],
    ) -> None:
        self._kinds, self._users, self._outputs, self._range_of = kinds, users, outputs, range_of
        self._above: dict[tuple[Tensor, str], tuple[Tensor, str]] = {}
        self._members: dict[tuple[Tensor, str], list[Tensor]] = {}
        self._derived: set[tuple[Tensor, str]] = set()
        self.fixed: dict[tuple[Tensor, str], Quantization] = {}

    def leader(self, node: tuple[Tensor, str]) -> tuple[Tensor, str]:
        """Return the node that stands for the group of a tensor in an integer type."""
        while node in self._above:
            node = self._above[node]
        return node

    def members(self, leader: tuple[Tensor, str]) -> list[Tensor]:
        """Return the tensors of a group."""
        return self._members.get(leader, [leader[0]])

    def sources(self, leader: tuple[Tensor, str]) -> list[Range]:
        """Return the ranges that a group's grid has to hold: those of the tensors that bring in new values."""
        members = self.members(leader)
        fresh = [tensor for tensor in members if (tensor, leader[1]) not in self._derived]
        return [self._range_of(tensor) for tensor in fresh or members]

    def add(self, operator: Operator, kind: str) -> None:
        """Take note of what the next operator in order of execution asks for."""
        rule = OPERATORS[operator.code]
        inputs = [operator.inputs[i] for i in activation_inputs(operator)]
        results = [tensor for tensor in operator.outputs if is_float(tensor)]
        if rule.fixed is not None:
            self.fixed[operator.output, kind] = Quantization.of(*rule.fixed[kind])
        if rule.scales is Scales.KEPT:
            for result in results:
                assert inputs[0] is not None
                self._unite((result, kind), (inputs[0], kind))
                self._derived.add((result, kind))
        elif rule.scales is Scales.JOINED:
            self._join([tensor for tensor in inputs if tensor is not None], results[0], kind, operator)

    def _join(self, inputs: list[Tensor], result: Tensor, kind: str, operator: Operator) -> None:
        computed = [tensor for tensor in inputs if not tensor.is_constant]
        given = [self.fixed.get(self.leader((tensor, kind))) for tensor in computed]
        if given and all(grid is not None and given[0] is not None and same_grid(grid, given[0]) for grid in given):
            joined = list(computed)  # all have the same grid by definition: the result has it too
        else:
            joined = [tensor for tensor in computed if self._can_join(tensor, result, kind, operator)]
        for tensor in joined:
            self._unite((result, kind), (tensor, kind))
        if len(joined) == len(inputs):
            self._derived.add((result, kind))

    def _can_join(self, tensor: Tensor, result: Tensor, kind: str, operator: Operator) -> bool:
        leader = self.leader((tensor, kind))
        if leader in self.fixed:
            return False
        members = self.members(leader)
        readers = {user for member in members for user in self._users.get(member, ())} - {operator}
        bound = all(
            self._kinds.get(user) == kind and OPERATORS[user.code].scales is not Scales.FREE for user in readers
        )
        if bound and not any(member in self._outputs for member in members):
            return True
        own, whole = union(self.sources(leader)), union([self._range_of(result)])
        return own[1] - own[0] >= SIMILAR * (whole[1] - whole[0])

    def _unite(self, node: tuple[Tensor, str], other: tuple[Tensor, str]) -> None:
        first, second = self.leader(node), self.leader(other)
        if first == second:
            return
        self._members[second] = self.members(second) + self.members(first)
        self._above[first] = second
        if first in self.fixed:
            self.fixed.setdefault(second, self.fixed.pop(first))


def _is_plain_lstm(operator: Operator) -> bool:
    """Tell whether an LSTM is one that the int8 kernel computes: constants for weights, tanh, no normalisation."""
    trained = [tensor for i, tensor in enumerate(operator.inputs) if 1 <= i <= 17 and tensor is not None]
    normalised = any(operator.input(i) is not None for i in range(20, 24))
    states = [operator.input(18), operator.input(19)]
    return (
        not normalised
        and operator.options.get("fusedActivationFunction") == "TANH"
        and all(is_trained(tensor) for tensor in trained)
        and all(tensor is not None and tensor.variable for tensor in states)
    )
