"""Two models side by side: activations matched, graphs cut, layers run alone."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import SourceError, UnsupportedError, convert, sqnr_db
from edgequant_converters.layers import LayerPair
from edgequant_converters.layers._match import ALIAS

RNG = np.random.default_rng(0)
FIRST, SECOND = (RNG.normal(size=(6, 6)).astype(np.float32) for _ in range(2))


def residual(path, *, rename="", second=SECOND, gemm=False):
    """Write relu(x @ FIRST) + x @ SECOND, whose two products are of one type and read one tensor."""

    def named(name):
        return f"{rename}{name}"

    def product(name, matrix, output):
        if gemm:
            return helper.make_node("Gemm", ["x", named(matrix)], [named(output)], name, transB=1)
        return helper.make_node("MatMul", ["x", named(matrix)], [named(output)], name)

    nodes = [
        product("one", "first", "left"),
        product("two", "second", "right"),
        helper.make_node("Relu", [named("left")], [named("cut")]),
        helper.make_node("Add", [named("cut"), named("right")], ["y"]),
    ]
    matrices = {"first": FIRST, "second": second}
    constants = [
        numpy_helper.from_array(np.ascontiguousarray(m.T if gemm else m), named(n)) for n, m in matrices.items()
    ]
    edges = [helper.make_tensor_value_info(edge, TensorProto.FLOAT, [1, 6]) for edge in "xy"]
    graph = helper.make_graph(nodes, "residual", edges[:1], edges[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def pair_of(reference, model, folder):
    work = folder / f"work-{reference.stem}-{model.stem}"
    work.mkdir()
    return LayerPair(reference, model, work, [(0, 0)], [(0, 0)])


def samples(count=5):
    return [{"x": RNG.normal(size=(1, 6)).astype(np.float32)} for _ in range(count)]


@pytest.mark.parametrize("rename", ["", "other_"])
def test_siblings_of_one_type_are_told_apart_by_name_or_order(tmp_path, rename):
    pair = pair_of(residual(tmp_path / "a.onnx"), residual(tmp_path / "b.onnx", rename=rename), tmp_path)
    assert [(layer.name, layer.ops) for layer in pair.layers] == [
        ("x", ()), ("left", ("MatMul",)), ("right", ("MatMul",)), ("cut", ("Relu",)), ("y", ("Add",)),
    ]  # fmt: skip
    assert [layer.inputs for layer in pair.layers] == [(), (0,), (0,), (1,), (2, 3)]
    for values in pair.run([samples(1)[0]["x"]]):
        assert np.array_equal(values.reference, values.accumulated)
        assert np.array_equal(values.exact, values.alone)


def test_an_error_is_the_own_one_of_a_single_layer(tmp_path):
    model = residual(tmp_path / "b.onnx", second=2 * SECOND)
    pair = pair_of(residual(tmp_path / "a.onnx"), model, tmp_path)
    for sample in samples():
        values = dict(zip((layer.name for layer in pair.layers), pair.run([sample["x"]]), strict=True))
        assert [name for name, v in values.items() if not np.allclose(v.exact, v.alone)] == ["right"]
        assert [name for name, v in values.items() if not np.allclose(v.reference, v.accumulated)] == ["right", "y"]
        expected = np.maximum(sample["x"] @ FIRST, 0) + sample["x"] @ SECOND
        assert values["y"].exact == pytest.approx(expected, abs=1e-5)
        assert values["y"].accumulated == pytest.approx(expected + sample["x"] @ SECOND, abs=1e-5)


def test_integer_layers_alone_round_what_they_read(tmp_path):
    reference = residual(tmp_path / "a.onnx")
    convert(reference, tmp_path / "b.onnx", quantize="int8", calibration=[sample["x"] for sample in samples(50)])
    pair = pair_of(reference, tmp_path / "b.onnx", tmp_path)
    assert pair.unmatched == ("left", "right"), "fused: the Relu into the first product, the second one into the sum"
    assert [layer.inputs for layer in pair.layers] == [(), (0,), (0, 1)]
    grids = {layer.name: layer.grid for layer in pair.layers}
    sample = samples(1)[0]
    values = dict(zip(grids, pair.run([sample["x"]]), strict=True))
    x = grids["x"].to_real(grids["x"].to_integers(sample["x"]))
    assert np.array_equal(values["x"].alone, x)
    assert values["cut"].exact == pytest.approx(np.maximum(x @ FIRST, 0), abs=1e-5)
    for name, grid in grids.items():
        steps = values[name].alone / grid.scale
        assert steps == pytest.approx(np.rint(steps), abs=1e-3), name
        assert sqnr_db(values[name].exact, values[name].alone) > 25


def test_weights_are_laid_side_by_side_even_if_transposed(tmp_path):
    reference, gemm = residual(tmp_path / "a.onnx"), residual(tmp_path / "b.onnx", gemm=True)
    pair = pair_of(reference, gemm, tmp_path)
    by_name = {layer.name: pair.weights(number) for number, layer in enumerate(pair.layers)}
    assert by_name["x"] is None
    assert by_name["y"] is None
    for name, matrix in (("left", FIRST), ("right", SECOND)):
        assert np.array_equal(by_name[name].reference, matrix)
        assert np.array_equal(by_name[name].model, matrix)
        assert by_name[name].axis == 1


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("conv_quantized", "conv"), ("conv_dequant", "conv"), ("conv_int8", "conv"), ("conv", "conv"),
        ("conv_QuantizeLinear_Input", "conv"), ("conv_DequantizeLinear_Output_1", "conv"), ("conv_1", "conv_1"),
    ],
)  # fmt: skip
def test_names_that_quantizers_make(name, plain):
    assert ALIAS.sub("", name) == plain


def test_files_that_cannot_be_compared(tmp_path):
    reference = residual(tmp_path / "a.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(reference.read_bytes()[:100])
    with pytest.raises(SourceError):
        pair_of(reference, damaged, tmp_path)
    alone = helper.make_graph(
        [helper.make_node("Shape", ["x"], ["y"])],
        "shape",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [2])],
    )
    onnx.save(helper.make_model(alone, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "s.onnx")
    with pytest.raises(UnsupportedError, match="give two models of the same network"):
        pair_of(reference, tmp_path / "s.onnx", tmp_path)
