"""Averages of a quantized source round in LiteRT as they did there."""

import numpy as np
import pytest

from edgequant_converters.ir import Graph, Model, Operator, Tensor, constant
from edgequant_converters.passes import average_as_in_onnx


def graph_of(*operators: Operator) -> Model:
    return Model([Graph([operators[0].given[0]], [operators[-1].output], list(operators))], ["x"], ["y"])


def pooled(*, is_output: bool = False) -> tuple[Model, Tensor, Tensor]:
    x, mean, y = Tensor("x", (1, 2, 2, 8)), Tensor("mean", (1, 8)), Tensor("y", (1, 8))
    own = Operator("MEAN", [x, constant("axes", [1, 2], np.int32)], [mean])
    return graph_of(own) if is_output else graph_of(own, Operator("ABS", [mean], [y])), x, mean


@pytest.mark.parametrize(("zero", "moved"), [(-128, -128), (-27, -26), (0, 0), (9, 8), (127, 126)])
def test_a_mean_on_its_input_s_scale_gets_an_even_zero_point(zero: int, moved: int) -> None:
    model, x, mean = pooled()
    limits = (0.25 * (-128 - zero), 0.25 * (127 - zero))
    ranges = average_as_in_onnx(model, {x: limits, mean: limits})
    assert ranges == {x: limits, mean: (0.25 * (-128 - moved), 0.25 * (127 - moved))}


def test_a_mean_of_its_own_scale_and_an_output_stay() -> None:
    odd, other = (-25.25, 38.5), (-12.625, 19.25)
    for is_output, limits in ((False, other), (True, odd)):
        model, x, mean = pooled(is_output=is_output)
        assert average_as_in_onnx(model, {x: odd, mean: limits}) == {x: odd, mean: limits}


@pytest.mark.parametrize(("code", "stays"), [("RESHAPE", True), ("SQUEEZE", True), ("TRANSPOSE", True), ("ABS", False)])
def test_a_mean_that_is_only_moved_on_its_way_out_stays(code: str, stays: bool) -> None:
    limits = (-25.25, 38.5)
    model, x, mean = pooled()
    model.main.operators[-1].code = code
    assert (average_as_in_onnx(model, {x: limits, mean: limits})[mean] == limits) == stays


@pytest.mark.parametrize(
    ("size", "padding", "same_scale", "differs"),
    [(2, "VALID", True, True), (3, "VALID", True, False), (3, "VALID", False, True), (2, "SAME", False, False)],
)
def test_a_pool_that_would_round_otherwise_becomes_a_layer(
    size: int, padding: str, same_scale: bool, differs: bool
) -> None:
    x, y = Tensor("x", (1, 6, 6, 2)), Tensor("y", (1, 6 // size, 6 // size, 2))
    options = {"padding": padding, "strideH": size, "strideW": size, "filterHeight": size, "filterWidth": size}
    pool = Operator("AVERAGE_POOL_2D", [x], [y], options)
    known = {x: (-1.0, 1.0), y: (-1.0, 1.0) if same_scale else (-0.5, 0.5)}
    assert average_as_in_onnx(graph_of(pool), known) == known
    assert pool.code == ("DEPTHWISE_CONV_2D" if differs else "AVERAGE_POOL_2D")
