from pathlib import Path
from typing import Any

import pytest

from edgequant_converters.tflite import (
    model_bytes,
    quantized_parts,
    read_model,
)


def test_a_float_model_has_no_quantized_parts(tiny_tflite: Any) -> None:
    model = read_model(model_bytes(tiny_tflite.build()))
    assert quantized_parts(model) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("float16", "2 FLOAT16 tensors, 2 DEQUANTIZE operators"),
        ("dynamic_range", "1 INT8 tensors"),
        ("int8", "1 DEQUANTIZE operators, 1 QUANTIZE operators"),
    ],
)
def test_every_kind_of_quantized_model_is_recognised(keras_folder: Path, name: str, found: str) -> None:
    assert found in ", ".join(quantized_parts(read_model(keras_folder / f"{name}.tflite")))
