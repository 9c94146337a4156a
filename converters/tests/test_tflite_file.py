from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgequant_converters import OutputError, SourceError
from edgequant_converters.sources._tflite import TfliteSource
from edgequant_converters.tflite import model_bytes, normalise, read_model, rename_io, write_model

IDENTIFIER = b"TFL3"


def run(data: bytes, value: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


@pytest.fixture
def data(tiny_tflite: Any) -> bytes:
    return model_bytes(tiny_tflite.build())


def test_what_is_written_computes_the_same_and_reads_back(data: bytes, tiny_tflite: Any, tmp_path: Path) -> None:
    path = tmp_path / "tiny.tflite"
    write_model(read_model(data), path)
    x = np.array([[1.0, -2.0, 3.0, 0.5]], np.float32)
    for computed, expected in zip(run(path.read_bytes(), x), tiny_tflite.expected(x), strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-6)
    assert read_model(path).description == b"tiny"


def test_the_same_model_gives_the_same_bytes(data: bytes) -> None:
    assert model_bytes(read_model(data)) == model_bytes(read_model(model_bytes(read_model(data))))


def test_weights_start_at_multiples_of_16_bytes(data: bytes) -> None:
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(data)
    starts = [
        buffer._tab.Vector(buffer._tab.Offset(4))
        for buffer in (model.Buffers(index) for index in range(model.BuffersLength()))
        if buffer.DataLength()
    ]
    assert len(starts) == 2
    assert all(start % 16 == 0 for start in starts)


def test_a_missing_folder_is_an_output_error(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="choose a folder"):
        write_model(read_model(data), tmp_path / "no" / "tiny.tflite")


def test_missing_empty_and_foreign_files_are_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_model(tmp_path / "none.tflite")
    for name, content, reason in [("empty", b"", "is empty"), ("text", b"hello, world", "is not a .tflite model")]:
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(content)
        with pytest.raises(SourceError, match=rf"^{name}.tflite {reason}") as caught:
            read_model(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sixteenths", range(1, 16))
def test_a_truncated_file_is_refused(data: bytes, sixteenths: int) -> None:
    with pytest.raises(SourceError, match=r"damaged or cut short|not a \.tflite"):
        read_model(data[: len(data) * sixteenths // 16])


def test_no_flipped_byte_makes_reading_crash(data: bytes) -> None:
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        damaged = bytearray(data)
        for position in generator.integers(8, len(data), 3):
            damaged[position] = generator.integers(0, 256)
        try:
            read_model(bytes(damaged))
        except SourceError:
            refused += 1
    assert 0 < refused < 2000


def test_damage_that_only_litert_can_see_is_told(data: bytes, tmp_path: Path) -> None:
    model = read_model(data)
    model.subgraphs[0].operators[0].inputs = [0, 2, 1]  # the bias in place of the weights
    write_model(model, tmp_path / "bad.tflite")
    with pytest.raises(SourceError, match=r"LiteRT cannot open bad\.tflite: "):
        TfliteSource(tmp_path / "bad.tflite")


def test_names_of_inputs_and_outputs_can_be_set(data: bytes) -> None:
    model = read_model(data)
    normalise(model)
    rename_io(model, ["image"], ["logits", "scores"])
    interpreter = Interpreter(model_content=model_bytes(model), num_threads=1)
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": ["logits", "scores"]}
    }
    interpreter.allocate_tensors()
    scores = interpreter.get_signature_runner()(image=np.full((1, 4), -1, np.float32))["scores"]
    assert scores.min() >= 0
    with pytest.raises(ValueError, match="2 tensors need as many different names"):
        rename_io(model, ["image"], ["same", "same"])
