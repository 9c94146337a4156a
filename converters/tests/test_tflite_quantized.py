from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_converters import SourceError, UnsupportedError
from edgequant_converters._evaluate import open_model
from edgequant_converters.tflite import (
    model_bytes,
    normalise,
    quantized_parts,
    read_model,
    refuse_quantized,
    set_io_uint8,
    write_model,
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


@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant"])
def test_uint8_edges_change_no_value(shared: Path, tmp_path: Path, name: str) -> None:
    source = shared / "models" / f"{name}.tflite"
    model = read_model(source)
    normalise(model)
    set_io_uint8(model)
    write_model(model, tmp_path / "uint8.tflite")
    before, after = open_model(source), open_model(tmp_path / "uint8.tflite")
    for old, new in zip((*before.inputs, *before.outputs), (*after.inputs, *after.outputs), strict=True):
        assert (new.dtype, new.scale, new.zero_point) == (np.uint8, old.scale, (old.zero_point or 0) + 128)
    generator = np.random.default_rng(0)
    for _ in range(8):
        x = generator.integers(-128, 128, after.inputs[0].shape)
        (old_output,) = before.run({before.inputs[0].name: x.astype(np.int8)})
        (new_output,) = after.run({after.inputs[0].name: (x + 128).astype(np.uint8)})
        np.testing.assert_array_equal(new_output.astype(int) - 128, old_output)


def test_uint8_edges_are_refused_to_a_float_model(tiny_tflite: Any) -> None:
    with pytest.raises(UnsupportedError, match="'input:0' is float32"):
        set_io_uint8(tiny_tflite.build())
