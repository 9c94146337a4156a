"""Rewrites a float graph as its plan says: types, integer constants, and conversions where two types meet."""

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.calibration import Rounding
from edgequant_converters.ir import Graph, Operator, Quantization, Tensor

from ._bias import mean_shift
from ._grids import grid_of, is_float, on_grid, same_grid, shifted, summand_grid
from ._lstm import CELL_STATE, UNSEEN_CELL, quantize_lstm
from ._plan import Plan, activation_inputs, trained_inputs
from ._specification import ADDITIONS, FLOAT, INT4_WEIGHTS, INT8, INT16, OPERATORS, Scales, Weights
from ._storage import store_recurrent
from ._weights import (
    fits_int4,
    needs_wide_bias,
    real_weights,
    scales_with_bias,
    stored_bias,
    stored_weights,
    weight_scales,
    weights_as_they_were,
)

IO_KINDS = {"int8": INT8, "uint8": "UINT8", "int16": INT16, "float": FLOAT}


CORRECTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Layers whose biases make up for what rounding does to their weights and inputs."""


def lower(
    graph: Graph, plan: Plan, io: str, *, per_channel: bool, int4: bool, rounding: Rounding | None = None
) -> None:
    """Rewrite `graph` in place.

    Inputs and outputs get the type that `io` names, but for those of unknown range and those that the plan
    leaves in float. `int4`: weights that training has
    put on a 4-bit grid are stored in 4 bits. With `rounding`, biases make up for that of weights and inputs.
    """
    _Lowering(graph, plan, IO_KINDS[io], per_channel, int4, rounding).run()


class _Lowering:
    def __init__(
        self, graph: Graph, plan: Plan, io: str, per_channel: bool, int4: bool, rounding: Rounding | None
    ) -> None:
        self._graph, self._plan, self._io = graph, plan, io
        self._per_channel, self._int4, self._rounding = per_channel, int4, rounding
        self._grids: dict[str, Quantization] = {}
        self._floats = {tensor for tensor in graph.tensors() if is_float(tensor)}
        self._forms: dict[tuple[object, ...], Tensor] = {}
        self._constants: dict[tuple[object, ...], Tensor] = {}
        self._operators: list[Operator] = []

    def run(self) -> None:
        graph, plan = self._graph, self._plan
        before = list(graph.operators)
        places = {op: (activation_inputs(op), trained_inputs(op)) for op in plan.kinds}
        for tensor in graph.inputs:
            if tensor in self._floats and plan.has_range(tensor) and tensor not in plan.float_inputs:
                self._set_type(tensor, self._io)
        for operator in before:
            kind = plan.kinds.get(operator)
            if kind is None:
                operator.inputs = [None if t is None else self._as_float(t) for t in operator.inputs]
                if operator in plan.unable:
                    store_recurrent(operator)
            else:
                self._rewrite(operator, kind, *places[operator])
            self._operators.append(operator)
        graph.outputs = [self._as_output(tensor) for tensor in graph.outputs]
        graph.operators = self._operators

    def _set_type(self, tensor: Tensor, kind: str) -> None:
        if kind != FLOAT:
            tensor.type, tensor.quantization = kind, self._natural(tensor, kind)
            if kind == INT8:
                self._grids[tensor.name] = tensor.quantization

    def _natural(self, tensor: Tensor, kind: str) -> Quantization:
        """Return the grid that a tensor has in a type, wherever nothing else is asked for."""
        return shifted(self._plan.grid(tensor, INT8), 128) if kind == "UINT8" else self._plan.grid(tensor, kind)

    def _as_float(self, tensor: Tensor) -> Tensor:
        return self._form(tensor, FLOAT, None) if tensor in self._floats else tensor

    def _as_output(self, tensor: Tensor) -> Tensor:
        if tensor not in self._floats or (tensor.type == FLOAT and not self._plan.has_range(tensor)):
            return tensor
        if tensor in self._plan.float_outputs:
            return self._form(tensor, FLOAT, None)
        if self._io == FLOAT:
            return self._form(tensor, FLOAT, None)
        if self._io == tensor.type:
            return tensor
        return self._form(tensor, self._io, self._natural(tensor, self._io))

    def _form(self, tensor: Tensor, kind: str, grid: Quantization | None) -> Tensor:
        """Return a tensor's values in a type and on a grid: itself, or what a conversion makes of it, once."""
        if tensor.is_constant:
            return tensor if grid is None else self._constant(tensor, kind, grid)
        if tensor.type == kind and (grid is None or _has_grid(tensor, grid)):
            return tensor
        key = (tensor, kind, None if grid is None else grid.scale_and_point)
        if key not in self._forms:
            word = "dequantized" if kind == FLOAT else "quantized" if tensor.type == FLOAT else "requantized"
            made = Tensor(f"{tensor.name}_{word}", tensor.shape, kind, quantization=grid)
            self._operators.append(Operator("DEQUANTIZE" if kind == FLOAT else "QUANTIZE", [tensor], [made]))
            self._forms[key] = made
        return self._forms[key]

    def _constant(self, tensor: Tensor, kind: str, grid: Quantization) -> Tensor:
        key = (tensor, kind, grid.scale_and_point)
        if key not in self._constants:
            self._constants[key] = Tensor(tensor.name, tensor.shape, kind, on_grid(tensor.values, grid, kind), grid)
        return self._constants[key]

    def _rewrite(self, operator: Operator, kind: str, activations: list[int], trained: Weights | None) -> None:
        results = [tensor for tensor in operator.outputs if tensor in self._floats]
        if operator.code in ADDITIONS and kind == INT16:
            operator.options["potScaleInt16"] = False
        corrected = self._rounding is not None and activations and operator.code in CORRECTED
        source = operator.given[activations[0]].name if corrected else None
        for i in activations:
            tensor = operator.inputs[i]
            assert tensor is not None
            operator.inputs[i] = self._form(tensor, kind, self._asked(operator, tensor, results, kind))
        if trained is not None:
            self._store(operator, kind, activations[0], trained, source)
        for tensor in results:
            self._set_type(tensor, kind)
        if operator.code == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            x, state = operator.inputs[0], operator.inputs[CELL_STATE]
            assert x is not None and x.quantization is not None and state is not None
            y = self._plan.grid(operator.output, kind)
            cell = self._plan.range_of(state) if self._plan.has_range(state) else UNSEEN_CELL
            quantize_lstm(operator, x.quantization, y, cell)

    def _asked(self, operator: Operator, tensor: Tensor, results: list[Tensor], kind: str) -> Quantization | None:
        """Return the grid that an operator needs an input on; None: any of its type is right."""
        scales = OPERATORS[operator.code].scales
        if scales is Scales.JOINED:
            return self._plan.grid(results[0], kind)
        if scales is Scales.KEPT:
            return self._plan.grid(tensor, kind)
        if tensor.is_constant:
            ends = self._plan.range_of(tensor)
            if operator.code in ADDITIONS:
                return summand_grid(kind, ends, self._plan.grid(results[0], kind))
            return grid_of(kind, *ends)
        return None if tensor.type == kind else self._plan.grid(tensor, kind)

    def _store(
        self,
        operator: Operator,
        kind: str,
        activation: int,
        trained: Weights,
        source: str | None,
    ) -> None:
        """Make integers of weights and bias; `source` is what the layer reads, if its bias may be corrected."""
        x, weights = operator.inputs[activation], operator.inputs[trained.position]
        assert x is not None and x.quantization is not None and weights is not None
        bias = None if trained.bias is None else operator.input(trained.bias)
        axis = trained.axis if self._per_channel else None
        narrow = self._int4 and axis == 0 and operator.code in INT4_WEIGHTS and fits_int4(weights.values, axis)
        stored_as, wide, step = "INT4" if narrow else INT8, needs_wide_bias(kind), float(x.quantization.scale[0])
        addend = None if bias is None else bias.values
        as_they_were = weights_as_they_were(weights, addend, step)
        scales = scales_with_bias(weight_scales(weights, axis, stored_as), addend, step, wide)
        key = (weights, stored_as, axis, scales.tobytes())
        if key not in self._constants:
            self._constants[key] = as_they_were or stored_weights(weights, scales, axis, stored_as)
        operator.inputs[trained.position] = self._constants[key]
        if bias is not None and trained.bias is not None:
            own = self._constants[key].quantization
            assert own is not None
            values = bias.values.astype(np.float64)
            if source is not None:
                shift = self._shift(operator, weights, real_weights(self._constants[key]), source, x)
                values -= np.broadcast_to(shift, values.size).reshape(values.shape)
            operator.inputs[trained.bias] = stored_bias(bias, values, step, own.scale, wide)

    def _shift(
        self, operator: Operator, weights: Tensor, stored: NDArray[np.float64], source: str, x: Tensor
    ) -> NDArray[np.float64]:
        """Return by how much rounding weights and input moves the means of a layer's outputs."""
        depthwise = operator.code == "DEPTHWISE_CONV_2D"
        assert self._rounding is not None
        means, moved = self._rounding.means.get(source), None
        if x.type == INT8:
            grids = {**self._grids, source: x.quantization}
            moved = self._rounding.error(source, grids.get)
        shift = np.zeros(1)
        if means is not None:
            shift = shift + mean_shift(stored - weights.values.astype(np.float64), means, depthwise=depthwise)
        if moved is not None:
            shift = shift + mean_shift(stored, moved, depthwise=depthwise)
        return shift


def _has_grid(tensor: Tensor, grid: Quantization) -> bool:
    return tensor.quantization is not None and same_grid(tensor.quantization, grid)
