"""One ONNX node, or a graph of a few, against ONNX Runtime: through LiteRT, the native engine, and ONNX again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters._onnx_write import fit_versions
from edgequant_converters.ir import Model, write_ir
from edgequant_converters.onnx_export import export_onnx
from edgequant_converters.onnx_import import import_onnx


@dataclass(frozen=True)
class Const:
    """An input that is a weight of the graph."""

    value: Any


def rand(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).uniform(low, high, shape).astype(np.float32)


def ints(*values: int) -> Const:
    return Const(np.array(values, np.int64))


def floats(*values: float) -> Const:
    return Const(np.array(values, np.float32))


def weight(*shape: int, seed: int = 1) -> Const:
    return Const(rand(*shape, low=-1, high=1, seed=seed))


def model_of(
    nodes: list[onnx.NodeProto], fed: dict[str, np.ndarray], outputs: list[str], weights: dict[str, Any] | None = None,
    opset: int = 18,
) -> onnx.ModelProto:  # fmt: skip
    """Return a model whose outputs' types ONNX Runtime is to infer."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in fed.items()],
        [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()],
    )
    for output in graph.output:
        output.ClearField("type")
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def single_node(
    op: str, inputs: tuple, attributes: dict, opset: int, outputs: int
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Return a model of one node, and what to feed it."""
    names = ["" if value is None else f"x{i}" for i, value in enumerate(inputs)]
    named = {name: value for name, value in zip(names, inputs, strict=True) if name}
    fed = {name: value for name, value in named.items() if not isinstance(value, Const)}
    weights = {name: value.value for name, value in named.items() if isinstance(value, Const)}
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, name="node", **attributes)
    return model_of([node], fed, results, weights, opset), fed


def imported(model: onnx.ModelProto, fed: dict[str, np.ndarray]) -> Model:
    """Return the graph of LiteRT's operators, without those that nobody needs."""
    made = import_onnx(model, {name: value.shape for name, value in fed.items()})
    made.main.drop_unused()
    return made


def with_onnxruntime(model: onnx.ModelProto, fed: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, fed)


def check_model(
    model: onnx.ModelProto, fed: dict[str, np.ndarray], *, expected: list[np.ndarray] | None = None,
    engines: tuple[str, ...] = ("litert", "native"), rtol: float = 1e-5, atol: float = 2e-6,
    most: int | None = None,
) -> Model:  # fmt: skip
    """Compare with ONNX Runtime, or with what is expected; at most so many operators."""
    wanted = with_onnxruntime(model, fed) if expected is None else expected
    made = imported(model, fed)
    file = write_ir(made)
    for engine in engines:
        session = Session(file, engine=engine)
        actual = session.run(fed, raw=True)
        check_outputs(model, [actual[output.name] for output in model.graph.output], wanted, engine, rtol, atol)
    # ONNX has had BitCast since opset 26; ONNX Runtime casts uint32 as if it had a sign.
    if not any(word in str(made.main.operators) for word in ("BITCAST", "UINT32")):
        check_outputs(model, with_onnxruntime(as_onnx(made), fed), wanted, "onnx again", rtol, atol)
    codes = [operator.code for graph in made.graphs for operator in graph.operators]
    assert most is None or len(codes) <= most, codes
    return made


def check_outputs(
    model: onnx.ModelProto, actual: list[np.ndarray], wanted: list[np.ndarray], engine: str, rtol: float, atol: float
) -> None:
    for output, value, reference in zip(model.graph.output, actual, wanted, strict=True):
        assert (value.shape, value.dtype) == (reference.shape, reference.dtype), f"{engine}: {output.name}"
        np.testing.assert_allclose(value, reference, rtol=rtol, atol=atol, err_msg=f"{engine}: {output.name}")


def as_onnx(model: Model) -> onnx.ModelProto:
    """Return the graph written as ONNX again."""
    made = export_onnx(model)
    fit_versions(made)
    return made


def check(op: str, *inputs: Any, opset: int = 18, outputs: int = 1, **attributes: Any) -> Model:
    """Compare a node; `engines`, `rtol`, `atol`, `most` and `expected` are for check_model."""
    own = ("engines", "rtol", "atol", "most", "expected")
    options = {key: attributes.pop(key) for key in own if key in attributes}
    model, fed = single_node(op, inputs, attributes, opset, outputs)
    return check_model(model, fed, **options)


def check_case(case: tuple, checked: Callable[..., Model] = check) -> None:
    """Check (operator, inputs..., attributes), of which the last may be left out."""
    op, *inputs = case
    attributes = inputs.pop() if isinstance(inputs[-1], dict) else {}
    checked(op, *inputs, **attributes)
