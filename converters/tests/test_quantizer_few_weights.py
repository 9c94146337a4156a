"""Dynamic range leaves layers of few weights in float, as long as the file hardly grows."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from edgequant_converters import convert
from edgequant_converters.ir import Builder, Graph, Model, Tensor, read_ir, write_ir
from edgequant_converters.tflite import read_model

RNG = np.random.default_rng(0)


def kinds(sizes: list[int], folder: Path, keep_float: str | None = None) -> list[str]:
    """Return the types that the weights of a perceptron of these layers have in dynamic range; they are called y0..."""
    x = Tensor("x", (1, sizes[0]))
    graph = Graph(inputs=[x])
    build = Builder(graph)
    for number, (inputs, units) in enumerate(pairwise(sizes)):
        weights = build.constant(RNG.normal(size=(units, inputs)).astype(np.float32))
        x = build.op("FULLY_CONNECTED", [x, weights], (1, units))
        x.name = f"y{number}"
    graph.outputs = [x]
    (folder / "float.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    report = convert(folder / "float.tflite", folder / "dynamic.tflite", quantize="dynamic", keep_float=keep_float)
    layers = read_ir(read_model(folder / "dynamic.tflite")).main.operators
    found = [op.given[1].type for op in layers]
    assert found.count("FLOAT32") == len(report.float_ops)
    assert all("fewer than 1,024 weights" in op.reason for op in report.float_ops if keep_float is None)
    return found


def test_a_small_layer_beside_large_ones_stays_in_float(tmp_path: Path) -> None:
    assert kinds([16, 8, 300, 400], tmp_path) == ["FLOAT32", "INT8", "INT8"]


def test_small_layers_alone_are_in_int8(tmp_path: Path) -> None:
    assert kinds([16, 24, 32], tmp_path) == ["INT8", "INT8"]


def test_as_many_as_one_percent_allows_stay_in_float(tmp_path: Path) -> None:
    """Of two layers of 320 weights that with more scales grows less, and the file has no room for both."""
    assert kinds([40, 8, 40, 300, 200], tmp_path) == ["INT8", "FLOAT32", "INT8", "INT8"]


def test_what_is_kept_in_float_anyway_takes_no_room(tmp_path: Path) -> None:
    """Each of the layers of 320 weights alone has room, and the one that costs less is kept."""
    assert kinds([40, 8, 40, 300, 300], tmp_path, "y1") == ["FLOAT32", "FLOAT32", "INT8", "INT8"]
