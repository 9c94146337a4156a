"""Two integer layers that share a weight's zero point open, whatever ONNX Runtime's exact mode makes of them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgequant import Session, convert


def test_shared_zero_points_open(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(8, 8, 1, 1)).astype(np.float32)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8, 4, 4]) for name in "xy")
    nodes = [helper.make_node("Conv", ["x", "w"], ["p"]), helper.make_node("Conv", ["p", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(weights, "w")])
    source = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(source, tmp_path / "in.onnx")
    data = np.random.default_rng(1).uniform(-1, 1, (20, 8, 4, 4)).astype(np.float32)
    report = convert(tmp_path / "in.onnx", tmp_path / "out.onnx", quantize="int8", calibration=data)
    assert report.sqnr_db is not None
    assert report.sqnr_db > 30  # exact sums, or products in float where ONNX Runtime cannot have them exact: 37 dB
    assert Session(tmp_path / "out.onnx").run(data[:1])["y"].shape == (1, 8, 4, 4)
