"""The fused LSTM in int8, with a cell state of 16 bits: LiteRT's "8x8_16".

From the TensorFlow Lite quantization specification and lstm_eval.cc: weights are symmetric with one scale each, biases
lie on the grid of input times weights, peepholes are int16, and the scale of the cell state is a power of two.
"""

import numpy as np

from edgequant_converters.ir import Operator, Quantization, Tensor

from ._grids import Range, grid_of, on_grid
from ._specification import INT8, INT16
from ._weights import power_of_two_above, scales_with_bias, stored_bias, stored_weights, weight_scales

WEIGHTS = range(1, 9)
PEEPHOLES = range(9, 12)
BIASES = range(12, 16)
PROJECTION, PROJECTION_BIAS, OUTPUT_STATE, CELL_STATE = 16, 17, 18, 19

CELL_SCALES = (2.0**-15, 2.0**-9)
"""The least and the greatest that the kernels take."""

CELL_MARGIN = 2.0
"""The cell is seen at the end of a sequence alone: what it held before may have been larger."""

UNSEEN_CELL: Range = (-8.0, 8.0)


def quantize_lstm(operator: Operator, x: Quantization, y: Quantization, cell: Range) -> None:
    """Give an operator's constants, states and intermediates their types; input and output are on the grids x and y.

    `cell` is the range of the cell state as far as it was seen.
    """
    scales: dict[int, float] = {}
    for i in WEIGHTS:
        if (weights := operator.input(i)) is not None:
            bias = operator.input(i + BIASES[0] - WEIGHTS[0]) if i <= 4 else None
            scales[i] = _store(operator, i, weights, bias, float(x.scale[0]))
    for i in BIASES:
        if (bias := operator.input(i)) is not None:
            steps = np.array([scales[i - BIASES[0] + WEIGHTS[0]]], np.float32)
            operator.inputs[i] = stored_bias(bias, bias.values.astype(np.float64), float(x.scale[0]), steps, wide=False)
    for i in PEEPHOLES:
        if (peephole := operator.input(i)) is not None:
            operator.inputs[i] = _on_grid_of_its_own(peephole)
    hidden = y
    if (projection := operator.input(PROJECTION)) is not None:
        hidden = grid_of(INT8, -1.0, 1.0)  # a gate times a hyperbolic tangent
        bias = operator.input(PROJECTION_BIAS)
        steps = np.array([_store(operator, PROJECTION, projection, bias, float(hidden.scale[0]))], np.float32)
        if bias is not None:
            values = bias.values.astype(np.float64)
            operator.inputs[PROJECTION_BIAS] = stored_bias(bias, values, float(hidden.scale[0]), steps, wide=False)
    _set_states(operator, y, cell)
    operator.intermediates = _intermediates(operator, hidden)
    operator.options.pop("asymmetricQuantizeInputs", None)


def _store(operator: Operator, place: int, weights: Tensor, bias: Tensor | None, input_scale: float) -> float:
    own = weight_scales(weights, None, INT8)
    scales = scales_with_bias(own, None if bias is None else bias.values, input_scale, wide=False)
    operator.inputs[place] = stored_weights(weights, scales, None, INT8)
    return float(np.float32(scales[0]))


def _on_grid_of_its_own(tensor: Tensor) -> Tensor:
    grid = grid_of(INT16, float(tensor.values.min(initial=0.0)), float(tensor.values.max(initial=0.0)))
    return Tensor(tensor.name, tensor.shape, INT16, on_grid(tensor.values, grid, INT16), grid)


def _set_states(operator: Operator, y: Quantization, cell: Range) -> None:
    output_state, cell_state = operator.inputs[OUTPUT_STATE], operator.inputs[CELL_STATE]
    assert output_state is not None and cell_state is not None
    output_state.type, output_state.quantization = INT8, y
    largest = max(-cell[0], cell[1]) * CELL_MARGIN
    scale = power_of_two_above(largest / 32768) if largest > 0 else CELL_SCALES[0]
    cell_state.type = INT16
    cell_state.quantization = Quantization.of(min(max(scale, CELL_SCALES[0]), CELL_SCALES[1]))


def _intermediates(operator: Operator, hidden: Quantization) -> list[Tensor]:
    """Return the five results within a step that have scales: four gates, which are Q3.12, and the hidden state."""
    name = operator.output.name
    gates = [Tensor(f"{name}_gate_{i}", (0,), INT16, quantization=Quantization.of(2.0**-12)) for i in range(4)]
    return [*gates, Tensor(f"{name}_hidden", (0,), INT8, quantization=hidden)]
