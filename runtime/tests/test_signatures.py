"""A file with several signatures: each is run under its own names, by every engine that runs such files, alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgequant_runtime import ModelError, Session
from edgequant_runtime._errors import EngineError

schema = pytest.importorskip("ai_edge_litert.schema_py_generated")


def signature(key: str, graph: int, inputs: dict[str, int], outputs: dict[str, int]) -> object:
    lists = [
        [schema.TensorMapT(name=name, tensorIndex=index) for name, index in names.items()]
        for names in (inputs, outputs)
    ]
    return schema.SignatureDefT(signatureKey=key, subgraphIndex=graph, inputs=lists[0], outputs=lists[1])


def two_graphs() -> bytes:
    """`add` and `sum` are of the first graph, x + y; `scale` of the second, 3 * y of any number of rows, and y - x."""
    import flatbuffers

    from .native.single_op import Model

    model = Model()
    x, y = model.input((2,), "FLOAT32"), model.input((2,), "FLOAT32")
    total = model.tensor((2,), "FLOAT32")
    model.operator("ADD", [x, y], [total], "AddOptions")
    second = model.subgraph()
    b = second.input((1, 2), "FLOAT32", signature=(-1, 2), name="second_y")
    a = second.input((1, 2), "FLOAT32", signature=(-1, 2), name="second_x")
    three = second.constant([3, 3], "FLOAT32")
    tripled, less = second.tensor((1, 2), "FLOAT32"), second.tensor((1, 2), "FLOAT32")
    second.operator("MUL", [b, three], [tripled], "MulOptions")
    second.operator("SUB", [b, a], [less], "SubOptions")
    second.outputs([tripled, less])
    unpacked = schema.ModelT.InitFromPackedBuf(model.finish([total]), 0)
    unpacked.signatureDefs = [
        signature("add", 0, {"x": x, "y": y}, {"sum": total}),
        signature("sum", 0, {"left": x, "right": y}, {"total": total}),
        signature("scale", 1, {"a": a, "b": b}, {"less": less, "tripled": tripled}),
    ]
    builder = flatbuffers.Builder(0)
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(params=["bytes", "file"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> bytes | Path:
    data = two_graphs()
    if request.param == "bytes":
        return data
    (tmp_path / "two.tflite").write_bytes(data)
    return tmp_path / "two.tflite"


@pytest.fixture(params=["native", "litert", "auto"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "litert":
        pytest.importorskip("ai_edge_litert")
    return str(request.param)


def test_each_signature_has_its_names_and_its_graph(model: bytes | Path, engine: str) -> None:
    x, y = np.array([1, 2], np.float32), np.array([10, 20], np.float32)
    one = Session(model, engine=engine, signature="sum")
    assert one.signature == "sum" and one.signatures == ("add", "sum", "scale")
    assert one.run({"left": x, "right": y})["total"].tolist() == [11, 22]
    other = Session(model, engine=engine, signature="scale").clone()
    assert [info.name for info in other.inputs] == ["b", "a"] and other.signature == "scale"
    assert [info.name for info in other.outputs] == ["tripled", "less"]
    for rows in (1, 3, 2):
        given = other.run({"a": np.tile(x, (rows, 1)), "b": np.tile(y, (rows, 1))})
        assert given["tripled"].tolist() == [[30, 60]] * rows and given["less"].tolist() == [[9, 18]] * rows


def test_views_and_bytes_of_a_signature(model: bytes | Path, engine: str) -> None:
    session = Session(model, engine=engine, signature="scale", input_shapes={"a": (2, 2), "b": (2, 2)})
    session.input_view("a")[...] = 1
    session.input_view("b")[...] = 2
    session.invoke()
    assert session.output_view("less").tolist() == [[1, 1], [1, 1]]
    session.reset()
    ones = np.ones((2, 2), np.float32).tobytes()
    assert session.run_bytes(ones, ones) == (np.full((2, 2), 3, np.float32).tobytes(), bytes(16))


def test_the_first_graph_is_run_where_none_is_asked_for(model: bytes | Path, engine: str) -> None:
    session = Session(model, engine=engine)
    assert session.signature == "add" and session.inputs[0].name == "tensor0"


def test_a_signature_that_is_not_there(model: bytes | Path, engine: str) -> None:
    with pytest.raises(ModelError, match=r"There is no signature 'less': .* has 'add', 'sum', 'scale'"):
        Session(model, engine=engine, signature="less")


def test_the_engine_itself_says_what_there_is(model: bytes | Path) -> None:
    from edgequant_runtime._engines._native import NativeModel
    from edgequant_runtime._model_file import read_model_file

    file = read_model_file(model)
    file.signature = "less"
    with pytest.raises(EngineError, match="there is no signature 'less': the model has 'add', 'sum', 'scale'"):
        NativeModel(file)
