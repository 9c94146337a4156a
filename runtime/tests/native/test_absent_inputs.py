"""An input may be left out, its index -1, where its operator does without; elsewhere the file is damaged.

Engines that do not look die of the latter: LiteRT of a QUANTIZE.
"""

import re

import numpy as np
import pytest

from edgequant_runtime import ModelError, Session, check_tflite

from .single_op import Model, Quantized


def model(operator: str, inputs: int, absent: int) -> bytes:
    built = Model()
    x = built.input((2, 4), "INT8", Quantized(0.1))
    given = [x] + [built.constant(np.ones((4, 4)), "INT8", Quantized(0.1)) for _ in range(inputs - 1)]
    given[absent] = -1
    y = built.tensor((2, 4), "INT8", Quantized(0.1))
    built.operator(operator, given, [y])
    return built.finish([y])


@pytest.mark.parametrize(
    ("operator", "inputs", "absent"),
    [("QUANTIZE", 1, 0), ("ADD", 2, 1), ("CONV_2D", 3, 0), ("FULLY_CONNECTED", 3, 1), ("SVDF", 5, 4), ("LSTM", 24, 0)],
)
def test_what_an_operator_needs(operator: str, inputs: int, absent: int) -> None:
    sentence = re.escape(f"{operator} (operator 0): it lacks its input {absent}")
    data = model(operator, inputs, absent)
    with pytest.raises(ModelError, match=sentence):
        check_tflite(data)
    with pytest.raises(ModelError, match=sentence):
        Session(data)


@pytest.mark.parametrize(
    ("operator", "inputs", "absent"),
    [("CONV_2D", 3, 2), ("FULLY_CONNECTED", 3, 2), ("TRANSPOSE_CONV", 4, 3), ("RESHAPE", 2, 1), ("LSTM", 24, 9)],
)
def test_what_an_operator_does_without(operator: str, inputs: int, absent: int) -> None:
    check_tflite(model(operator, inputs, absent))
