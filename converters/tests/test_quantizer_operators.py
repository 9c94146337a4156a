"""Every row of the quantizer's table, as a model of one operator: LiteRT and the native engine run what is written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime import Session
from edgequant_runtime.isolation import current_process, engine_process

from edgequant_converters._metrics import sqnr_db
from edgequant_converters._request import QuantizationRequest
from edgequant_converters._schemes import Scheme
from edgequant_converters.ir import Builder, Graph, Model, Tensor, read_ir, write_ir
from edgequant_converters.quantizer import quantize_litert, watch_litert
from edgequant_converters.quantizer._specification import INT8, INT16, OPERATORS
from edgequant_converters.tflite import read_model

SHAPE = (2, 4, 5, 6)
KINDS = {Scheme.INT8: INT8, Scheme.INT16X8: INT16}
IO = {Scheme.INT8: "int8", Scheme.INT16X8: "int16"}
ENOUGH_DB = {Scheme.INT8: 25.0, Scheme.INT16X8: 40.0}


@dataclass
class Case:
    """A graph in the making, with seeded values for its inputs."""

    build: Builder = field(default_factory=lambda: Builder(Graph()))
    samples: list[np.ndarray] = field(default_factory=list)
    draw: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))

    def x(self, shape: tuple[int, ...] = SHAPE, low: float = -3.0, high: float = 2.0) -> Tensor:
        tensor = Tensor(f"x{len(self.samples)}", shape)
        self.build.graph.inputs.append(tensor)
        self.samples.append(self.draw.uniform(low, high, shape).astype(np.float32))
        return tensor

    def w(self, *shape: int) -> Tensor:
        return self.build.constant(self.draw.normal(size=shape).astype(np.float32))

    def i(self, values: Any) -> Tensor:
        return self.build.constant(values, np.int32)

    def op(self, code: str, inputs: list[Tensor | None], shape: tuple[int, ...] = SHAPE, **options: Any) -> Tensor:
        return self.build.op(code, inputs, shape, "FLOAT32", **options)


Maker = Callable[[Case, str], Tensor | list[Tensor]]


def window(shape: tuple[int, ...] = (1, 4, 4, 6)) -> dict[str, Any]:
    return {"padding": "SAME", "strideW": 1, "strideH": 1}


def conv(c: Case, code: str) -> Tensor:
    return c.op(code, [c.x((1, 6, 7, 8)), c.w(5, 3, 3, 8), c.w(5)], (1, 6, 7, 5), **window())


def depthwise(c: Case, code: str) -> Tensor:
    inputs: list[Tensor | None] = [c.x((1, 6, 7, 8)), c.w(1, 3, 3, 8), c.w(8)]
    return c.op(code, inputs, (1, 6, 7, 8), depthMultiplier=1, **window())


def transpose_conv(c: Case, code: str) -> Tensor:
    inputs: list[Tensor | None] = [c.i([1, 8, 10, 5]), c.w(5, 3, 3, 4), c.x((1, 4, 5, 4)), c.w(5)]
    return c.op(code, inputs, (1, 8, 10, 5), padding="SAME", strideW=2, strideH=2)


def lstm(c: Case, code: str) -> Tensor:
    x = c.x((2, 6, 5))
    gates: list[Tensor | None] = [*(c.w(4, 5) for _ in range(4)), *(c.w(4, 4) for _ in range(4))]
    states = [Tensor(f"state{i}", (2, 4), variable=True) for i in range(2)]
    inputs = [x, *gates, None, None, None, *(c.w(4) for _ in range(4)), None, None, *states, None, None, None, None]
    return c.op(code, inputs, (2, 6, 4), fusedActivationFunction="TANH", cellClip=10.0)


def unary(low: float = -3.0, high: float = 2.0, **options: Any) -> Maker:
    return lambda c, code: c.op(code, [c.x(low=low, high=high)], **options)


def binary(low: float = -3.0, **options: Any) -> Maker:
    return lambda c, code: c.op(code, [c.x(), c.x(SHAPE[2:], low=low)], **options)


def with_constant(c: Case, code: str) -> Tensor:
    return c.op(code, [c.x(), c.w(6)])


def compare(c: Case, code: str) -> Tensor:
    mask = c.build.op(code, [c.x(), c.x()], SHAPE, "BOOL")
    return c.op("SELECT_V2", [mask, c.x(), c.x()])


def arg(c: Case, code: str) -> Tensor:
    return c.build.op(code, [c.x(), c.i(3)], SHAPE[:3], "INT32", outputType="INT32")


def moved(shape: tuple[int, ...], *constants: Any, of: tuple[int, ...] = SHAPE, **options: Any) -> Maker:
    return lambda c, code: c.op(code, [c.x(of), *(c.i(values) for values in constants)], shape, **options)


def reduce(c: Case, code: str) -> Tensor:
    return c.build.reduce(code, c.x(), [1, 2], keep=False)


def joined(**options: Any) -> Maker:
    def make(c: Case, code: str) -> Tensor:
        return c.op(code, [c.x((2, 4, 5, 3)), c.x((2, 4, 5, 3), -1, 4)], **options)

    return make


def pool(c: Case, code: str) -> Tensor:
    return c.op(code, [c.x((1, 4, 4, 6))], (1, 4, 4, 6), filterWidth=3, filterHeight=3, **window())


def select(c: Case, code: str) -> Tensor:
    return c.op(code, [c.build.constant(c.draw.random(SHAPE) < 0.5), c.x(), c.x(low=-1, high=7)])


def several(shapes: list[tuple[int, ...]], inputs: Callable[[Case], list[Tensor]], **options: Any) -> Maker:
    return lambda c, code: c.build.ops(code, inputs(c), [(shape, "FLOAT32") for shape in shapes], **options)


def top_k(c: Case, code: str) -> Tensor:
    values = c.build.ops(code, [c.x(), c.i(3)], [((2, 4, 5, 3), "FLOAT32"), ((2, 4, 5, 3), "INT32")])
    return values[0]


CASES: dict[str, Maker] = {
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": lambda c, code: c.op(code, [c.x((3, 32)), c.w(6, 32), c.w(6)], (3, 6)),
    "TRANSPOSE_CONV": transpose_conv,
    "BATCH_MATMUL": lambda c, code: c.op(code, [c.x((2, 4, 6)), c.x((2, 6, 5))], (2, 4, 5)),
    **dict.fromkeys(("ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LOGISTIC", "RELU", "RELU6", "RELU_0_TO_1",
                     "RELU_N1_TO_1", "TANH", "L2_NORMALIZATION"), unary()),
    "LEAKY_RELU": unary(alpha=0.2),
    "SOFTMAX": unary(beta=1.0),
    **dict.fromkeys(("LOG", "RSQRT", "SQRT"), unary(0.5, 4)),
    **dict.fromkeys(("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM"), binary()),
    "DIV": binary(low=1),
    "PRELU": with_constant,
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), reduce),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), compare),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), arg),
    "BATCH_TO_SPACE_ND": moved((2, 4, 6, 3), [2, 2], [[0, 0], [0, 2]], of=(8, 2, 4, 3)),
    "SPACE_TO_BATCH_ND": moved((8, 2, 4, 3), [2, 2], [[0, 0], [0, 2]], of=(2, 4, 6, 3)),
    "BROADCAST_TO": moved(SHAPE, SHAPE, of=(4, 1, 6)),
    "EXPAND_DIMS": moved((2, 4, 5, 1, 6), 3),
    "GATHER": moved((2, 3, 5, 6), [3, 0, 1], axis=1),
    "GATHER_ND": moved((3, 5, 6), [[1, 3], [0, 2], [1, 0]]),
    "EMBEDDING_LOOKUP": lambda c, code: c.op(code, [c.i([2, 0, 3]), c.w(5, 6)], (3, 6)),
    "MIRROR_PAD": moved((2, 6, 6, 6), [[0, 0], [1, 1], [0, 1], [0, 0]], mode="REFLECT"),
    "PAD": moved((2, 7, 6, 8), [[0, 0], [1, 2], [0, 1], [2, 0]]),
    "PADV2": lambda c, code: c.op(
        code, [c.x(), c.i([[0, 0], [1, 2], [0, 1], [2, 0]]), c.build.constant(1.5, np.float32)], (2, 7, 6, 8)),
    "RESHAPE": moved((2, 20, 6), [2, 20, 6]),
    "RESIZE_NEAREST_NEIGHBOR": moved((2, 7, 9, 6), [7, 9], halfPixelCenters=True),
    "RESIZE_BILINEAR": moved((2, 7, 9, 6), [7, 9], halfPixelCenters=True),
    "REVERSE_V2": moved(SHAPE, [3]),
    "SLICE": moved((2, 3, 5, 4), [0, 1, 0, 2], [2, 3, 5, 4]),
    "STRIDED_SLICE": moved((2, 2, 5, 3), [0, 0, 0, 1], [2, 4, 5, 6], [1, 2, 1, 2]),
    "SPLIT": several([(2, 4, 5, 3)] * 2, lambda c: [c.i(3), c.x()], numSplits=2),
    "SPLIT_V": several([(2, 4, 5, 4), (2, 4, 5, 2)], lambda c: [c.x(), c.i([4, 2]), c.i(3)], numSplits=2),
    "SQUEEZE": moved((4, 6), of=(1, 4, 1, 6)),
    "TILE": moved((2, 8, 5, 18), [1, 2, 1, 3]),
    "TOPK_V2": top_k,
    "TRANSPOSE": moved((2, 6, 4, 5), [0, 3, 1, 2]),
    "UNPACK": several([SHAPE[1:]] * 2, lambda c: [c.x()], num=2, axis=0),
    "DEPTH_TO_SPACE": moved((2, 4, 6, 3), of=(2, 2, 3, 12), blockSize=2),
    "SPACE_TO_DEPTH": moved((2, 2, 3, 12), of=(2, 4, 6, 3), blockSize=2),
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), pool),
    "CONCATENATION": joined(axis=3),
    "PACK": lambda c, code: c.op(code, [c.x(), c.x(low=-1, high=4)], (2, *SHAPE), valuesCount=2, axis=0),
    "DYNAMIC_UPDATE_SLICE": lambda c, code: c.op(code, [c.x(), c.x((1, 2, 3, 6)), c.i([0, 1, 1, 0])]),
    **dict.fromkeys(("SELECT", "SELECT_V2"), select),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
    "NEG": unary(),
    "SQUARE": unary(),
}  # fmt: skip

EXTRA: dict[str, tuple[str, Maker]] = {
    "a product with constants": (
        "BATCH_MATMUL", lambda c, code: c.op(code, [c.x((2, 4, 6)), c.w(6, 5)], (2, 4, 5))),
    "a product with transposed constants": (
        "BATCH_MATMUL", lambda c, code: c.op(code, [c.x((2, 4, 6)), c.w(2, 5, 6)], (2, 4, 5), adjY=True)),
    "a sum with a constant": ("ADD", with_constant),
    "a maximum with a constant": (
        "MAXIMUM", lambda c, code: c.op(code, [c.x(), c.build.constant(0.25, np.float32)])),
}  # fmt: skip


def cases() -> Iterator[Any]:
    named = {**{code: (code, make) for code, make in CASES.items()}, **EXTRA}
    for name, (code, make) in named.items():
        for scheme, kind in KINDS.items():
            if code not in OPERATORS or kind in OPERATORS[code].types:
                yield pytest.param(code, make, scheme, id=f"{name}-{scheme}")


@pytest.fixture(scope="module", autouse=True)
def engines() -> Iterator[None]:
    with engine_process():
        yield


def test_every_operator_of_the_table_is_tried() -> None:
    assert set(OPERATORS) <= set(CASES)


@pytest.mark.parametrize(("code", "make", "scheme"), cases())
def test_an_operator_runs_in_integers(code: str, make: Maker, scheme: Scheme, tmp_path: Path) -> None:
    case = Case()
    made = make(case, code)
    graph = case.build.graph
    graph.outputs = made if isinstance(made, list) else [made]
    graph.name = "main"
    names = [tensor.name for tensor in graph.inputs]
    results = [f"y{i}" for i in range(len(graph.outputs))]
    (tmp_path / "float.tflite").write_bytes(write_ir(Model([graph], names, results)))
    expected, ranges = watched(tmp_path / "float.tflite", dict(zip(names, case.samples, strict=True)), results)
    written = tmp_path / "integers.tflite"
    request = QuantizationRequest(scheme, strict=code == "DIV")  # which else stays in float
    quantize_litert(read_model(tmp_path / "float.tflite"), written, request, IO[scheme], ranges)
    operators = read_ir(read_model(written)).main.operators
    own = [op for op in operators if op.code not in ("QUANTIZE", "DEQUANTIZE")]
    assert all(t.type != "FLOAT32" for op in own for t in (*op.given, *op.outputs)), own
    if code == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        assert -8 < ranges["state1"][0] < 0 < ranges["state1"][1] < 8  # the cell, as it was seen
    for engine in ("litert", "native"):
        session = Session(written, engine=engine)
        outputs = session.run(dict(zip(names, case.samples, strict=True)))
        for name in results:
            if np.issubdtype(outputs[name].dtype, np.floating):
                assert sqnr_db(expected[name], outputs[name]) > ENOUGH_DB[scheme], engine
            else:
                assert np.mean(outputs[name] == expected[name]) > 0.9, engine


def dead(case: Case, x: Tensor) -> Tensor:
    return case.op("RELU", [case.op("NEG", [case.op("ABS", [x])])])


@pytest.mark.parametrize("strict", [False, True], ids=["floats", "strict"])
@pytest.mark.parametrize("scheme", [Scheme.INT8, Scheme.INT16X8], ids=str)
@pytest.mark.parametrize("code", ["ADD", "SUB"])
@pytest.mark.parametrize(
    "other",
    [
        lambda case, x: case.build.constant(np.zeros(x.shape, np.float32)),
        lambda case, x: case.build.constant(np.full(x.shape, 1e-30, np.float32)),
        dead,
    ],
    ids=["zeros", "nearly zeros", "a ReLU that is always 0"],
)
def test_what_is_nothing_is_added_to_small_values(
    other: Any, code: str, scheme: Scheme, strict: bool, tmp_path: Path
) -> None:
    """It has no scale of its own; LiteRT aborts where a summand's steps are 2^19 times the sum's, 2^14 in int16."""
    case = Case()
    small = case.x(low=-1e-7, high=1e-7)
    made = other(case, small)
    case.build.graph.outputs = [case.op(code, [small, made])]
    path, written = tmp_path / "float.tflite", tmp_path / "written.tflite"
    path.write_bytes(write_ir(Model([case.build.graph], ["x0"], ["y"])))
    inputs = {"x0": case.samples[0]}
    expected, ranges = watched(path, inputs, ["y"])
    quantize_litert(read_model(path), written, QuantizationRequest(scheme, strict=strict), IO[scheme], ranges)
    session = current_process().open(written, engine="litert")
    if made.is_constant or not strict:
        assert sqnr_db(expected["y"], session.run(inputs)["y"]) > 30


def test_a_row_of_zeros_is_among_small_weights(tmp_path: Path) -> None:
    """As a padding token's in a language model; LiteRT does not open a layer with a scale far above the output's."""
    case = Case()
    weights = np.random.default_rng(0).normal(0, 1e-5, (6, 8)).astype(np.float32)
    weights[2] = 0
    case.build.graph.outputs = [
        case.op("FULLY_CONNECTED", [case.x((3, 8)), case.build.constant(weights)], (3, 6), keepNumDims=True)
    ]
    path, written = tmp_path / "float.tflite", tmp_path / "written.tflite"
    path.write_bytes(write_ir(Model([case.build.graph], ["x0"], ["y"])))
    inputs = {"x0": case.samples[0]}
    expected, ranges = watched(path, inputs, ["y"])
    quantize_litert(read_model(path), written, QuantizationRequest(Scheme.INT8), "int8", ranges)
    session = current_process().open(written, engine="litert")
    assert sqnr_db(expected["y"], session.run(inputs)["y"]) > 30


@pytest.mark.parametrize("scheme", [Scheme.INT8, Scheme.INT16X8])
def test_a_bias_of_two_axes_gets_a_scale_for_each_channel(scheme: Scheme, tmp_path: Path) -> None:
    case = Case()
    case.build.graph.outputs = [case.op("FULLY_CONNECTED", [case.x((3, 32)), case.w(6, 32), case.w(1, 6)], (3, 6))]
    path, written = tmp_path / "float.tflite", tmp_path / "written.tflite"
    path.write_bytes(write_ir(Model([case.build.graph], ["x0"], ["y"])))
    inputs = {"x0": case.samples[0]}
    expected, ranges = watched(path, inputs, ["y"])
    quantize_litert(read_model(path), written, QuantizationRequest(scheme), IO[scheme], ranges)
    for engine in ("litert", "native"):
        assert sqnr_db(expected["y"], Session(written, engine=engine).run(inputs)["y"]) > ENOUGH_DB[scheme]


def test_a_recurrent_layer_without_an_integer_kernel_stores_its_weights_in_int8(tmp_path: Path) -> None:
    case = Case()
    graph = case.build.graph
    graph.outputs = [lstm(case, "UNIDIRECTIONAL_SEQUENCE_LSTM")]
    path, written = tmp_path / "float.tflite", tmp_path / "written.tflite"
    path.write_bytes(write_ir(Model([graph], ["x0"], ["y"])))
    inputs = {"x0": case.samples[0]}
    expected, ranges = watched(path, inputs, ["y"])
    quantize_litert(read_model(path), written, QuantizationRequest(Scheme.INT16X8), "int16", ranges)
    (layer,) = [op for op in read_ir(read_model(written)).main.operators if op.code.endswith("LSTM")]
    assert layer.output.type == "FLOAT32" and {tensor.type for tensor in layer.inputs[1:9]} == {INT8}
    for engine in ("litert", "native"):
        assert sqnr_db(expected["y"], Session(written, engine=engine).run(inputs)["y"]) > 30


def watched(path: Path, inputs: dict[str, np.ndarray], results: list[str]) -> tuple[dict[str, np.ndarray], Any]:
    ranges = {name: (float(v.min()), float(v.max())) for name, v in watch_litert(read_model(path)).run(inputs)}
    outputs = Session(path, engine="litert").run(inputs)
    return {name: outputs[name] for name in results}, ranges
