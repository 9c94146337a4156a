"""What logits have in common takes no range before a softmax, which does not see it."""

from pathlib import Path

import numpy as np

from edgequant_converters import convert
from edgequant_converters._centred import centred
from edgequant_converters.ir import Builder, Graph, Model, Tensor, read_ir, write_ir
from edgequant_converters.tflite import read_model

DRAW = np.random.default_rng(4)


def classifier(folder: Path, *, shows_logits: bool = False) -> Path:
    """Write a layer whose logits have much in common, and a softmax."""
    build = Builder(Graph(inputs=[Tensor("x", (1, 16))]))
    weights = DRAW.normal(0, 0.4, (4, 16)) + DRAW.normal(0, 12, 16)
    logits = build.fully_connected(build.graph.inputs[0], build.constant(weights, np.float32))
    build.graph.outputs = [build.unary("SOFTMAX", logits, beta=1.0), *([logits] if shows_logits else [])]
    names = ["y", "logits"][: len(build.graph.outputs)]
    (folder / "hub.tflite").write_bytes(write_ir(Model([build.graph], ["x"], names)))
    return folder / "hub.tflite"


def test_what_logits_have_in_common_costs_nothing(tmp_path: Path) -> None:
    samples = DRAW.normal(size=(60, 1, 16)).astype(np.float32)
    hub = classifier(tmp_path)
    plain = convert(hub, tmp_path / "0.tflite", quantize="int8", calibration=samples, effort=0)
    report = convert(hub, tmp_path / "1.tflite", quantize="int8", calibration=samples)
    assert plain.sqnr_db is not None and report.sqnr_db is not None
    assert report.sqnr_db > plain.sqnr_db + 10


def test_logits_that_others_see_stay(tmp_path: Path) -> None:
    hub = classifier(tmp_path, shows_logits=True)
    assert centred(hub) == hub


def test_only_weights_and_biases_differ(tmp_path: Path) -> None:
    hub = classifier(tmp_path)
    before, after = (read_ir(read_model(path)).main for path in (hub, centred(hub)))
    rows, own = (graph.operators[0].given[1].values for graph in (before, after))
    assert np.abs(own.mean(axis=0)).max() < 1e-5
    assert np.allclose(rows - own, (rows - own)[0], atol=1e-5)
