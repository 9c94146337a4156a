"""Where a variable begins is stored as it is: what an engine runs before the first inference only assigns constants."""

from pathlib import Path

import numpy as np
import pytest
from edgequant_runtime import Session

from edgequant_converters import convert
from edgequant_converters.ir import Builder, Graph, Model, Tensor, read_ir, write_ir
from edgequant_converters.tflite import read_model

SHAPE = (1, 8192)
"""More values than a constant has that is stored in float32 for being small."""


def handle(build: Builder) -> Tensor:
    return build.ops("VAR_HANDLE", [], [((1,), "RESOURCE")], container="", sharedName="sum")[0]


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """A float model that adds its input to a variable, which begins as 0.1, and gives out the sum."""
    once, main = Graph(name="once"), Graph()
    build = Builder(once)
    begins = build.constant(np.full(SHAPE, 0.1, np.float32))
    build.ops("ASSIGN_VARIABLE", [handle(build), begins], [])
    build = Builder(main)
    x = Tensor("x", SHAPE)
    build.ops("CALL_ONCE", [], [], initSubgraphIndex=1)
    state = handle(build)
    total = build.op("ADD", [build.op("READ_VARIABLE", [state], SHAPE, "FLOAT32"), x], SHAPE)
    build.ops("ASSIGN_VARIABLE", [state, total], [])
    main.inputs, main.outputs = [x], [total]
    (tmp_path / "counter.tflite").write_bytes(write_ir(Model([main, once], ["x"], ["y"])))
    return tmp_path / "counter.tflite"


@pytest.mark.parametrize("scheme", ["fp16", "weight-int8", "dynamic"])
def test_a_variable_begins_as_it_did(scheme: str, counter: Path, tmp_path: Path) -> None:
    written = tmp_path / f"{scheme}.tflite"
    convert(counter, written, quantize=scheme)
    once = read_ir(read_model(written)).graphs[1]
    assert [operator.code for operator in once.operators] == ["VAR_HANDLE", "ASSIGN_VARIABLE"]
    (answer,) = Session(written, engine="native").run(np.ones(SHAPE, np.float32)).values()
    assert (answer == np.float32(0.1) + np.float32(1)).all()
