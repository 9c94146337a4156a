"""A .tflite file becomes a graph and is written again: nothing that an engine sees of it changes."""

from pathlib import Path

import numpy as np
import pytest
from edgequant_runtime import Session, SessionError

from edgequant_converters.ir import Builder, Graph, Model, Quantization, Tensor, read_ir, write_ir
from edgequant_converters.tflite import read_model

ZOO = Path(__file__).parents[3] / "shared" / "zoo"


def seeded(session: Session) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    shapes = {info.name: [max(size, 1) for size in info.shape] for info in session.inputs}
    drawn = {info.name: 3 * draw.normal(size=shapes[info.name]) for info in session.inputs}
    # Integers may be places in a table, as words are: none below 0.
    return {
        info.name: (
            np.abs(drawn[info.name]) if info.dtype.kind in "iu" and not info.is_quantized else drawn[info.name]
        ).astype(info.dtype)
        for info in session.inputs
    }


def values(session: Session, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    outputs = session.run(inputs, raw=True)
    return [outputs[info.name] for info in session.outputs]


@pytest.mark.skipif(not ZOO.is_dir(), reason="the zoo of public models is not here")
@pytest.mark.parametrize("path", sorted(ZOO.glob("*.tflite")), ids=lambda path: path.stem)
def test_real_models_keep_their_outputs(path: Path) -> None:
    try:
        before = Session(path, engine="native")
    except SessionError:
        pytest.skip("the native engine does not run this file")
    after = Session(write_ir(read_ir(read_model(path))), engine="native")
    inputs = seeded(before)
    renamed = {info.name: value for info, value in zip(after.inputs, inputs.values(), strict=True)}
    for expected, value in zip(values(before, inputs), values(after, renamed), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_int4_values_and_their_scales_survive() -> None:
    graph = Graph(inputs=[Tensor("x", (1, 3))])
    build = Builder(graph)
    weights = build.constant(np.arange(-7, 8).reshape(5, 3), "int4", "weights")
    weights.quantization = Quantization(np.full(5, 0.5, np.float32), np.zeros(5, np.int64))
    graph.outputs = [build.fully_connected(graph.inputs[0], weights)]
    again = read_ir(read_model(write_ir(Model([graph], ["x"], ["y"]))))
    read = again.main.operators[0].inputs[1]
    assert read is not None and read.type == "INT4" and read.quantization is not None
    np.testing.assert_array_equal(read.values.astype(int), np.arange(-7, 8).reshape(5, 3))
    np.testing.assert_array_equal(read.quantization.scale, np.full(5, 0.5))
    assert (again.input_names, again.output_names) == (["x"], ["y"])


def test_equal_constants_are_stored_once() -> None:
    graph = Graph(inputs=[Tensor("x", (1, 1000))])
    build = Builder(graph)
    x = graph.inputs[0]
    for _ in range(3):
        x = build.add(x, build.constant(np.arange(1000, dtype=np.float32)))
    graph.outputs = [x]
    assert len(write_ir(Model([graph], ["x"], ["y"]))) < 2 * 4000


def test_options_that_the_schema_does_not_have_are_refused() -> None:
    graph = Graph(inputs=[Tensor("x", (1, 4))])
    graph.outputs = [Builder(graph).unary("SOFTMAX", graph.inputs[0], gamma=1.0)]
    with pytest.raises(ValueError, match="SoftmaxOptions has no field gamma"):
        write_ir(Model([graph], ["x"], ["y"]))
