"""The formula by which biases make up for the rounding of weights."""

import numpy as np
import pytest

from edgequant_converters.quantizer import mean_shift

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
