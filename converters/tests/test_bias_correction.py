"""The formula by which biases make up for the rounding of weights."""

from pathlib import Path

import numpy as np
import pytest

from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir
from edgequant_converters.quantizer import layer_inputs, mean_shift
from edgequant_converters.tflite import read_model

DRAW = np.random.default_rng(4)


def test_a_grouped_convolution_of_constant_channels_shifts_as_computed() -> None:
    error, means = DRAW.normal(size=(6, 3, 3, 2)), DRAW.normal(size=4)  # 2 groups of 3 outputs and 2 inputs
    direct = [(error[o] * means[2 * (o // 3) : 2 * (o // 3) + 2]).sum() for o in range(6)]
    assert mean_shift(error, means) == pytest.approx(direct)


def test_a_depthwise_convolution_reads_each_channel_twice() -> None:
    error, means = DRAW.normal(size=(1, 3, 3, 6)), DRAW.normal(size=3)
    direct = [error[0, :, :, o].sum() * means[o // 2] for o in range(6)]
    assert mean_shift(error, means, depthwise=True) == pytest.approx(direct)


def test_a_product_is_a_product() -> None:
    error, means = DRAW.normal(size=(5, 7)), DRAW.normal(size=7)
    assert mean_shift(error, means) == pytest.approx(error @ means)


def test_a_tensor_that_two_layers_divide_differently_has_no_means(tmp_path: Path) -> None:
    build = Builder(Graph(inputs=[Tensor("x", (1, 4, 4, 8))]))
    x, bias = build.graph.inputs[0], build.constant(np.zeros(6), np.float32)
    image = build.constant(DRAW.normal(size=(6, 1, 1, 8)), np.float32)
    row = build.constant(DRAW.normal(size=(6, 128)), np.float32)
    options = {"padding": "SAME", "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    y = build.op("CONV_2D", [x, image, bias], (1, 4, 4, 6), **options)
    alone = build.op(
        "CONV_2D", [y, build.constant(DRAW.normal(size=(6, 1, 1, 6)), np.float32), bias], y.shape, **options
    )
    build.graph.outputs = [alone, build.op("FULLY_CONNECTED", [x, row, bias], (1, 6))]
    model = tmp_path / "net.tflite"
    model.write_bytes(write_ir(Model([build.graph], ["x"], ["image", "row"])))
    assert list(layer_inputs(read_model(model)).values()) == [(-1, 6)]
