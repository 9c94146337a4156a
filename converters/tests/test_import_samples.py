"""The check after an import uses the user's data: a network need not stand random inputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import SourceError, convert
from edgequant_converters._evaluate import open_model
from edgequant_converters.calibration import peek
from edgequant_converters.tflite import write_model

FROM_1_TO_5 = np.random.default_rng(1).uniform(1.5, 5, (24, 1, 8)).astype(np.float32)


def save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any]) -> Path:
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def square_root(tmp_path: Path) -> Path:
    """sqrt(x - 1) W: NaN for most random inputs; the second axis is free."""
    weights = {"one": np.ones(1, np.float32), "w": np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)}
    nodes = [
        helper.make_node("Sub", ["x", "one"], ["d"]),
        helper.make_node("Sqrt", ["d"], ["s"]),
        helper.make_node("MatMul", ["s", "w"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "rows", 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "rows", 4])
    return save(tmp_path / "root.onnx", nodes, [x], [y], weights)


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_values_and_free_sizes_come_from_the_data(suffix: str, square_root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"NaN or infinity on random inputs.*give calibration data"):
        convert(square_root, tmp_path / "none.onnx")
    samples = np.stack([FROM_1_TO_5[:, 0]] * 3, axis=1)[:, np.newaxis]
    report = convert(square_root, tmp_path / f"model{suffix}", quantize="int8", calibration=samples)
    assert report.sqnr_db and report.sqnr_db > 20
    if suffix == ".tflite":
        assert report.inputs[0].shape == (1, 3, 8)


def test_integers_come_from_the_data(tmp_path: Path) -> None:
    """x / n with whole numbers: a random n may be 0, which ends the process."""
    x, n = (helper.make_tensor_value_info(name, TensorProto.INT64, [1, 4]) for name in "xn")
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    nodes = [helper.make_node("Div", ["x", "n"], ["q"]), helper.make_node("Cast", ["q"], ["y"], to=TensorProto.FLOAT)]
    path = save(tmp_path / "division.onnx", nodes, [x, n], [y], {})
    data = {"x": np.full((20, 4), 9), "n": np.full((20, 4), 2)}
    for suffix in (".onnx", ".tflite"):
        assert convert(path, tmp_path / f"model{suffix}", calibration=data).sqnr_db == 300.0


def test_a_generator_loses_nothing(square_root: Path, tmp_path: Path) -> None:
    samples, path = FROM_1_TO_5[:, None], tmp_path / "model.onnx"
    report = convert(square_root, path, quantize="int8", calibration=iter(samples), effort=0)
    assert report.calibration_samples == len(samples)
    drawn, given = (convert(square_root, path, quantize="int8", calibration=data) for data in (iter(samples), samples))
    assert drawn.calibration_samples == given.calibration_samples  # but for those that are kept to measure with


def test_what_was_peeked_at_is_not_kept() -> None:
    drawn = []

    def rows() -> Iterator[int]:
        for number in range(4):
            drawn.append(number)
            yield number

    from edgequant_runtime import TensorInfo

    sample, rest = peek(rows(), None)
    info = TensorInfo("x", (), np.dtype(np.int64))
    assert sample([info]) == {"x": 0}
    assert sample([info]) == {"x": 0}
    assert drawn == [0]
    assert list(rest) == [0, 1, 2, 3]


def test_a_torch_network_is_tried_on_the_data(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Root(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return (x - 1).sqrt()

    example = (torch.zeros(1, 8),)
    with pytest.raises(SourceError, match="NaN or infinite on the example inputs"):
        convert(Root(), tmp_path / "model.tflite", example_inputs=example)
    assert convert(Root(), tmp_path / "model.tflite", example_inputs=example, calibration=FROM_1_TO_5).sqnr_db == 300.0


def test_a_factory_is_built_around_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    forward = "def forward(self, x):\n        return torch.ones(8) * (torch.full_like(x, 8) // x)"
    code = f"import torch\nclass Net(torch.nn.Module):\n    {forward}\n"
    (tmp_path / "dividing_net.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"input_shapes": ["1,8:int64"]}
    with pytest.raises(SourceError, match="fails on example inputs"):
        convert("dividing_net:Net", tmp_path / "model.onnx", **options)
    report = convert("dividing_net:Net", tmp_path / "model.onnx", calibration=np.full((3, 8), 2), **options)
    assert report.sqnr_db == 300.0


@pytest.mark.tensorflow
@pytest.mark.usefixtures("one_tensorflow")
@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_a_keras_network_is_tried_on_the_data(keras_folder: Path, tmp_path: Path, suffix: str) -> None:
    root, output = keras_folder / "square_root.keras", tmp_path / f"model{suffix}"
    with pytest.raises(SourceError, match=r"\(Keras\) gives NaN or infinity on random inputs.*give calibration data"):
        convert(root, output)
    with pytest.raises(SourceError, match="NaN or infinity on the first sample of the data"):
        convert(root, output, calibration=FROM_1_TO_5 - 9)
    report = convert(root, output, quantize="int8", calibration=iter(FROM_1_TO_5))
    assert report.calibration_samples == len(FROM_1_TO_5)
    assert report.sqnr_db and report.sqnr_db > 20


@pytest.mark.tensorflow
@pytest.mark.usefixtures("one_tensorflow")
@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_a_saved_model_gets_each_input_of_the_data(keras_folder: Path, tmp_path: Path, suffix: str) -> None:
    """x / n with whole numbers, by name: a random n may be 0, at which TensorFlow stops."""
    division, output = keras_folder / "division", tmp_path / f"model{suffix}"
    with pytest.raises(SourceError, match=r"does not run on random inputs.*calibration data. Integer division by zero"):
        convert(division, output)
    data = {"n": np.full((20, 4), 2, np.int32), "x": np.full((20, 4), 9, np.int32)}
    assert convert(division, output, calibration=data).sqnr_db == 300.0
    (result,) = open_model(output).run({name: values[:1] for name, values in data.items()})
    assert (result == 4).all()


def test_a_litert_model_is_tried_on_the_data(tiny_tflite: Any, tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = tiny_tflite.build()
    model.operatorCodes[1].deprecatedBuiltinCode = model.operatorCodes[1].builtinCode = schema.BuiltinOperator.SQRT
    model.subgraphs[0].outputs = [4]
    write_model(model, tmp_path / "root.tflite")
    samples = [
        x for x in np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32) if _is_positive(tiny_tflite, x)
    ]
    assert len(samples) > 3
    with pytest.raises(SourceError, match="NaN"):
        convert(tmp_path / "root.tflite", tmp_path / "model.tflite")
    assert convert(tmp_path / "root.tflite", tmp_path / "model.tflite", calibration=samples).sqnr_db == 300.0


def _is_positive(tiny_tflite: Any, x: Any) -> bool:
    return bool((tiny_tflite.expected(x[None])[0] > 0).all())
