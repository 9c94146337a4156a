"""What int8, and rarely int16, would destroy although it could be: operators that stay in float, each with the reason.

One tensor has one scale, of 255 steps. Where parts of very different ranges are joined on their way out (boxes in
pixels and scores from 0 to 1), the smaller part would be left with a step or none. And some functions ask more of their
input than 255 steps say: the smallest power of a spectrum, the largest exponent.
"""

from collections.abc import Callable, Iterable, Mapping

from edgequant_converters.ir import Graph, Operator, Tensor

from ._carried import States, carried
from ._grids import Range, grid_of, is_float, is_too_coarse, summand_grid, union
from ._specification import ADDITIONS, INT8, INT16, OPERATORS, Scales

MIXED = 16.0
"""Parts whose ranges differ by more than this factor should not share a scale: the smaller has lost 4 of its 8 bits."""

JOINS = frozenset({"CONCATENATION", "PACK"})

CHEAP = frozenset(
    {"ABS", "ADD", "DIV", "EXP", "LOG", "LOGISTIC", "MAXIMUM", "MEAN", "MINIMUM", "MUL", "NEG", "RELU", "RELU6",
     "RSQRT", "SOFTMAX", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUB", "SUM", "TANH"}
)  # fmt: skip
"""Operators whose float form costs little beside a network's layers."""

INDEX_LIKE = frozenset({"CUSTOM", "CAST", "CEIL", "FLOOR", "ROUND", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"})
"""Float operators whose results may be class numbers and counts, which no scale of 255 steps holds exactly."""

STEPS = {INT8: 255, INT16: 65535}
"""The steps of one scale."""

FEW_STEPS = 8.0
"""The argument of a root or logarithm of fewer steps has an error of more than 6 %."""

LARGEST_EXPONENT_STEP = 1 / 16
"""An exponent's step of more than this is an error of more than 3 % in the result."""

SUMS = frozenset({"BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Layers that compute and smooth a spectrum."""

_FIXED = frozenset({"LOGISTIC", "SOFTMAX"})
"""Functions whose int8 results have steps of 1/256 in LiteRT, whatever they are: all of a thousand even ones are 0."""

_OPERAND = {"DIV": 1, "LOG": 0, "RSQRT": 0, "SQRT": 0, "EXP": 0}
"""Functions that need their operand to a relative (EXP: absolute) precision."""


class Islands:
    """Decides for one graph; `kinds` are the operators that could compute in integers, `states` what is fed back.

    `is_litert`: the engine is LiteRT, which ends a run that divides integers by 0, or adds what is too coarse.
    """

    def __init__(
        self,
        graph: Graph,
        kinds: Mapping[Operator, str],
        range_of: Callable[[Tensor], Range],
        states: States,
        *,
        is_litert: bool,
    ) -> None:
        self._states = states
        self._graph, self._kinds, self._range_of, self._is_litert = graph, kinds, range_of, is_litert
        self._producers, self._users = graph.producers(), graph.users()
        self._squared: dict[Operator, bool] = {}
        self.reasons: dict[Operator, str] = {}
        self.float_inputs: set[Tensor] = set()

    def find(self, *, outputs_may_be_float: bool) -> dict[Operator, str]:
        """Return the operators to keep in float, with reasons: integer ones, and joins that the user keeps so.

        `float_inputs` then has the inputs that are to stay in float with them.
        """
        if outputs_may_be_float:
            self._keep_states()
        for operator in self._graph.operators:
            kind = self._kinds.get(operator)
            if kind is not None and (why := self._is_fragile(operator)) is not None:
                self._keep_with_sources([operator], why, spectrum=operator.code == "LOG")
            elif kind in (INT8, None) and outputs_may_be_float and (ways := self._ways_out_of_mixed(operator)):
                self._keep_with_sources(ways, self._mixture(operator))
        return self.reasons

    def _keep_states(self) -> None:
        """Keep states that go from step to step in float, on all of their ways, and what moves parts of them."""
        found = carried(self._graph, self._states, self._may_carry, self._only_moves)
        self.float_inputs = found.states
        moved = set(found.states)
        for operator in self._graph.operators:
            if self._only_moves(operator) and not moved.isdisjoint(operator.given):
                found.ways[operator] = None
                moved.update(operator.outputs)
        names = ", ".join(f"'{state.name}'" for state in self._graph.inputs if state in found.states)
        self._keep_with_sources(found.ways, f"errors of the state {names} would add up from step to step")

    def _may_carry(self, operator: Operator) -> bool:
        return self._kinds.get(operator, INT8) == INT8 and self._is_cheap(operator)

    def _mixture(self, join: Operator) -> str:
        widths = sorted(self._widths(join))
        return (
            f"parts of ranges {widths[-1]:.3g} and {widths[0]:.3g} meet in '{join.output.name}': "
            "with one int8 scale the smaller would be lost"
        )

    def _widths(self, operator: Operator) -> list[float]:
        ranges = [union([self._range_of(tensor)]) for tensor in operator.given if is_float(tensor)]
        return [high - low for low, high in ranges if high > low]

    def _ways_out_of_mixed(self, operator: Operator) -> list[Operator]:
        """Return a join of very different parts, and all between it and what needs its values; [] if it is none."""
        if operator.code not in JOINS:
            return []
        widths = self._widths(operator)
        if not widths or max(widths) <= MIXED * min(widths):
            return []
        return self._ways_out(operator)

    def _ways_out(self, operator: Operator) -> list[Operator]:
        """Return the cheap operators from here to the graph's outputs and float operators; [] if none gets there."""
        found: list[Operator] = []
        arrives = any(tensor in self._graph.outputs for tensor in operator.outputs)
        for reader in self._readers(operator):
            if reader not in self._kinds:
                arrives = True
            elif reader.code in CHEAP or OPERATORS[reader.code].moves:
                further = self._ways_out(reader)
                arrives = arrives or bool(further)
                found += further
        return [operator, *found] if arrives else []

    def _readers(self, operator: Operator) -> list[Operator]:
        return [user for tensor in operator.outputs for user in self._users.get(tensor, ())]

    def _adds_what_is_too_coarse(self, operator: Operator, kind: str) -> bool:
        result = grid_of(kind, *self._range_of(operator.output))
        ranges = [(tensor.is_constant, self._range_of(tensor)) for tensor in operator.given]
        grids = [summand_grid(kind, ends, result) if fixed else grid_of(kind, *ends) for fixed, ends in ranges]
        return any(is_too_coarse(grid, result, kind) for grid in grids)

    def _is_fragile(self, operator: Operator) -> str | None:
        """Say why an operator's operand or result is too coarse in integers; None if it is not."""
        kind = self._kinds[operator]
        if self._is_litert and operator.code in ADDITIONS and self._adds_what_is_too_coarse(operator, kind):
            return "LiteRT ends the process where the steps of what is added are so much coarser than those of the sum"
        if kind == INT8 and operator.code in _FIXED and 0.0 < self._range_of(operator.output)[1] < FEW_STEPS / 256:
            return "its largest result has too few of the steps of 1/256 that int8 has for it"
        if operator.code == "MUL" and any(self._is_too_far(tensor, STEPS[kind]) for tensor in operator.given):
            return f"it multiplies by inverse deviations of which the smallest have too few {kind.lower()} steps"
        place = _OPERAND.get(operator.code)
        operand = None if place is None else operator.input(place)
        if operand is None or operand.is_constant:
            return None
        if operator.code == "DIV" and self._is_litert:
            return f"LiteRT ends the run where an {kind.lower()} divisor is 0, as it may be on other data"
        low, high = self._range_of(operand)
        step = (max(high, 0.0) - min(low, 0.0)) / STEPS[kind]
        if operator.code == "EXP":
            return f"its exponent is too coarse in {kind.lower()}" if step > LARGEST_EXPONENT_STEP else None
        smallest = low if low > 0 else -high if high < 0 else 0.0
        return f"its smallest operand has too few {kind.lower()} steps" if smallest < FEW_STEPS * step else None

    def _is_too_far(self, factor: Tensor, steps: int) -> bool:
        """Whether an inverse root is 0 for most rows beside one whose values are nearly alike."""
        source = self._producers.get(factor)
        low, high = self._range_of(factor)
        return source is not None and source.code == "RSQRT" and low < FEW_STEPS * high / steps

    def _keep_with_sources(self, operators: Iterable[Operator], reason: str, *, spectrum: bool = False) -> None:
        """Keep operators in float, and the cheap ones before them that nobody else reads in integers.

        What is in float anyway, as the user asked for, is looked through: what is before it is before the island.
        Before the logarithm of a `spectrum` the layers that compute it are not too dear.
        """
        island = dict.fromkeys(operators)
        seen = set(island)
        pending = list(island)
        while pending:
            for tensor in pending.pop().given:
                source = self._producers.get(tensor)
                if source is None or source in seen:
                    continue
                if not self._is_cheap(source) and not (spectrum and self._is_of_powers(source)):
                    continue
                if source not in self._kinds:
                    seen.add(source)
                    pending.append(source)
                elif all(reader in island or reader not in self._kinds for reader in self._readers(source)):
                    seen.add(source)
                    island[source] = None
                    pending.append(source)
        self._leave_moves(island)
        for operator in island:
            self.reasons.setdefault(operator, reason)

    def _is_cheap(self, operator: Operator) -> bool:
        return operator.code in CHEAP or _is_square(operator) or self._only_moves(operator)

    def _is_of_powers(self, layer: Operator) -> bool:
        """Whether small results of a layer count as large ones do: it sums what is >= 0, or is squared and no more."""
        if layer.code not in SUMS:
            return False
        values, weights = layer.given[:2]
        sums_powers = self._range_of(values)[0] >= 0 and weights.is_constant and bool((weights.values >= 0).all())
        return sums_powers or self._is_squared(layer)

    def _is_squared(self, operator: Operator) -> bool:
        """Whether all that becomes of a result is its square, of other signs, sizes or places maybe."""
        if operator not in self._squared:
            readers = self._readers(operator)
            self._squared[operator] = bool(readers) and all(
                _is_square(reader) or (self._only_scales(reader) and self._is_squared(reader)) for reader in readers
            )
        return self._squared[operator]

    def _only_scales(self, operator: Operator) -> bool:
        by_constant = operator.code == "MUL" and any(tensor.is_constant for tensor in operator.given)
        return by_constant or operator.code == "NEG" or self._only_moves(operator)

    def _only_moves(self, operator: Operator) -> bool:
        rule = OPERATORS.get(operator.code)
        return rule is not None and rule.moves and rule.scales in (Scales.KEPT, Scales.JOINED)

    def _leave_moves(self, island: dict[Operator, None]) -> None:
        """Leave in int8 what moves int8 values into the island: they are widened behind it."""
        changed = True
        while changed:
            changed = False
            for operator in [op for op in island if self._only_moves(op) and OPERATORS[op.code].scales is Scales.KEPT]:
                (source,) = {self._producers.get(operator.given[i]) for i in _moved(operator)}
                inside = source in island or (source is not None and source not in self._kinds)
                inside = inside or not self.float_inputs.isdisjoint(operator.given)
                if not inside and not self._feeds_out(operator):
                    del island[operator]
                    changed = True

    def _feeds_out(self, operator: Operator) -> bool:
        return any(tensor in self._graph.outputs for tensor in operator.outputs)


def _is_square(operator: Operator) -> bool:
    """Whether an operator gives squares, or sums of them; ONNX's are seen under their own names."""
    if operator.code in ("POW", "Pow"):
        exponent = operator.given[1]
        return exponent.is_constant and bool((exponent.values == 2).all())
    is_product = operator.code == "MUL" and operator.given[0] is operator.given[1]
    return is_product or operator.code in ("SQUARE", "ReduceSumSquare")


def _moved(operator: Operator) -> list[int]:
    return [next(i for i, tensor in enumerate(operator.given) if is_float(tensor))]


def float_results(graph: Graph, floats: Callable[[Operator], bool]) -> set[Tensor]:
    """Return the outputs that computed in float are better left so: class numbers, counts, the results of islands."""
    producers = graph.producers()

    def root(tensor: Tensor) -> Operator | None:
        operator = producers.get(tensor)
        while operator is not None and operator.code in OPERATORS and OPERATORS[operator.code].scales is Scales.KEPT:
            if floats(operator):
                return operator
            operator = producers.get(operator.given[_moved(operator)[0]])
        return operator

    found = set()
    for output in graph.outputs:
        source = root(output) if is_float(output) else None
        if source is not None and (source.code in INDEX_LIKE or floats(source)):
            found.add(output)
    return found
