"""LSTM, GRU and RNN, imported from ONNX, against ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from edgequant_converters import convert
from edgequant_converters.ir import write_ir
from edgequant_converters.passes import simplify

from .onnx_import_check import (
    Const,
    check,
    check_model,
    imported,
    model_of,
    rand,
    single_node,
    weight,
    with_onnxruntime,
)

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FEATURES, HIDDEN = 3, 4


def layer(
    op: str, directions: int = 1, *, steps: int = 7, batch: int = 2, state: bool = False, lengths: Any = None
) -> list[Any]:
    """Return the inputs of a layer."""
    rows = GATES[op] * HIDDEN
    states = [rand(directions, batch, HIDDEN, seed=9)] * (2 if op == "LSTM" else 1) if state else []
    return [
        rand(steps, batch, FEATURES), weight(directions, rows, FEATURES), weight(directions, rows, HIDDEN, seed=3),
        weight(directions, 2 * rows, seed=4), lengths, *states,
    ]  # fmt: skip


def codes(made: Any) -> list[str]:
    return [operator.code for operator in made.main.operators]


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("state", [False, True], ids=["zero", "given"])
@pytest.mark.parametrize("steps", [1, 3, 7])
def test_every_output(op: str, direction: str, state: bool, steps: int) -> None:
    inputs = layer(op, 2 if direction == "bidirectional" else 1, state=state, steps=steps)
    check(op, *inputs, outputs=3 if op == "LSTM" else 2, hidden_size=HIDDEN, direction=direction)


@pytest.mark.parametrize("scheme", ["fp32", "int8"])
def test_no_run_knows_of_the_one_before(scheme: str, tmp_path: Path) -> None:
    """LiteRT's LSTM keeps its state in variables: the second sample was computed from the first one's."""
    x, *weights = layer("LSTM", batch=1)
    named = {f"w{index}": each.value for index, each in enumerate(weights[:3])}
    node = helper.make_node("LSTM", ["x", *named], ["y"], hidden_size=HIDDEN)
    model = model_of([node], {"x": x}, [], named)
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [7, 1, 1, HIDDEN]))
    onnx.save(model, tmp_path / "net.onnx")
    samples = np.random.default_rng(2).uniform(-2, 2, (20, *x.shape)).astype(np.float32)
    convert(tmp_path / "net.onnx", tmp_path / "net.tflite", quantize=scheme, calibration=[{"x": x} for x in samples])
    convert(
        tmp_path / "net.tflite", tmp_path / "again.tflite", quantize=scheme, calibration=[{"x": x} for x in samples]
    )
    for name in ("net.tflite", "again.tflite"):
        for engine in ("native", "litert"):
            session = Session(tmp_path / name, engine=engine)
            first, _, again = (session.run(samples[index])["y"] for index in (0, 1, 0))
            np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_no_bias_and_no_cells_asked_for(op: str, direction: str) -> None:
    x, w, r, *_ = layer(op, 2 if direction == "bidirectional" else 1)
    check(op, x, w, r, hidden_size=HIDDEN, direction=direction, outputs=2)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("steps", [3, 7])
def test_sequences_of_other_lengths(op: str, direction: str, steps: int) -> None:
    lengths = np.array([2, steps], np.int32)
    for given in (lengths, Const(lengths)):
        inputs = layer(op, 2 if direction == "bidirectional" else 1, state=True, lengths=given, steps=steps)
        check(op, *inputs, outputs=2, hidden_size=HIDDEN, direction=direction)


def test_all_steps_is_no_length() -> None:
    made = check("LSTM", *layer("LSTM", lengths=Const(np.array([7, 7], np.int32))), hidden_size=HIDDEN)
    assert codes(made) == ["UNIDIRECTIONAL_SEQUENCE_LSTM", "RESHAPE"]


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("state", [False, True], ids=["zero", "given"])
def test_clip(op: str, state: bool) -> None:
    check(op, *layer(op, state=state), outputs=2, hidden_size=HIDDEN, clip=0.5)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_gru_that_resets_the_product(direction: str) -> None:
    inputs = layer("GRU", 2 if direction == "bidirectional" else 1, state=True)
    check("GRU", *inputs, outputs=2, hidden_size=HIDDEN, direction=direction, linear_before_reset=1)


ACTIVATIONS = (
    ["HardSigmoid", "Relu", "Softsign"], ["Sigmoid", "Relu", "Relu"], ["Sigmoid", "Elu", "HardSigmoid"],
    ["Sigmoid", "LeakyRelu", "ScaledTanh"], ["Affine", "Softplus", "Tanh"],
)  # fmt: skip


@pytest.mark.parametrize("names", ACTIVATIONS, ids=str)
def test_activations(names: list[str]) -> None:
    numbers = {"ScaledTanh": (0.5, 0.7), "Affine": (0.4, 0.1), "LeakyRelu": (0.2, None)}
    alphas = [numbers[name][0] for name in names if name in numbers]
    betas = [numbers[name][1] for name in names if name in numbers and numbers[name][1] is not None]
    how: dict[str, Any] = {"activations": names}
    how |= {"activation_alpha": alphas} if alphas else {}
    how |= {"activation_beta": betas} if betas else {}
    check("LSTM", *layer("LSTM"), hidden_size=HIDDEN, **how, rtol=1e-4)


def test_rnn_of_relu_is_fused() -> None:
    made = check("RNN", *layer("RNN"), hidden_size=HIDDEN, activations=["Relu"])
    assert codes(made)[0] == "UNIDIRECTIONAL_SEQUENCE_RNN"


def test_outputs_that_are_named_but_not_read_do_not_keep_an_lstm_from_being_fused() -> None:
    """PyTorch's TorchScript exporter names all three."""
    model, fed = single_node("LSTM", tuple(layer("LSTM")), {"hidden_size": HIDDEN}, 18, 3)
    assert len(model.graph.node[0].output) == 3
    del model.graph.output[1:]
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in codes(check_model(model, fed))


def test_what_only_the_body_of_a_loop_reads_is_read() -> None:
    model, fed = single_node("LSTM", tuple(layer("LSTM")), {"hidden_size": HIDDEN}, 18, 3)
    body = helper.make_graph(
        [helper.make_node("Add", ["y2", "y2"], ["twice"])], "then", [], [helper.make_empty_tensor_value_info("twice")]
    )
    other = helper.make_graph(
        [helper.make_node("Neg", ["y1"], ["less"])], "else", [], [helper.make_empty_tensor_value_info("less")]
    )
    model.graph.node.append(helper.make_node("If", ["which"], ["y3"], then_branch=body, else_branch=other))
    model.graph.input.append(
        helper.make_tensor_value_info("which", helper.np_dtype_to_tensor_dtype(np.dtype(bool)), [])
    )
    del model.graph.output[1:]
    model.graph.output.append(helper.make_tensor_value_info("y3", TensorProto.FLOAT, None))
    for which in (True, False):
        check_model(model, {**fed, "which": np.array(which)})


def test_peepholes() -> None:
    inputs = layer("LSTM", state=False)
    made = check("LSTM", *inputs, None, None, weight(1, 3 * HIDDEN), hidden_size=HIDDEN)
    assert codes(made)[0] == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    check("LSTM", *layer("LSTM", state=True), weight(1, 3 * HIDDEN), hidden_size=HIDDEN, outputs=3)


def test_coupled_gates() -> None:
    check("LSTM", *layer("LSTM"), hidden_size=HIDDEN, input_forget=1, outputs=3)


def test_weights_of_data() -> None:
    x, w, r, b, *_ = layer("GRU")
    check("GRU", x, w.value, r.value, b.value, hidden_size=HIDDEN)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_batch_first_lstm_of_50_steps_is_few_operators(batch: int) -> None:
    """What torch.onnx writes for two layers with batch_first, of which the second reads both ways."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["a", "w", "r", "b"], ["y1"], hidden_size=HIDDEN),
        helper.make_node("Squeeze", ["y1", "one"], ["s1"]),
        helper.make_node("Transpose", ["s1"], ["y"], perm=[1, 0, 2]),
    ]
    _x, w, r, b, *_ = layer("LSTM")
    weights = {"w": w.value, "r": r.value, "b": b.value, "one": np.array([1])}
    fed = {"x": rand(batch, 50, FEATURES)}
    model = model_of(nodes, fed, ["y"], weights)
    made = imported(model, fed)
    simplify(made)
    assert len(codes(made)) <= 3, codes(made)
    for engine in ("litert", "native"):
        value = Session(write_ir(made), engine=engine).run(fed)["y"]
        np.testing.assert_allclose(value, with_onnxruntime(model, fed)[0], rtol=1e-5, atol=2e-6)


def test_layout_of_batches_first() -> None:
    for op in ("LSTM", "GRU", "RNN"):
        x, w, r, b, *_ = layer(op)
        inputs = (np.ascontiguousarray(x.transpose(1, 0, 2)), w, r, b)
        model, fed = single_node(op, inputs, {"hidden_size": HIDDEN, "layout": 1}, 18, 2)
        expected = ReferenceEvaluator(model).run(None, fed)
        check(op, *inputs, hidden_size=HIDDEN, layout=1, outputs=2, expected=expected)
