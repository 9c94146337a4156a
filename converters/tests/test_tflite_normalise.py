from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

from edgequant_converters._evaluate import open_model
from edgequant_converters.tflite import ModelT, model_bytes, normalise, operator_name, read_model, write_model


@pytest.fixture
def model(tiny_tflite: Any) -> ModelT:
    model = read_model(model_bytes(tiny_tflite.build()))
    normalise(model)
    return model


def names(model: ModelT) -> list[bytes]:
    return [tensor.name for graph in model.subgraphs for tensor in graph.tensors]


def operators(model: ModelT) -> list[str]:
    return [operator_name(model, operator) for operator in model.subgraphs[0].operators]


def test_operators_are_where_the_quantizer_looks(model: ModelT) -> None:
    assert [code.builtinCode for code in model.operatorCodes] == [9, 19]
    assert operators(model) == ["FULLY_CONNECTED", "RELU"]


def test_tensor_names_become_unique(model: ModelT) -> None:
    assert len(set(names(model))) == 5
    assert names(model)[:3] == [b"input:0", b"dense/same", b"dense/same_1"]


def test_a_signature_with_readable_names_is_added(model: ModelT) -> None:
    interpreter = Interpreter(model_content=model_bytes(model), num_threads=1)
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["input"], "outputs": ["BiasAdd", "tensor"]}
    }


def test_a_signature_that_is_there_keeps_its_names(model: ModelT) -> None:
    from edgequant_converters.tflite import rename_io

    rename_io(model, ["args_0"], ["out/0", "out/1"])
    normalise(model)
    assert [entry.name for entry in model.signatureDefs[0].inputs] == [b"args_0"]
    assert [entry.name for entry in model.signatureDefs[0].outputs] == [b"out/0", b"out/1"]


def test_the_free_batch_becomes_one(model: ModelT, tmp_path: Path) -> None:
    write_model(model, tmp_path / "fixed.tflite")
    opened = open_model(tmp_path / "fixed.tflite")
    assert [spec.shape for spec in (*opened.inputs, *opened.outputs)] == [(1, 4), (1, 3), (1, 3)]


def test_sizes_that_are_free_beyond_the_batch_stay_free(tiny_tflite: Any) -> None:
    model = tiny_tflite.build()
    model.subgraphs[0].tensors[0].shapeSignature = [-1, -1]
    normalise(model)
    assert list(model.subgraphs[0].tensors[0].shapeSignature) == [1, -1]


def test_normalising_changes_no_value(model: ModelT, tiny_tflite: Any, tmp_path: Path) -> None:
    write_model(model, tmp_path / "tiny.tflite")
    x = np.random.default_rng(3).normal(size=(1, 4)).astype(np.float32)
    for computed, expected in zip(
        open_model(tmp_path / "tiny.tflite").run({"input": x}), tiny_tflite.expected(x), strict=True
    ):
        np.testing.assert_allclose(computed, expected, rtol=1e-6)


def test_normalising_twice_is_normalising_once(model: ModelT) -> None:
    once = model_bytes(model)
    normalise(model)
    assert model_bytes(model) == once


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside ai-edge-quantizer
def test_an_old_file_is_quantized_after_normalising(shared: Path) -> None:
    path = shared / "models" / "ad01_fp32.tflite"
    model = read_model(path)
    normalise(model)
    quantized = quantizer.Quantizer(model_bytes(model), recipe.dynamic_wi8_afp32()).quantize().quantized_model
    assert len(quantized) < 0.3 * path.stat().st_size


def test_shape_arithmetic_of_a_free_batch_is_folded(keras_folder: Path, tmp_path: Path) -> None:
    model = read_model(keras_folder / "free_batch.tflite")
    assert {"SHAPE", "STRIDED_SLICE", "PACK"} <= set(operators(model))
    normalise(model)
    assert operators(model) == ["CONV_2D", "RESHAPE"]
    write_model(model, tmp_path / "folded.tflite")
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype(np.float32)
    (computed,) = open_model(tmp_path / "folded.tflite").run({"image": x})
    (expected,) = open_model(keras_folder / "free_batch.tflite").run({"image": x})
    assert computed.shape == (1, 1024)
    np.testing.assert_array_equal(computed, expected)


def split_model(kind: str) -> ModelT:
    """Return y = part 1 of x (1, 6), taken by a SPLIT in three or an UNPACK; nobody reads the other parts."""
    count, size = (3, [1, 2]) if kind == "SPLIT" else (6, [1])
    axis = schema.TensorT(name=b"axis", shape=[], type=schema.TensorType.INT32, buffer=1)
    parts = [schema.TensorT(name=b"part%d" % n, shape=size, hasRank=True) for n in range(count)]
    options: Any = schema.SplitOptionsT(numSplits=3) if kind == "SPLIT" else schema.UnpackOptionsT(num=6, axis=-1)
    operator = schema.OperatorT(
        inputs=[1, 0] if kind == "SPLIT" else [0],
        outputs=list(range(2, 2 + count)),
        builtinOptionsType=getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T")),
        builtinOptions=options,
    )
    graph = schema.SubGraphT(
        tensors=[schema.TensorT(name=b"x", shape=[1, 6], hasRank=True), axis, *parts],
        inputs=[0], outputs=[3], operators=[operator],
    )  # fmt: skip
    code = schema.OperatorCodeT(builtinCode=getattr(schema.BuiltinOperator, kind), version=1)
    minus_one = schema.BufferT(data=np.frombuffer(np.int32(-1).tobytes(), np.uint8))
    return schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=[schema.BufferT(), minus_one])


@pytest.mark.parametrize(("kind", "expected"), [("SPLIT", [[2.0, 3.0]]), ("UNPACK", [1.0])])
def test_partly_read_splits_become_slices(kind: str, expected: list[Any], tmp_path: Path) -> None:
    model = split_model(kind)
    normalise(model)
    assert operators(model) == ["STRIDED_SLICE"]
    write_model(model, tmp_path / "slice.tflite")
    (computed,) = open_model(tmp_path / "slice.tflite").run({"x": np.arange(6, dtype=np.float32)[None]})
    assert computed.tolist() == expected
