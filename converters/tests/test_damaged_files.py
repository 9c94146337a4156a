"""Files that are whole as containers and wrong inside: one sentence, from whichever line they break."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import ConverterError, convert
from edgequant_converters._evaluate import open_model
from edgequant_converters.graph import read_graph
from edgequant_converters.tflite import read_model, write_model

Shapes = tuple[tuple[int, ...], tuple[int, ...]]


def onnx_model(path: Path, node: onnx.NodeProto, *weights: onnx.TensorProto, shapes: Shapes) -> Path:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes[0])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes[1])
    graph = helper.make_graph([node], "g", [x], [y], list(weights))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def pool_padded_beyond_half_its_window(path: Path) -> Path:
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[2, 2, 2, 2])
    return onnx_model(path, node, shapes=((1, 3, 8, 8), (1, 3, 10, 10)))


def constant_of_no_elements(path: Path) -> Path:
    size = numpy_helper.from_array(np.array([0, 8], np.int64), "size")
    node = helper.make_node("ConstantOfShape", ["size"], ["z"])
    path = onnx_model(path, node, size, shapes=((2, 8), (2, 8)))
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("Concat", ["x", "z"], ["y"], axis=0))
    onnx.save(model, path)
    return path


def test_a_pool_that_pytorch_would_refuse(tmp_path: Path) -> None:
    path = pool_padded_beyond_half_its_window(tmp_path / "net.onnx")
    convert(path, tmp_path / "net.tflite")
    convert(path, tmp_path / "out.onnx")


def test_a_constant_of_no_elements(tmp_path: Path) -> None:
    convert(constant_of_no_elements(tmp_path / "net.onnx"), tmp_path / "net.tflite")
    assert open_model(tmp_path / "net.tflite").outputs[0].shape == (2, 8)


def damaged(model: Any, what: str) -> None:
    graph = model.subgraphs[0]
    if what == "output":
        graph.outputs[0] = 1 << 24
    elif what == "input of an operator":
        graph.operators[0].inputs[0] = 1 << 24
    elif what == "buffer":
        graph.tensors[0].buffer = 1 << 20
    elif what == "operator code":
        graph.operators[0].opcodeIndex = 99
    elif what == "size":
        graph.tensors[0].shape[0] = -7
        graph.tensors[0].shapeSignature = None
    elif what == "no graph":
        model.subgraphs = []


KINDS = ["output", "input of an operator", "buffer", "operator code", "size", "no graph"]


@pytest.mark.parametrize("what", KINDS)
def test_a_graph_that_does_not_hold_together(what: str, tiny_tflite: Any, tmp_path: Path) -> None:
    model = tiny_tflite.build()
    damaged(model, what)
    write_model(model, tmp_path / "net.tflite")
    with pytest.raises(ConverterError, match=r"net\.tflite is damaged"):
        read_graph(tmp_path / "net.tflite")


@pytest.mark.parametrize("what", ["output", "input of an operator", "operator code", "no graph"])
def test_normalising_breaks_with_a_sentence(
    what: str, tiny_tflite: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteRT lets some of these through, which the steps after it then trip over where no native engine is there."""
    model = tiny_tflite.build()
    damaged(model, what)
    write_model(model, tmp_path / "net.tflite")
    assert read_model(tmp_path / "net.tflite") is not None
    for check in ("refuse_damaged", "TfliteSource._try_out"):
        monkeypatch.setattr(f"edgequant_converters.sources._tflite.{check}", lambda *_: None)
    monkeypatch.setattr("edgequant_converters.sources._tflite.open_model", _refuses)
    with pytest.raises(ConverterError, match=r"net\.tflite|refused"):
        convert(tmp_path / "net.tflite", tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()


def _refuses(path: Path) -> Any:
    raise ConverterError("refused.")
