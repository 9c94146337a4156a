"""An .onnx file as a source: checked when it is read, raised to a new opset, and turned into LiteRT."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import SourceError, UnsupportedError, convert, sqnr_db
from edgequant_converters._endless_loops import endless_loop
from edgequant_converters._evaluate import open_model
from edgequant_converters.graph import read_graph
from edgequant_converters.sources import from_onnx
from edgequant_converters.sources._onnx_normalise import normalised

pytestmark = pytest.mark.torch_export

NAMES = ("mlp", "lenet", "mobilenetv2", "transformer", "lstm", "gru")


def weights(name: str, *shape: int, low: float = -0.5) -> onnx.TensorProto:
    values = np.random.default_rng(sum(shape)).uniform(low, 0.5, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def save_graph(
    path: Path, nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto], shape: list[Any], opset: int = 18
) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
        initializers,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def small_cnn(path: Path, shape: list[Any] | None = None, opset: int = 18) -> Path:
    """NCHW: convolution, max pooling, global average, fully connected."""
    return save_graph(
        path,
        [
            helper.make_node("Conv", ["x", "w", "b"], ["maps"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["maps"], ["active"]),
            helper.make_node("MaxPool", ["active"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("GlobalAveragePool", ["pooled"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Gemm", ["flat", "fc", "fc_bias"], ["y"]),
        ],
        [weights("w", 4, 3, 3, 3), weights("b", 4), weights("fc", 4, 5), weights("fc_bias", 5)],
        shape or ["batch", 3, 8, 8],
        opset,
    )


def tensorflow_style(path: Path) -> Path:
    """What tf2onnx writes for an NHWC Keras network: transposes at the edges, SAME padding, MatMul and Add."""
    to_nchw, to_nhwc = [0, 3, 1, 2], [0, 2, 3, 1]
    return save_graph(
        path,
        [
            helper.make_node("Transpose", ["x"], ["nchw"], perm=to_nchw),
            helper.make_node("Conv", ["nchw", "w", "b"], ["maps"], auto_pad="SAME_UPPER", strides=[2, 2]),
            helper.make_node("Clip", ["maps", "zero", "six"], ["active"]),
            helper.make_node("MaxPool", ["active"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Transpose", ["pooled"], ["nhwc"], perm=to_nhwc),
            helper.make_node("Reshape", ["nhwc", "shape"], ["flat"]),
            helper.make_node("MatMul", ["flat", "fc"], ["product"]),
            helper.make_node("Add", ["product", "fc_bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["y"], axis=1),
        ],
        [
            weights("w", 4, 3, 3, 3),
            weights("b", 4),
            weights("fc", 16, 5),
            weights("fc_bias", 5),
            numpy_helper.from_array(np.array([-1, 16], np.int64), "shape"),
            numpy_helper.from_array(np.float32(0), "zero"),
            numpy_helper.from_array(np.float32(6), "six"),
        ],
        ["batch", 8, 8, 3],
    )


def operators(path: Path) -> Counter[str]:
    return Counter(op.type for op in read_graph(path).ops)


def compared(source: Path, hub: Path, *, permuted: bool = False) -> float:
    """Return the lowest SQNR of the hub's outputs against the source's, on inputs that no check has used."""
    reference, model = open_model(source), open_model(hub)
    assert [s.name for s in model.inputs] == [s.name for s in reference.inputs]
    assert [s.name for s in model.outputs] == [s.name for s in reference.outputs]
    generator = np.random.default_rng(1234)
    inputs = {s.name: generator.standard_normal([max(n, 1) for n in s.shape]).astype(s.dtype) for s in reference.inputs}
    fed = {name: np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if permuted else x for name, x in inputs.items()}
    pairs = zip(reference.run(inputs), model.run(fed), strict=True)
    return min(sqnr_db(expected, computed) for expected, computed in pairs)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES])
def test_exported_graphs_become_litert(name: str, hubs: Callable[[str, str], Path], tmp_path: Path) -> None:
    path = hubs(name, ".onnx")
    from_onnx(path).write_litert(tmp_path / "model.tflite")
    reference, model = open_model(path), open_model(tmp_path / "model.tflite")
    x = np.random.default_rng(5).standard_normal(reference.inputs[0].shape).astype(np.float32)
    (expected,), (computed,) = (m.run({reference.inputs[0].name: x}) for m in (reference, model))
    assert np.abs(expected - computed).max() <= 1e-5
    assert sqnr_db(expected, computed) >= 100
    assert [s.name for s in model.outputs] == ["output"]
    if name in ("lenet", "mobilenetv2"):
        assert operators(tmp_path / "model.tflite")["TRANSPOSE"] == (name == "mobilenetv2")


@pytest.mark.parametrize("layout", [None, "nhwc"])
def test_free_batch(layout: str | None, tmp_path: Path) -> None:
    source = from_onnx(small_cnn(tmp_path / "net.onnx"), input_layout=layout)
    assert source.description == "net.onnx (ONNX)"
    source.write_litert(tmp_path / "model.tflite")
    source.write_onnx(tmp_path / "model.onnx")
    image = (8, 8, 3) if layout else (3, 8, 8)
    assert open_model(tmp_path / "model.tflite").inputs[0].shape == (1, *image)
    assert open_model(tmp_path / "model.onnx").inputs[0].shape == (-1, *image)
    assert operators(tmp_path / "model.tflite")["TRANSPOSE"] == (layout is None)
    for hub in ("model.tflite", "model.onnx"):
        assert compared(tmp_path / "net.onnx", tmp_path / hub, permuted=layout is not None) >= 100


def test_networks_of_tensorflow_stay_nhwc(tmp_path: Path) -> None:
    from_onnx(tensorflow_style(tmp_path / "net.onnx")).write_litert(tmp_path / "model.tflite")
    assert compared(tmp_path / "net.onnx", tmp_path / "model.tflite") >= 100
    found = operators(tmp_path / "model.tflite")
    assert found["TRANSPOSE"] == 0
    assert found["FULLY_CONNECTED"] == 1
    assert found["ADD"] == found["BATCH_MATMUL"] == 0


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 16])
def test_old_opsets_are_raised(opset: int, tmp_path: Path) -> None:
    path = small_cnn(tmp_path / "net.onnx", [1, 3, 8, 8], opset)
    from_onnx(path).write_onnx(tmp_path / "model.onnx")
    raised = onnx.load(tmp_path / "model.onnx")
    assert raised.opset_import[0].version >= 17
    assert {value.name for value in raised.graph.value_info} >= {"maps", "pooled"}
    assert compared(path, tmp_path / "model.onnx") >= 100


def test_an_old_opset_is_raised_where_an_output_has_lost_its_shape() -> None:
    """As a computed one has where sizes are given; with their own opset, weights by the channel have no QDQ form."""
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Slice", ["sizes", "zero", "one"], ["batch"]),
        helper.make_node("Cast", ["batch"], ["small"], to=onnx.TensorProto.INT32),
        helper.make_node("Cast", ["small"], ["large"], to=onnx.TensorProto.INT64),
        helper.make_node("Concat", ["large", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    constants = [
        onnx.numpy_helper.from_array(np.array([value]), name) for name, value in (("zero", 0), ("one", 1), ("rest", -1))
    ]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "graph", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    assert normalised(model, frozenset()).opset_import[0].version >= 17


def test_newer_opsets_stay(tmp_path: Path) -> None:
    from_onnx(small_cnn(tmp_path / "net.onnx", opset=20)).write_onnx(tmp_path / "model.onnx")
    assert onnx.load(tmp_path / "model.onnx").opset_import[0].version == 20


def test_weights_that_are_listed_as_inputs(tmp_path: Path) -> None:
    model = onnx.load(small_cnn(tmp_path / "net.onnx", [1, 3, 8, 8]))
    listed = [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in model.graph.initializer]
    model.graph.input.extend(listed)
    onnx.save(model, tmp_path / "net.onnx")
    source = from_onnx(tmp_path / "net.onnx")
    source.write_onnx(tmp_path / "model.onnx")
    source.write_litert(tmp_path / "model.tflite")
    for hub in ("model.onnx", "model.tflite"):
        assert [s.name for s in open_model(tmp_path / hub).inputs] == ["x"]


def test_functions_of_the_model_are_inlined(tmp_path: Path) -> None:
    function = helper.make_function(
        "mine", "Twice", ["a"], ["c"],
        [helper.make_node("Add", ["a", "a"], ["c"])], [helper.make_opsetid("", 18)],
    )  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("Twice", ["x"], ["y"], domain="mine")],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    onnx.save(helper.make_model(graph, functions=[function], opset_imports=opsets, ir_version=8), tmp_path / "net.onnx")
    from_onnx(tmp_path / "net.onnx").write_litert(tmp_path / "model.tflite")
    assert operators(tmp_path / "model.tflite") == {"ADD": 1}


def test_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    model = onnx.load(small_cnn(tmp_path / "whole.onnx"))
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    from_onnx(tmp_path / "net.onnx").write_onnx(tmp_path / "model.onnx")
    assert compared(tmp_path / "whole.onnx", tmp_path / "model.onnx") == 300
    (tmp_path / "net.data").unlink()
    with pytest.raises(SourceError, match=r"net\.onnx keeps its weights in net\.data, which is missing: put it beside"):
        from_onnx(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not an ONNX model"),
        ("half", "is not an ONNX model, or is cut short"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "holds no graph"),
    ],
    ids=["empty", "image", "half", "no graph"],
)
def test_files_that_are_no_models(content: Any, message: str, tmp_path: Path) -> None:
    path = small_cnn(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content == "half" else content)
    with pytest.raises(SourceError, match=message) as caught:
        from_onnx(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["nowhere.onnx", "."])
def test_missing_files(path: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is not a file: give an \.onnx model"):
        from_onnx(tmp_path / path)


def test_invalid_graphs(tmp_path: Path) -> None:
    path = save_graph(tmp_path / "net.onnx", [helper.make_node("Add", ["x", "nothing"], ["y"])], [], [1, 4])
    with pytest.raises(SourceError, match="is not a valid ONNX model: Nodes in a graph must be topologically sorted"):
        from_onnx(path)


def test_nodes_that_litert_cannot_say_are_all_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["a"], name="places"),
        helper.make_node("Unique", ["x"], ["b"], name="kinds"),
        helper.make_node("Cast", ["a"], ["y"], to=1),
        helper.make_node("Abs", ["b"], ["z"]),
    ]
    source = from_onnx(save_graph(tmp_path / "net.onnx", nodes, [], [1, 3, 3]))
    with pytest.raises(UnsupportedError, match=r"NonZero 'places': .*; Unique 'kinds': .*or write \.onnx"):
        source.write_litert(tmp_path / "model.tflite")


def test_free_sizes_beyond_the_batch(tmp_path: Path) -> None:
    source = from_onnx(small_cnn(tmp_path / "net.onnx", ["batch", 3, "height", "width"]))
    source.write_onnx(tmp_path / "model.onnx")
    with pytest.raises(
        UnsupportedError, match=r"axis 2 of the input 'x' has a free size.*as --input-shape x=1,3,\?,\?"
    ):
        source.write_litert(tmp_path / "model.tflite")


def looping(path: Path, condition: list[onnx.NodeProto], rounds: str) -> Path:
    """Return a graph that doubles x as long as a condition, made in the body from `on`, says so."""
    body = helper.make_graph(
        [*condition, helper.make_node("Add", ["before", "before"], ["after"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [1, 3]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [1, 3]),
        ],
    )
    named = {"most": 2**63 - 1, "billion": 10**9, "four": 4, "yes": True}
    constants = [numpy_helper.from_array(np.array(value), name) for name, value in named.items()]
    largest = helper.make_node("Constant", [], ["largest"], value_int=2**63 - 1)
    again = helper.make_node("Identity", ["largest"], ["largest again"])
    loop = helper.make_node("Loop", [rounds, "", "x"], ["y"], "again", body=body)
    return save_graph(path, [largest, again, loop], constants, [1, 3])


TRUE = helper.make_node("Constant", [], ["go_on"], value=numpy_helper.from_array(np.array(True), "true"))
KEPT = helper.make_node("Identity", ["on"], ["go_on"])
OUTER = helper.make_node("Identity", ["yes"], ["go_on"])
TURNED = helper.make_node("Not", ["on"], ["go_on"])


@pytest.mark.parametrize(
    ("condition", "rounds"),
    [(TRUE, ""), (KEPT, ""), (OUTER, ""), (KEPT, "most"), (KEPT, "billion"), (KEPT, "largest again")],
)
def test_a_loop_without_an_end_is_refused_before_it_runs(
    tmp_path: Path, condition: onnx.NodeProto, rounds: str
) -> None:
    with pytest.raises(SourceError, match="the Loop 'again' has no end"):
        from_onnx(looping(tmp_path / "net.onnx", [condition], rounds))


@pytest.mark.parametrize(("condition", "rounds"), [(TRUE, "four"), (TURNED, ""), (TURNED, "most")])
def test_a_loop_that_ends_is_read(tmp_path: Path, condition: onnx.NodeProto, rounds: str) -> None:
    from_onnx(looping(tmp_path / "net.onnx", [condition], rounds))


def test_weights_in_another_file_are_no_constants_of_loops(tmp_path: Path) -> None:
    model = onnx.load(looping(tmp_path / "net.onnx", [KEPT], "most"))
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
    assert endless_loop(model.graph) is None


def stateful(path: Path) -> Path:
    """Return a graph with a state whose second axis is the batch."""
    batch = {"x": ["batch", "features"], "state": [2, "batch", 4], "y": [2, "batch", 4]}
    value = {name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in batch.items()}
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=1, axes=[1]),
        helper.make_node("Add", ["mean", "state"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "net", [value["x"], value["state"]], [value["y"]])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_free_sizes_are_asked_for_at_once(tmp_path: Path) -> None:
    source = from_onnx(stateful(tmp_path / "net.onnx"))
    asked = r"axis 1 of the input 'x' and axis 1 of the input 'state' have.*=1,\? --input-shape state=2,1,4\."
    with pytest.raises(UnsupportedError, match=asked):
        source.write_litert(tmp_path / "model.tflite")


def test_a_given_size_holds_wherever_the_graph_has_its_name(tmp_path: Path) -> None:
    source = from_onnx(stateful(tmp_path / "net.onnx"), input_shapes=["x=1,6"])
    source.write_litert(tmp_path / "model.tflite")
    assert [i.shape for i in open_model(tmp_path / "model.tflite").inputs] == [(1, 6), (2, 1, 4)]


def test_graphs_that_are_not_finite(tmp_path: Path) -> None:
    nodes = [helper.make_node("Sub", ["x", "x"], ["zero"]), helper.make_node("Div", ["zero", "zero"], ["y"])]
    source = from_onnx(save_graph(tmp_path / "net.onnx", nodes, [], [1, 4]))
    with pytest.raises(SourceError, match="gives NaN or infinity on random inputs"):
        source.write_onnx(tmp_path / "model.onnx")


def test_graphs_of_positive_inputs(tmp_path: Path) -> None:
    path = save_graph(tmp_path / "net.onnx", [helper.make_node("Log", ["x"], ["y"])], [], [1, 4])
    from_onnx(path).write_onnx(tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").is_file()


def test_no_torch_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgequant_converters._extras.find_spec", lambda name: None)
    source = from_onnx(small_cnn(tmp_path / "net.onnx"))
    source.write_onnx(tmp_path / "model.onnx")
    source.write_litert(tmp_path / "model.tflite")
    assert open_model(tmp_path / "model.tflite").inputs[0].name == "x"


def audio_network(path: Path, window: int) -> Path:
    """A convolution over audio of any length, from `window` samples up."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, "samples"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, None])
    weights = numpy_helper.from_array(np.random.default_rng(0).normal(size=(2, 1, window)).astype(np.float32), "w")
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "audio", [x], [y], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_free_size_that_must_not_be_1_is_measured_all_the_same(tmp_path: Path) -> None:
    report = convert(audio_network(tmp_path / "audio.onnx", 5), tmp_path / "out.onnx", quantize="dynamic")
    assert report.sqnr_db is not None and report.sqnr_db > 25


def test_a_network_that_random_inputs_do_not_suit_asks_for_data(tmp_path: Path) -> None:
    network, output = audio_network(tmp_path / "audio.onnx", 100), tmp_path / "out.onnx"
    with pytest.raises(SourceError, match=r"random inputs \('x' \(1, 1, 8\)\), .*: give calibration data, whose sizes"):
        convert(network, output)
    data = np.random.default_rng(0).normal(size=(8, 1, 1, 300)).astype(np.float32)
    report = convert(network, output, quantize="int8", calibration=list(data))
    assert report.sqnr_db is not None and report.sqnr_db > 25


def test_what_has_no_range_or_no_known_type_stays_as_it_is(tmp_path: Path) -> None:
    """A softmax of float64, and a product of what an operator of another domain gives: onnxruntime failed on both."""
    nodes = [
        helper.make_node("Scaler", ["x"], ["scaled"], domain="ai.onnx.ml", offset=[0.5], scale=[2.0]),
        helper.make_node("MatMul", ["scaled", "w"], ["scores"]),
        helper.make_node("Cast", ["scores"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Softmax", ["wide"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.DOUBLE, [1, 6])
    graph = helper.make_graph(nodes, "graph", [x], [y], [weights("w", 4, 6)])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    source = tmp_path / "source.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), source)
    samples = np.random.default_rng(2).normal(size=(40, 4)).astype(np.float32)
    for scheme, given in (("dynamic", None), ("int8", samples)):
        report = convert(source, tmp_path / f"{scheme}.onnx", quantize=scheme, calibration=given)
        assert report.sqnr_db is not None and report.sqnr_db > 30
