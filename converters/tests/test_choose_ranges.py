"""Ranges are chosen by what they do to the outputs."""

from pathlib import Path

import numpy as np

from edgequant_converters import convert
from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir

DRAW = np.random.default_rng(6)
LAYERS = [DRAW.normal(0, 0.15, (64, 64)) for _ in range(6)]


def network(folder: Path) -> Path:
    """Write layers of which the first cuts off at 6 what lies beyond: outliers of the input say nothing."""
    build = Builder(Graph(inputs=[Tensor("x", (1, 64))]))
    x = build.unary("RELU6", build.graph.inputs[0])
    for weights in LAYERS:
        x = build.unary("RELU", build.fully_connected(x, build.constant(weights, np.float32)))
    build.graph.outputs = [x]
    (folder / "float.tflite").write_bytes(write_ir(Model([build.graph], ["x"], ["y"])))
    return folder / "float.tflite"


def test_outliers_that_say_nothing_are_cut_off(tmp_path: Path) -> None:
    samples = DRAW.normal(size=(80, 1, 64)).astype(np.float32)
    samples[7, 0, 3] = 400
    plain = convert(network(tmp_path), tmp_path / "0.tflite", quantize="int8", calibration=samples, effort=0)
    chosen = convert(network(tmp_path), tmp_path / "1.tflite", quantize="int8", calibration=samples)
    assert chosen.sqnr_db is not None
    assert plain.sqnr_db is not None
    assert chosen.sqnr_db > plain.sqnr_db + 6
    assert plain.choices == ()
    assert chosen.choices[0].what == "minmax ranges"
    assert any(step.taken and step.what.startswith("percentile 99.9 ranges from") for step in chosen.choices)
    again = convert(network(tmp_path), tmp_path / "2.tflite", quantize="int8", calibration=samples)
    assert again.output.read_bytes() == chosen.output.read_bytes()
