"""What logits have in common takes no range before a softmax, which does not see it."""

from pathlib import Path

import numpy as np
import pytest

from edgequant_converters import _quantize_hub, convert
from edgequant_converters._centred import centred
from edgequant_converters.ir import Builder, Graph, Model, Tensor, read_ir, write_ir
from edgequant_converters.tflite import read_model

DRAW = np.random.default_rng(4)


def classifier(folder: Path, *, shows_logits: bool = False, bias: tuple[int, ...] = (), table: str = "") -> Path:
    """Write a layer whose logits have much in common, and a softmax.

    The layer has a `bias` of a shape, if any; its weights are also the `table` of an embedding or of a transposition,
    a model's output, or written a second time.
    """
    build = Builder(Graph(inputs=[Tensor("x", (1, 16))]))
    weights = build.constant(DRAW.normal(0, 0.4, (4, 16)) + DRAW.normal(0, 12, 16), np.float32)
    own = build.constant(DRAW.normal(2, 3, bias), np.float32) if bias else None
    logits = build.fully_connected(build.graph.inputs[0], weights, own)
    build.graph.outputs = [build.unary("SOFTMAX", logits, beta=1.0), *([logits] if shows_logits else [])]
    if table:
        rows = weights if table != "COPY" else build.constant(weights.values.copy())
        order = build.constant([1, 0], np.int32)
        shape = {"TRANSPOSE": (16, 4), "GATHER": (2, 16)}.get(table, (4, 16))
        code = table if table in ("TRANSPOSE", "GATHER") else "NEG"
        made = rows if table == "OUTPUT" else build.op(code, [rows, order][: 1 if code == "NEG" else 2], shape)
        build.graph.outputs.append(made)
    names = ["y", "other"][: len(build.graph.outputs)]
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


@pytest.mark.parametrize("table", ["GATHER", "TRANSPOSE", "OUTPUT", "COPY"])
def test_weights_that_others_read_stay(tmp_path: Path, table: str) -> None:
    hub = classifier(tmp_path, table=table)
    assert centred(hub) == hub


@pytest.mark.parametrize("bias", [(4,), (1, 4)])
def test_a_bias_loses_its_mean(tmp_path: Path, bias: tuple[int, ...]) -> None:
    hub = classifier(tmp_path, bias=bias)
    before, after = (read_ir(read_model(path)).main.operators[0].given[2].values for path in (hub, centred(hub)))
    assert after.shape == bias
    assert np.allclose(after, before - before.mean(), atol=1e-6)
    assert np.abs(after).max() > 0.1


def test_what_is_written_is_measured_against_the_network_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = classifier(tmp_path / "other")
    monkeypatch.setattr(_quantize_hub, "centred", lambda hub: other)
    samples = DRAW.normal(size=(60, 1, 16)).astype(np.float32)
    report = convert(classifier(tmp_path), tmp_path / "1.tflite", quantize="int8", calibration=samples)
    assert report.sqnr_db is not None and report.sqnr_db < 6
