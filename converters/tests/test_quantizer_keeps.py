"""What int8 would destroy is kept: mixed parts, masks, and results that are no quantities."""

from pathlib import Path

import numpy as np
import onnx
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import ConversionReport, convert
from edgequant_converters._metrics import sqnr_db
from edgequant_converters.ir import Builder, Graph, Model, Operator, Tensor, write_ir
from edgequant_converters.quantizer._masks import clip_saturated

DRAW = np.random.default_rng(3)
SAMPLES = DRAW.normal(size=(40, 1, 12)).astype(np.float32)
BOXES, SCORES = DRAW.normal(size=(4, 12)) * 100, DRAW.normal(size=(8, 12))


def detector(folder: Path) -> Path:
    """Write y = boxes in pixels and scores from 0 to 1 in one tensor, shifted to another shape."""
    graph = Graph(inputs=[Tensor("x", (1, 12))])
    build = Builder(graph)
    boxes = build.fully_connected(graph.inputs[0], build.constant(BOXES, np.float32))
    scores = build.unary("LOGISTIC", build.fully_connected(graph.inputs[0], build.constant(SCORES, np.float32)))
    graph.outputs = [build.reshape(build.concat([boxes, scores], 1), (1, 1, 12))]
    (folder / "detector.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    return folder / "detector.tflite"


def parts(written: Path) -> tuple[float, float]:
    """Return the SQNR of boxes and of scores."""
    session = Session(written)
    computed = np.concatenate([session.run(sample)["y"].reshape(1, 12) for sample in SAMPLES])
    flat = SAMPLES.reshape(-1, 12).astype(np.float64)
    boxes, scores = flat @ BOXES.T, 1 / (1 + np.exp(-flat @ SCORES.T))
    return sqnr_db(boxes, computed[:, :4]), sqnr_db(scores, computed[:, 4:])


def reasons(report: ConversionReport) -> dict[str, str]:
    return {op.type: op.reason for op in report.float_ops}


def test_parts_of_different_ranges_stay_apart(tmp_path: Path) -> None:
    report = convert(detector(tmp_path), tmp_path / "int8.tflite", quantize="int8", calibration=SAMPLES)
    assert min(parts(report.output)) > 30
    assert [spec.dtype.name for spec in (*report.inputs, *report.outputs)] == ["int8", "float32"]
    assert set(reasons(report)) == {"LOGISTIC", "CONCATENATION", "RESHAPE"}
    assert "one int8 scale" in reasons(report)["CONCATENATION"]


def test_strict_int8_keeps_nothing(tmp_path: Path) -> None:
    report = convert(
        detector(tmp_path), tmp_path / "int8.tflite", quantize="int8", calibration=SAMPLES, strict_int8=True
    )
    assert report.float_ops == ()
    assert report.outputs[0].dtype == np.int8
    assert parts(report.output)[1] < 15
    (warning,) = [text for text in report.warnings if "part" in text]
    assert "shares a scale with values from" in warning
    assert "convert without --strict-int8" in warning
    figures = report.to_dict()["outputs"][0]["parts"]
    assert [part["sqnr_db"] > 15 for part in figures] == [True, False]


def test_integers_that_were_asked_for_are_given(tmp_path: Path) -> None:
    report = convert(detector(tmp_path), tmp_path / "int8.tflite", quantize="int8", calibration=SAMPLES, io="int8")
    assert report.outputs[0].dtype == np.int8


def test_class_numbers_stay_numbers(tmp_path: Path) -> None:
    graph = Graph(inputs=[Tensor("x", (1, 12))])
    build = Builder(graph)
    scores = build.fully_connected(graph.inputs[0], build.constant(SCORES, np.float32))
    best = build.op("ARG_MAX", [scores, build.constant(1, np.int32)], (1,), "INT32", outputType="INT32")
    graph.outputs = [build.reshape(build.cast(best, "FLOAT32"), (1, 1))]
    (tmp_path / "classes.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    report = convert(tmp_path / "classes.tflite", tmp_path / "int8.tflite", quantize="int8", calibration=SAMPLES[:10])
    assert report.outputs[0].dtype == np.float32
    computed = [float(Session(report.output).run(sample)["y"][0, 0]) for sample in SAMPLES]
    assert set(computed) <= set(range(8))


def test_a_mask_does_not_take_the_scores_steps(tmp_path: Path) -> None:
    graph = Graph(inputs=[Tensor("x", (1, 12))])
    build = Builder(graph)
    scores = build.fully_connected(graph.inputs[0], build.constant(SCORES, np.float32))
    mask = np.where(np.arange(8) % 3 == 0, -np.inf, 0).astype(np.float32)
    graph.outputs = [build.unary("SOFTMAX", build.add(scores, build.constant(mask[None])), beta=1.0)]
    (tmp_path / "masked.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    report = convert(tmp_path / "masked.tflite", tmp_path / "int8.tflite", quantize="int8", calibration=SAMPLES)
    assert report.float_ops == ()
    assert report.sqnr_db is not None and report.sqnr_db > 25


def test_a_dead_channel_does_not_destroy_the_others(tmp_path: Path) -> None:
    weights = SCORES.copy()
    weights[0] = 1e-12  # its bias of 2 would need 40 bits at this scale
    graph = Graph(inputs=[Tensor("x", (1, 12))])
    build = Builder(graph)
    bias = build.constant([2.0, *[0.0] * 7], np.float32)
    graph.outputs = [build.fully_connected(graph.inputs[0], build.constant(weights, np.float32), bias)]
    (tmp_path / "dead.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    report = convert(tmp_path / "dead.tflite", tmp_path / "int8.tflite", quantize="int8", calibration=SAMPLES)
    assert report.sqnr_db is not None and report.sqnr_db > 35


def test_onnx_keeps_the_same_apart(tmp_path: Path) -> None:
    layers = [
        helper.make_node("MatMul", ["x", "B"], ["boxes"]),
        helper.make_node("MatMul", ["x", "S"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["joined"], "join", axis=1),
        helper.make_node("Reshape", ["joined", "shape"], ["y"]),
    ]
    constants = {"B": BOXES.T.astype(np.float32), "S": SCORES.T.astype(np.float32), "shape": np.array([1, 1, 12])}
    graph = helper.make_graph(
        layers,
        "detector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 12])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    source = tmp_path / "detector.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), source)
    report = convert(source, tmp_path / "int8.onnx", quantize="int8", calibration=SAMPLES)
    assert min(parts(report.output)) > 30
    assert "one int8 scale" in reasons(report)["Concat"]
    blind = convert(source, tmp_path / "blind.onnx", quantize="int8", calibration=SAMPLES, strict_int8=True)
    assert parts(blind.output)[1] < 15


def test_the_argument_of_a_silu_ends_where_it_is_flat() -> None:
    build = Builder(Graph(inputs=[Tensor("x", (1, 12))]))
    x = build.fully_connected(build.graph.inputs[0], build.constant(BOXES, np.float32))
    gate = build.unary("LOGISTIC", x)
    product = build.op("MUL", [x, gate], x.shape)
    build.graph.outputs = [product]
    kinds = dict.fromkeys(build.graph.operators, "INT8")
    ranges = {x.name: (-40.0, 5.0)}
    low, high = clip_saturated(build.graph, ranges, kinds)[x.name]
    assert high == 5.0
    assert -10 < low < -5
    assert abs(low / (1 + np.exp(-low))) < 5 / 255 / 2
    build.graph.outputs.append(x)  # a reader that tells all values apart
    assert clip_saturated(build.graph, ranges, kinds) == {}


def test_a_last_sigmoid_is_no_gate() -> None:
    build = Builder(Graph(inputs=[Tensor("x", (1, 12))]))
    x = build.fully_connected(build.graph.inputs[0], build.constant(BOXES, np.float32))
    build.graph.outputs = [build.unary("LOGISTIC", x)]
    kinds = dict.fromkeys(build.graph.operators, "INT8")
    assert clip_saturated(build.graph, {x.name: (-40.0, 40.0)}, kinds) == {x.name: (-8.0, 8.0)}


def test_a_slice_needs_no_steps_for_what_another_slice_holds() -> None:
    build = Builder(Graph(inputs=[Tensor("x", (1, 8))]))
    x = build.fully_connected(build.graph.inputs[0], build.constant(np.ones((8, 8)), np.float32))
    boxes, scores = Tensor("boxes", (1, 4)), Tensor("scores", (1, 4))
    build.graph.operators.append(Operator("SPLIT", [build.constant(1, np.int32), x], [boxes, scores], {"numSplits": 2}))
    build.graph.outputs = [build.unary("ABS", boxes), build.unary("LOGISTIC", scores)]
    ranges = {x.name: (-27.0, 18.0), "boxes": (-4.0, 18.0), "scores": (-27.0, 2.0)}
    assert clip_saturated(build.graph, ranges, dict.fromkeys(build.graph.operators, "INT8"))[x.name] == (-8.0, 18.0)


def test_a_join_that_the_user_keeps_gives_floats(tmp_path: Path) -> None:
    options = {"quantize": "int8", "calibration": SAMPLES, "keep_float": "CONCATENATION"}
    report = convert(detector(tmp_path), tmp_path / "int8.tflite", **options)
    assert min(parts(report.output)) > 30


def test_what_the_user_keeps_does_not_end_an_island(tmp_path: Path) -> None:
    """A root needs its argument's small values, which its addend and the squares before it have to give it."""
    graph = Graph(inputs=[Tensor("x", (1, 12))])
    build = Builder(graph)
    x = build.fully_connected(graph.inputs[0], build.constant(SCORES, np.float32))
    raised = build.add(build.mul(x, x), build.constant(np.full(1, 1e-3), np.float32))
    graph.outputs = [build.fully_connected(build.unary("SQRT", raised), build.constant(np.eye(8), np.float32))]
    (tmp_path / "magnitudes.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    options = {"quantize": "int8", "calibration": SAMPLES, "effort": 0}
    alone = convert(tmp_path / "magnitudes.tflite", tmp_path / "alone.tflite", **options)
    asked = convert(tmp_path / "magnitudes.tflite", tmp_path / "asked.tflite", keep_float="^ADD$", **options)
    assert {op.type for op in alone.float_ops} == {op.type for op in asked.float_ops} == {"MUL", "ADD", "SQRT"}
