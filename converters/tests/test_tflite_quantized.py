from pathlib import Path
from typing import Any

import pytest

from edgequant_converters import SourceError
from edgequant_converters.tflite import (
    model_bytes,
    quantized_parts,
    read_model,
    refuse_quantized,
)


def test_a_float_model_has_no_quantized_parts(tiny_tflite: Any) -> None:
    model = read_model(model_bytes(tiny_tflite.build()))
    assert quantized_parts(model) == []
    refuse_quantized(model, "tiny.tflite")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("float16", "2 FLOAT16 tensors, 2 DEQUANTIZE operators"),
        ("dynamic_range", "1 INT8 tensors"),
        ("int8", "1 DEQUANTIZE operators, 1 QUANTIZE operators"),
    ],
)
def test_every_kind_of_quantized_model_is_recognised(keras_folder: Path, name: str, found: str) -> None:
    with pytest.raises(SourceError, match=f"^{name}.tflite is quantized already .*{found}.*give the float model"):
        refuse_quantized(read_model(keras_folder / f"{name}.tflite"), f"{name}.tflite")
