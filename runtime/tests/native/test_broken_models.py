"""Files that are no models, or say impossible things: the engine refuses each with a sentence, and never crashes.

The damage is done to a good model, a convolution and an addition: tensors 0 input, 1 weights, 2 bias, 3 sum, 4 output.
"""

from __future__ import annotations

import copy
import re
import struct
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgequant_runtime import ModelError, check_tflite

from .oracle import NativeError, check, run_native
from .single_op import VALID, Model, Quantized
from .whole_files import ERROR_LIMIT, ERROR_MODEL, ERROR_UNSUPPORTED, Damage, buffer, pack, put, refusal, unpack


def good_model(dtype: str = "INT8") -> bytes:
    zero_point = 0 if dtype == "INT8" else 128
    model = Model()
    x = model.input((1, 4, 4, 2), dtype, Quantized(0.05, zero_point), name="image")
    scales = [0.1, 0.2, 0.3] if dtype == "INT8" else 0.1
    values = np.arange(6).reshape(3, 1, 1, 2) + zero_point
    w = model.constant(values, dtype, Quantized(scales, zero_point), name="weights")
    b = model.constant([1, 2, 3], "INT32", Quantized(np.multiply(scales, 0.05)), name="bias")
    y = model.tensor((1, 4, 4, 3), dtype, Quantized(0.02, zero_point), name="sum")
    z = model.tensor((1, 4, 4, 3), dtype, Quantized(0.04, zero_point), name="output")
    model.operator(
        "CONV_2D", [x, w, b], [y], "Conv2DOptions", strideW=1, strideH=1, version=3 if dtype == "INT8" else 1
    )
    model.operator("ADD", [y, y], [z], "AddOptions")
    return model.finish([z])


def both(*damages: Damage) -> Damage:
    def damage(model: Any) -> None:
        for each in damages:
            each(model)

    return damage


def tensor(index: int, **fields: Any) -> Damage:
    return lambda model: put(model.subgraphs[0].tensors[index], fields)


def quantization(index: int, **fields: Any) -> Damage:
    return lambda model: put(model.subgraphs[0].tensors[index].quantization, fields)


def operator(index: int, **fields: Any) -> Damage:
    return lambda model: put(model.subgraphs[0].operators[index], fields)


def graph(**fields: Any) -> Damage:
    return lambda model: put(model.subgraphs[0], fields)


def reverse_operators(model: Any) -> None:
    model.subgraphs[0].operators.reverse()


def add_orphan(model: Any) -> None:
    orphan = copy.deepcopy(model.subgraphs[0].tensors[4])
    model.subgraphs[0].tensors.append(orphan)
    model.subgraphs[0].operators[1].inputs = [3, 5]


def add_text_input(model: Any) -> None:
    model.subgraphs[0].tensors.append(schema.TensorT(shape=[4], type=schema.TensorType.STRING, name="text"))
    model.subgraphs[0].inputs = [0, 5]


def remove_graphs(model: Any) -> None:
    model.subgraphs = []


def old_version(model: Any) -> None:
    model.version = 2


def sparse(model: Any) -> None:
    model.subgraphs[0].tensors[1].sparsity = schema.SparsityParametersT()


def custom_quantization(model: Any) -> None:
    target = model.subgraphs[0].tensors[1].quantization
    target.detailsType = schema.QuantizationDetails.CustomQuantization
    target.details = schema.CustomQuantizationT(custom=np.zeros(4, np.uint8))


NAN, INF = float("nan"), float("inf")

BROKEN = {
    "sparse-in-no-dimension": (sparse, "its sparsity has levels that are not its dimensions"),
    "cycle": (
        operator(0, inputs=[4, 1, 2]),
        "tensor 4 'output': CONV_2D (operator 0) reads it before operator 1 writes it",
    ),
    "operator-reads-its-output": (operator(0, inputs=[3, 1, 2]), "reads it before operator 0 writes it"),
    "operators-in-wrong-order": (
        reverse_operators,
        "tensor 3 'sum': ADD (operator 0) reads it before operator 1 writes it",
    ),
    "writes-a-constant": (
        operator(1, outputs=[1]),
        "tensor 1 'weights': ADD (operator 1) writes it, and it is a constant",
    ),
    "never-written": (add_orphan, "tensor 5 'output': ADD (operator 1) reads it, and nothing gives it a value"),
    "output-never-written": (graph(operators=[]), "it is an output of the model, and nothing gives it a value"),
    "input-is-a-constant": (graph(inputs=[0, 1]), "tensor 1 'weights': it is an input of the model and a constant"),
    "variable-is-a-constant": (tensor(1, isVariable=True), "tensor 1 'weights': it is a variable and a constant"),
    "operator-input-out-of-range": (operator(0, inputs=[0, 1, 5]), "tensor 5 does not exist"),
    "operator-input-negative": (operator(0, inputs=[0, 1, -2]), "tensor -2 does not exist"),
    "operator-output-absent": (operator(0, outputs=[-1]), "tensor -1 does not exist"),
    "graph-output-out-of-range": (graph(outputs=[2**31 - 1]), "tensor 2147483647 does not exist"),
    "graph-input-absent": (graph(inputs=[-1]), "tensor -1 does not exist"),
    "operator-code-out-of-range": (
        operator(0, opcodeIndex=2),
        "operator 0 has the code 2, and the model has 2 of them",
    ),
    "no-graph": (remove_graphs, "the model has no graph"),
    "old-version": (old_version, "version 2 of the format"),
    "dimension-negative": (tensor(3, shape=[1, 4, -4, 3]), "dimension 2 is -4"),
    "dimension-free-but-not-said": (tensor(0, shape=[-1, 4, 4, 2]), "dimension 0 is -1"),
    "constant-too-short": (
        buffer(2, data=np.zeros(8, np.uint8)),
        "tensor 2 'bias': its shape and type need 12 bytes, and the file has 8",
    ),
    "constant-too-long": (buffer(1, data=np.zeros(7, np.uint8)), "its shape and type need 6 bytes, and the file has 7"),
    "constant-grows": (tensor(1, shape=[3, 1, 1, 2**20]), "its shape and type need 3145728 bytes"),
    "missing-buffer": (tensor(1, buffer=9), "tensor 1 'weights': its buffer 9 is not one of the model's 3"),
    "buffer-past-the-file": (buffer(1, data=None, offset=2**40, size=6), "its buffer 1 lies outside the file"),
    "buffer-overflows": (buffer(1, data=None, offset=64, size=2**64 - 32), "its buffer 1 lies outside the file"),
    "too-few-zero-points": (quantization(1, zeroPoint=[0]), "it has 3 scales and 1 zero points"),
}

NO_POSITIVE = "has a tensor with a scale that is no positive number"
OTHER_NUMBER = "has a tensor with another number of scales than of channels"
NO_DIMENSION = "has a tensor with scales for a dimension that it does not have"
OUTSIDE_ITS_TYPE = "has a tensor with a zero point outside its type's range"

# Another engine may run these: LiteRT does run most.
UNSUPPORTED = {
    "nine-dimensions": (tensor(3, shape=[1] * 9), "CONV_2D (operator 0): has a tensor of more than 8 dimensions"),
    "values-in-another-file": (
        tensor(1, buffer=0, externalBuffer=1),
        "has a tensor with its values in another file",
    ),
    "custom-quantization": (custom_quantization, "has a tensor with a quantization that is not linear"),
    "writes-a-variable": (
        tensor(3, isVariable=True),
        "has a tensor that is a variable, and written",
    ),
    "writes-an-input": (
        both(operator(1, outputs=[0]), graph(outputs=[0])),
        "has a tensor that is an input of the model, and written",
    ),
    "two-writers": (both(operator(1, outputs=[3]), graph(outputs=[3])), "has a tensor that is written twice"),
    "written-twice-by-one": (operator(1, outputs=[4, 4]), "has a tensor that is written twice"),
    "input-twice": (graph(inputs=[0, 0]), "has a tensor that is an input of the model twice"),
    "variable-is-an-input": (tensor(0, isVariable=True), "has a tensor that is an input of the model and a variable"),
    "text-input": (add_text_input, "the model's input 'text' is of type STRING"),
    "scale-nan": (quantization(0, scale=[NAN]), NO_POSITIVE),
    "scale-infinite": (quantization(0, scale=[INF]), NO_POSITIVE),
    "scale-negative": (quantization(1, scale=[0.1, -0.5, 0.1]), NO_POSITIVE),
    "scale-zero": (quantization(0, scale=[0.0]), "the input needs one scale, it has 0"),
    "too-few-scales": (quantization(1, scale=[0.1, 0.1], zeroPoint=[0, 0]), OTHER_NUMBER),
    "scales-of-no-axis": (quantization(1, quantizedDimension=4), NO_DIMENSION),
    "scales-of-negative-axis": (quantization(1, quantizedDimension=-1), NO_DIMENSION),
    "zero-point-past-int8": (quantization(0, zeroPoint=[128]), OUTSIDE_ITS_TYPE),
    "zero-point-past-int64": (quantization(0, zeroPoint=[-(2**63)]), OUTSIDE_ITS_TYPE),
}

TOO_LARGE = {
    "elements-overflow": (tensor(3, shape=[65536] * 4), "tensor 3 'sum': it has more than 2^31 - 1 elements"),
    "elements-overflow-behind-a-zero": (tensor(3, shape=[0, 65536, 65536]), "it has more than 2^31 - 1 elements"),
    "bytes-past-the-limit": (tensor(3, shape=[2**30 + 1]), "tensor 3 'sum': it needs 1073741825 bytes, past the limit"),
}


def test_the_good_model_is_good() -> None:
    check(good_model())
    check(pack(unpack(good_model())))  # with misaligned constants


@pytest.mark.parametrize("case", BROKEN)
def test_broken(case: str) -> None:
    damage, sentence = BROKEN[case]
    model = unpack(good_model())
    damage(model)
    error = refusal(pack(model))
    assert sentence in str(error)
    assert error.status == ERROR_MODEL
    with pytest.raises(ModelError, match=re.escape(sentence)):
        check_tflite(pack(model))


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_unsupported(case: str) -> None:
    damage, sentence = UNSUPPORTED[case]
    model = unpack(good_model())
    damage(model)
    error = refusal(pack(model))
    assert sentence in str(error)
    assert error.status == ERROR_UNSUPPORTED
    check_tflite(pack(model))


@pytest.mark.parametrize("case", TOO_LARGE)
def test_too_large(case: str) -> None:
    damage, sentence = TOO_LARGE[case]
    model = unpack(good_model())
    damage(model)
    error = refusal(pack(model))
    assert sentence in str(error)
    assert error.status == ERROR_LIMIT


def test_no_model() -> None:
    for data in (b"\0", b"TFL3", b"\0\0\0\0TFL2", bytes(1000)):
        assert "this is no .tflite file" in str(refusal(data))


@pytest.mark.parametrize("root", [0, 4, 8, 2**31 - 1, 2**31, 2**32 - 4])
def test_root_outside(root: int) -> None:
    assert refusal(struct.pack("<I", root) + good_model()[4:]).status == ERROR_MODEL


def test_every_offset_outside() -> None:
    """Each word in turn becomes a huge, a negative and a self-referring offset: refused, or still a model."""
    data = good_model()
    for place in range(0, len(data) - 4, 4):
        for word in (2**32 - 1, 2**31, 2**31 - 1, 0):
            damaged = data[:place] + struct.pack("<I", word) + data[place + 4 :]
            try:
                run_native(damaged, [])
            except NativeError as error:
                assert str(error)
            except AssertionError:
                pass  # other inputs than the test gives


def test_names_that_are_not_text() -> None:
    data = good_model().replace(b"image", b"im\xff\x07e")
    model = unpack(data.replace(b"im\xff\x07e", b"image"))
    quantization(0, zeroPoint=[0, 0])(model)
    damaged = pack(model).replace(b"image", b"im\xff\x07e")
    assert "tensor 0 'im??e'" in str(refusal(damaged))


# ---- what is odd, but was written by real converters ----


def test_axis_out_of_range_for_one_scale() -> None:
    model = unpack(good_model())
    quantization(0, quantizedDimension=7)(model)
    run_native(pack(model), [np.zeros((1, 4, 4, 2), np.int8)])


def test_bias_whose_scales_are_of_a_dimension_that_it_lacks() -> None:
    """Converters of TensorFlow Lite Micro give it the number of the weights' dimension; LiteRT refuses such files."""

    def run(axis: int) -> Any:
        rng, scales = np.random.default_rng(0), np.arange(1, 9) / 100
        model = Model()
        x, y = (
            model.input((1, 6, 6, 3), "INT8", Quantized(0.05, 3)),
            model.tensor((1, 6, 6, 8), "INT8", Quantized(0.9, -4)),
        )
        w = model.constant(rng.integers(-127, 128, (8, 3, 3, 3)), "INT8", Quantized(scales))
        b = model.constant(np.arange(8) * 50, "INT32", Quantized(scales * 0.05, 0, axis))
        model.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", strideW=1, strideH=1)
        (found,) = run_native(model.finish([y]), [rng.integers(-128, 128, (1, 6, 6, 3)).astype(np.int8)])
        return found

    np.testing.assert_array_equal(run(3), run(0))


def test_codes_of_old_files() -> None:
    model = unpack(good_model())
    for code in model.operatorCodes:
        code.builtinCode = 0
    check(pack(model))


def test_free_dimensions() -> None:
    for shape in ([1, 4, 4, 2], [-1, 4, 4, 2], [0, 4, 4, 2]):
        model = unpack(good_model())
        tensor(0, shape=shape, shapeSignature=[-1, 4, 4, 2])(model)
        run_native(pack(model), [np.zeros((1, 4, 4, 2), np.int8)])


def test_padding_of_what_is_not_quantized() -> None:
    model = Model()
    x = model.input((1, 4, 4, 2), "INT8", Quantized(0.05))
    padded = model.tensor((1, 6, 6, 2), "INT8")
    model.operator("PAD", [x, model.constant([[0, 0], [1, 1], [1, 1], [0, 0]], "INT32")], [padded], "PadOptions")
    y = model.tensor((1, 4, 4, 3), "INT8", Quantized(0.02))
    w = model.constant(np.ones((3, 3, 3, 2)), "INT8", Quantized([0.1, 0.2, 0.3]))
    model.operator("CONV_2D", [padded, w, -1], [y], "Conv2DOptions", padding=VALID, strideW=1, strideH=1)
    assert "the input needs one scale, it has 0" in str(refusal(model.finish([y])))


def test_values_after_the_flatbuffer() -> None:
    """Files of more than 2 GB have their buffers there."""
    model = unpack(good_model())
    values = bytes(model.buffers[1].data)
    size = len(pack(model))
    place = (size // 64 + 2) * 64
    buffer(1, data=None, offset=place, size=len(values))(model)
    data = pack(model)
    image = np.arange(32, dtype=np.int8).reshape(1, 4, 4, 2)
    moved = run_native(data.ljust(place, b"\0") + values, [image])
    assert moved[0].tobytes() == run_native(good_model(), [image])[0].tobytes()


def test_uint8_model() -> None:
    check(good_model("UINT8"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("FlexSoftplus", "not an operator of this engine, but of TensorFlow: convert without SELECT_TF_OPS"),
        ("edgetpu-custom-op", "compiled for Google's Edge TPU, and run there alone: take the model from before that"),
        ("ethos-u", "compiled for Arm's Ethos-U, and run there alone: take the model from before that"),
        ("PosenetDecoderOp", "not an operator of this engine"),
    ],
)
def test_says_where_foreign_operators_run(name: str, sentence: str) -> None:
    model = Model()
    x, y = model.input((4,), "FLOAT32"), model.tensor((4,), "FLOAT32")
    model.custom(name, [x], [y])
    with pytest.raises(NativeError, match=f"CUSTOM {name} .*: .*{sentence}$"):
        run_native(model.finish([y]), [np.zeros(4, np.float32)])
