"""States that arithmetic carries from step to step stay in float, with their inputs and outputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime import Session

from edgequant_converters import convert
from edgequant_converters.ir import Builder, Graph, Model, Tensor, read_ir, write_ir
from edgequant_converters.tflite import read_model

RNG = np.random.default_rng(0)
UNITS = 16


def layer(build: Builder, x: Tensor, units: int = UNITS) -> Tensor:
    weights = RNG.normal(0, 0.3, (units, x.shape[-1])).astype(np.float32)
    return build.op("FULLY_CONNECTED", [x, build.constant(weights)], (1, units))


def cell(build: Builder, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return the answer and the next state (1, 2 * UNITS) of an LSTM whose state is h, and c beside it."""
    h = slice_of(build, state, 0)
    c = slice_of(build, state, UNITS)
    gates = [build.op("ADD", [layer(build, x), layer(build, h)], (1, UNITS)) for _ in range(4)]
    i, f, o = (build.op("LOGISTIC", [gate], (1, UNITS)) for gate in gates[:3])
    new = build.op("MUL", [i, build.op("TANH", [gates[3]], (1, UNITS))], (1, UNITS))
    c = build.op("ADD", [build.op("MUL", [f, c], (1, UNITS)), new], (1, UNITS))
    h = build.op("MUL", [o, build.op("TANH", [c], (1, UNITS))], (1, UNITS))
    return layer(build, h, 3), build.op("CONCATENATION", [h, c], (1, 2 * UNITS), axis=1)


def slice_of(build: Builder, state: Tensor, first: int) -> Tensor:
    places = [build.constant([0, first], np.int32), build.constant([1, UNITS], np.int32)]
    return build.op("SLICE", [state, *places], (1, UNITS))


def buffer(build: Builder, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return the answer and the next state of a network that keeps what it has seen."""
    places = [build.constant([0, 8], np.int32), build.constant([1, 2 * UNITS], np.int32)]
    whole = build.op("CONCATENATION", [state, x], (1, 2 * UNITS + 8), axis=1)
    kept = build.op("SLICE", [whole, *places], (1, 2 * UNITS))
    return layer(build, kept, 3), kept


def written(
    make: Any,
    folder: Path,
    names: tuple[str, str, str, str] = ("x", "state", "y", "next"),
    widths: tuple[int, int] = (8, 2 * UNITS),
    **options: Any,
) -> Path:
    """Write a network of two inputs of these widths in int8; `names` are those of inputs and outputs."""
    graph = Graph()
    build = Builder(graph)
    given = dict(zip(names[:2], widths, strict=True))
    graph.inputs = [Tensor(f"serving_default_{name}", (1, width)) for name, width in given.items()]
    graph.outputs = list(make(build, *graph.inputs))
    (folder / "float.tflite").write_bytes(write_ir(Model([graph], list(names[:2]), list(names[2:]))))
    data = [{name: RNG.normal(size=(1, width)).astype(np.float32) for name, width in given.items()} for _ in range(8)]
    convert(folder / "float.tflite", folder / "int8.tflite", quantize="int8", calibration=data, **options)
    return folder / "int8.tflite"


def test_the_cell_of_an_lstm_is_fed_back_in_float(tmp_path: Path) -> None:
    path = written(cell, tmp_path)
    session = Session(path, engine="native")
    assert [info.dtype.name for info in session.inputs] == ["int8", "float32"]
    assert [info.dtype.name for info in session.outputs] == ["int8", "float32"]
    operators = read_ir(read_model(path)).main.operators
    layers = [op for op in operators if op.code == "FULLY_CONNECTED"]
    assert len(layers) == 9 and {op.output.type for op in layers} == {"INT8"}
    scales = {float(op.given[0].quantization.scale[0]) for op in layers if op.given[0].quantization is not None}
    assert len(scales) == 3  # x, h and its next value: none has the scale of c


@pytest.mark.parametrize("options", [{"io": "int8"}, {"strict_int8": True}], ids=str)
def test_it_is_in_integers_where_they_are_asked_for(options: dict[str, Any], tmp_path: Path) -> None:
    session = Session(written(cell, tmp_path, **options))
    assert {info.dtype.name for info in (*session.inputs, *session.outputs)} == {"int8"}


def test_a_buffer_of_what_was_seen_is_in_integers(tmp_path: Path) -> None:
    session = Session(written(buffer, tmp_path))
    assert {info.dtype.name for info in (*session.inputs, *session.outputs)} == {"int8"}


def gru(build: Builder, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return the next state, and an answer of its shape."""
    shape = (1, UNITS)
    gate, new = (
        build.op(code, [build.op("ADD", [layer(build, x), layer(build, state)], shape)], shape)
        for code in ("LOGISTIC", "TANH")
    )
    rest = build.op("SUB", [build.constant(np.ones(shape, np.float32)), gate], shape)
    kept, added = build.op("MUL", [gate, state], shape), build.op("MUL", [rest, new], shape)
    after = build.op("ADD", [kept, added], shape)
    return after, layer(build, after)


def masked(build: Builder, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is heard of a signal, and the next state, in front of which a layer stands."""
    gate = build.op("LOGISTIC", [build.op("ADD", [layer(build, x), layer(build, state)], (1, UNITS))], (1, UNITS))
    after = build.op("TANH", [build.op("ADD", [layer(build, x, 8), layer(build, state, 8)], (1, 8))], (1, 8))
    return build.op("MUL", [gate, x], (1, UNITS)), after


def residual(build: Builder, x: Tensor, other: Tensor) -> tuple[Tensor, ...]:
    """Return what two signals are with something added."""
    return tuple(build.op("ADD", [one, layer(build, layer(build, one))], (1, UNITS)) for one in (x, other))


@pytest.mark.parametrize(
    ("make", "names", "width", "floats"),
    [
        (gru, ("x", "h", "h2", "y"), UNITS, {"h", "h2"}),
        (masked, ("x", "s", "y", "s2"), 8, set()),
        (residual, ("left", "right", "a", "b"), UNITS, set()),
    ],
    ids=["gru", "mask", "residual"],
)
def test_the_state_is_told_from_the_signal(
    make: Any, names: tuple[str, str, str, str], width: int, floats: set[str], tmp_path: Path
) -> None:
    session = Session(written(make, tmp_path, names, (UNITS, width)), engine="native")
    assert {info.name for info in (*session.inputs, *session.outputs) if info.dtype == np.float32} == floats
