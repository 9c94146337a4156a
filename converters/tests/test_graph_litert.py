"""The graph of .tflite files: built op by op, and the real networks whose figures are known."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgequant_converters import SourceError
from edgequant_converters.graph import ModelGraph, float_ops, read_graph
from edgequant_converters.tflite import write_model

FLOAT32, INT8, INT32 = schema.TensorType.FLOAT32, schema.TensorType.INT8, schema.TensorType.INT32
Operator = schema.BuiltinOperator


def tensor(model, name: str, shape: tuple[int, ...], kind: int = FLOAT32, *, constant: bool = False, **fields):
    """Add a tensor to the main graph and return its index."""
    made = schema.TensorT(shape=list(shape), type=kind, name=name.encode(), buffer=0, **fields)
    if constant:
        made.buffer = len(model.buffers)
        size = {FLOAT32: 4, INT8: 1, INT32: 4}[kind]
        model.buffers.append(schema.BufferT(data=np.zeros(int(np.prod(shape)) * size, np.uint8)))
    model.subgraphs[0].tensors.append(made)
    return len(model.subgraphs[0].tensors) - 1


def empty_model():
    graph = schema.SubGraphT(tensors=[], operators=[], inputs=[], outputs=[])
    return schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()], subgraphs=[graph])


def add_op(model, code: int, inputs: list[int], outputs: list[int], options=None, options_type: int = 0) -> None:
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=1))
    model.subgraphs[0].operators.append(
        schema.OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1,
            inputs=inputs,
            outputs=outputs,
            builtinOptions=options,
            builtinOptionsType=options_type,
        )
    )


def one_op(tmp_path: Path, code: int, inputs: list[tuple], output: tuple, **options) -> ModelGraph:
    """Write and read a model of one op; `inputs` are (shape, constant) or None for one left out."""
    model = empty_model()
    indices = [
        -1 if value is None else tensor(model, f"t{i}", value[0], constant=value[1]) for i, value in enumerate(inputs)
    ]
    out = tensor(model, "y", output)
    model.subgraphs[0].inputs = [i for i, v in zip(indices, inputs, strict=True) if v and not v[1]]
    model.subgraphs[0].outputs = [out]
    add_op(model, code, indices, [out], **options)
    write_model(model, tmp_path / "m.tflite")
    return read_graph(tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("code", "inputs", "output", "macs"),
    [
        (Operator.CONV_2D, [((1, 8, 8, 3), False), ((4, 3, 3, 3), True), ((4,), True)], (1, 8, 8, 4), 8 * 8 * 4 * 27),
        (Operator.DEPTHWISE_CONV_2D, [((1, 8, 8, 4), False), ((1, 3, 3, 4), True)], (1, 6, 6, 4), 6 * 6 * 4 * 9),
        (Operator.CONV_3D, [((1, 4, 4, 4, 2), False), ((3, 3, 3, 2, 5), True)], (1, 2, 2, 2, 5), 8 * 5 * 27 * 2),
        (Operator.TRANSPOSE_CONV, [((4,), True), ((6, 3, 3, 4), True), ((1, 5, 5, 4), False)], (1, 10, 10, 6),
         5 * 5 * 4 * 6 * 9),
        (Operator.FULLY_CONNECTED, [((2, 16), False), ((10, 16), True), None], (2, 10), 2 * 16 * 10),
        (Operator.BATCH_MATMUL, [((2, 3, 5), False), ((2, 5, 7), False)], (2, 3, 7), 2 * 3 * 5 * 7),
        (Operator.UNIDIRECTIONAL_SEQUENCE_LSTM,
         [((1, 9, 5), False), *[((6, 5), True)] * 4, *[((6, 6), True)] * 4, *[None] * 3, *[((6,), True)] * 4],
         (1, 9, 6), 9 * 4 * (6 * 5 + 6 * 6)),
        (Operator.ADD, [((4, 4), False), ((4, 4), True)], (4, 4), 0),
    ],
)  # fmt: skip
def test_macs_follow_the_operators_definition(tmp_path, code, inputs, output, macs):
    assert one_op(tmp_path, code, inputs, output).macs == macs


def test_a_transposed_first_factor_has_its_depth_in_front(tmp_path):
    options = schema.BatchMatMulOptionsT(adjX=True)
    graph = one_op(
        tmp_path, Operator.BATCH_MATMUL, [((2, 5, 3), False), ((2, 5, 7), False)], (2, 3, 7),
        options=options, options_type=schema.BuiltinOptions.BatchMatMulOptions,
    )  # fmt: skip
    assert graph.macs == 2 * 3 * 5 * 7


def test_newer_and_custom_operators_have_names(tmp_path):
    assert one_op(tmp_path, Operator.BATCH_MATMUL, [((2, 2), False)] * 2, (2, 2)).ops[0].type == "BATCH_MATMUL"
    assert one_op(tmp_path, Operator.GELU, [((2, 2), False)], (2, 2)).ops[0].type == "GELU"


def test_floats_between_integers_are_found_and_conversions_are_not_counted(tmp_path):
    model = empty_model()
    quantized = schema.QuantizationParametersT(scale=[0.5], zeroPoint=[2])
    x = tensor(model, "x", (2, 4), INT8, quantization=quantized, shapeSignature=[-1, 4])
    floats, logs = tensor(model, "floats", (2, 4)), tensor(model, "logs", (2, 4))
    y = tensor(model, "y", (2, 4), INT8, quantization=quantized)
    add_op(model, Operator.DEQUANTIZE, [x], [floats])
    add_op(model, Operator.LOG_SOFTMAX, [floats], [logs])
    add_op(model, Operator.QUANTIZE, [logs], [y])
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [x], [y]
    write_model(model, tmp_path / "m.tflite")
    graph = read_graph(tmp_path / "m.tflite")
    assert [(op.type, op.name) for op in float_ops(graph)] == [("LOG_SOFTMAX", "logs")]
    (read_x,) = (graph.tensors[i] for i in graph.inputs)
    assert (read_x.shape, read_x.scales, read_x.zero_points) == ((-1, 4), (0.5,), (2,))
    # x (free batch: 4 bytes) and floats (32), then floats and logs.
    assert graph.activation_peak_bytes == 64


def test_a_buffer_shared_by_two_tensors_counts_once(tmp_path):
    model = empty_model()
    x, w = tensor(model, "x", (1, 4)), tensor(model, "w", (4, 4), constant=True)
    again = tensor(model, "w_again", (4, 4))
    model.subgraphs[0].tensors[again].buffer = model.subgraphs[0].tensors[w].buffer
    a, y = tensor(model, "a", (1, 4)), tensor(model, "y", (1, 4))
    add_op(model, Operator.FULLY_CONNECTED, [x, w, -1], [a])
    add_op(model, Operator.FULLY_CONNECTED, [a, again, -1], [y])
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [x], [y]
    write_model(model, tmp_path / "m.tflite")
    assert read_graph(tmp_path / "m.tflite").weight_bytes == 64


def test_shapes_and_axes_are_constants_but_no_parameters(tmp_path):
    model = empty_model()
    x, shape = tensor(model, "x", (2, 6)), tensor(model, "shape", (2,), INT32, constant=True)
    y = tensor(model, "y", (3, 4))
    add_op(model, Operator.RESHAPE, [x, shape], [y])
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [x], [y]
    write_model(model, tmp_path / "m.tflite")
    graph = read_graph(tmp_path / "m.tflite")
    assert (graph.parameters, graph.weight_bytes) == (0, 8)


def test_an_op_that_refers_to_no_tensor_is_damage(tmp_path):
    model = empty_model()
    x = tensor(model, "x", (2, 6))
    add_op(model, Operator.ADD, [x, 17], [x])
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [x], [x]
    write_model(model, tmp_path / "m.tflite")
    with pytest.raises(SourceError, match="does not hold together"):
        read_graph(tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("name", "macs", "parameters", "ops", "dtype"),
    [
        ("pretrainedResnet.tflite", 12_501_632, 77_706, 16, "float32"),
        ("pretrainedResnet_quant.tflite", 12_501_632, 77_706, 16, "int8"),
        ("kws_ref_model.tflite", 2_656_768, 22_604, 13, "int8"),
        ("ad01_int8.tflite", 264_192, 265_864, 10, "int8"),
        ("ad01_fp32.tflite", 264_192, 265_864, 10, "float32"),
    ],
)  # fmt: skip
def test_the_figures_of_mlperf_tiny(shared, name, macs, parameters, ops, dtype):
    graph = read_graph(shared / "models" / name)
    assert (graph.macs, graph.parameters, len(graph.ops)) == (macs, parameters, ops)
    assert next(iter(graph.weight_dtypes)) == dtype
    assert len(float_ops(graph)) == (ops if dtype == "float32" else 0)


@pytest.mark.parametrize("keep", [0.001, 0.01, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused_or_read_whole(shared, tmp_path, keep):
    data = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(SourceError, match=r"m\.tflite (is|holds)"):
        read_graph(path)
