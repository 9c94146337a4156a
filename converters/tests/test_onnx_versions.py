"""Written ONNX files open elsewhere; files that are newer than our ONNX Runtime are read."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import IDENTICAL_DB, UnsupportedError, convert
from edgequant_converters._onnx_write import fit_versions
from edgequant_converters.sources._onnx_versions import NEWEST_IR, NEWEST_OPSET

SCHEMES = ("fp32", "fp16", "bf16", "dynamic", "int8", "int16x8", "weight-int8", "weight-int4")


def dense(opset: int = 17, ir: int = 8, nodes: Any = None, initializers: Any = ()) -> onnx.ModelProto:
    weights = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    graph = helper.make_graph(
        nodes or [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Relu", ["p"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, None])],
        [numpy_helper.from_array(weights, "w"), *initializers],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def domains(nodes: Any) -> set[str]:
    return {node.domain for node in nodes}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_written_file_imports_what_it_uses(scheme: str, tmp_path: Path) -> None:
    source = dense(ir=10)
    source.opset_import.extend([helper.make_opsetid("ai.onnx.ml", 5), helper.make_opsetid("never.used", 1)])
    onnx.save(source, tmp_path / "in.onnx")
    data = np.random.default_rng(1).normal(size=(20, 64)).astype(np.float32)
    convert(tmp_path / "in.onnx", tmp_path / "out.onnx", quantize=scheme, calibration=data)
    written = onnx.load(tmp_path / "out.onnx")
    assert {entry.domain for entry in written.opset_import} == {"", *domains(written.graph.node)}
    assert written.ir_version == (10 if scheme == "int16x8" else 8)  # int16 activations need opset 21


def test_the_lowest_ir_version_of_types_functions_and_opsets() -> None:
    def fitted(model: onnx.ModelProto) -> int:
        fit_versions(model)
        return int(model.ir_version)

    assert fitted(dense(opset=9, ir=14)) == 4
    assert fitted(dense(opset=20, ir=14)) == 9
    int4 = helper.make_tensor("q", TensorProto.INT4, [2], [1, 2])
    assert fitted(dense(opset=17, ir=14, initializers=[int4])) == 10
    branch = helper.make_graph([helper.make_node("Constant", [], ["k"], value=int4)], "b", [], [])
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    assert fitted(dense(opset=17, ir=14, nodes=[node])) == 10
    called = dense(opset=12, ir=14, nodes=[helper.make_node("f", ["x"], ["y"], domain="own")])
    imports = [helper.make_opsetid("", 12), helper.make_opsetid("never.used", 1)]
    called.functions.append(
        helper.make_function("own", "f", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], imports)
    )
    called.opset_import.append(helper.make_opsetid("own", 1))
    assert fitted(called) == 8
    assert [entry.domain for entry in called.opset_import] == ["", "own"]
    assert [entry.domain for entry in called.functions[0].opset_import] == [""]


def opens(model: onnx.ModelProto) -> bool:
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        return False
    return True


def test_the_newest_versions_are_those_of_the_onnxruntime_beside_us() -> None:
    assert opens(dense(opset=NEWEST_OPSET, ir=NEWEST_IR))
    assert not opens(dense(opset=NEWEST_OPSET, ir=NEWEST_IR + 1))
    assert not opens(dense(opset=NEWEST_OPSET + 1, ir=NEWEST_IR))


@pytest.mark.parametrize(("opset", "ir"), [(17, 14), (28, 13), (28, 14)])
def test_a_file_that_is_too_new_for_onnxruntime_is_rewritten(opset: int, ir: int, tmp_path: Path) -> None:
    onnx.save(dense(opset, ir), tmp_path / "in.onnx")
    report = convert(tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert report.sqnr_db == IDENTICAL_DB
    assert opens(onnx.load(tmp_path / "out.onnx"))


def test_an_operator_that_cannot_be_lowered_is_named(tmp_path: Path) -> None:
    onnx.save(dense(28, 14, [helper.make_node("SwiGLU", ["x", "x"], ["y"])]), tmp_path / "in.onnx")
    with pytest.raises(UnsupportedError, match=r"opset 28.* up to 26.*\(SwiGLU\): export it with opset_version=26"):
        convert(tmp_path / "in.onnx", tmp_path / "out.onnx")


@pytest.mark.parametrize(("batch", "computed"), [(1, 0), ("n", 1)])
@pytest.mark.parametrize("given", ["sizes", "scales"])
def test_a_resize_of_two_axes_is_written_for_all(batch: int | str, computed: int, given: str, tmp_path: Path) -> None:
    # ONNX Runtime takes the sizes for those of all axes where its optimizer moves a Transpose past them, as it does
    # around layers in integers: the model does not open.
    rng = np.random.default_rng(0)
    name = "s"
    constants = [
        numpy_helper.from_array(rng.normal(size=(3, 3, 1, 1)).astype(np.float32), "w"),
        numpy_helper.from_array(np.array([16, 24]) if given == "sizes" else np.array([2, 3], np.float32), name),
    ]
    constants.append(numpy_helper.from_array(np.zeros(0, np.float32), "roi"))  # of no region, as exporters write it
    resize = ["c", "roi", "", name] if given == "sizes" else ["c", "", name]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Resize", resize, ["r"], axes=[-2, 3], mode="linear"),
        helper.make_node("Conv", ["r", "w"], ["y"]),
    ]
    shapes = [batch, 3, 8, 8], [batch, 3, 16, 24]
    values = [helper.make_tensor_value_info(*at) for at in zip("xy", [TensorProto.FLOAT] * 2, shapes, strict=True)]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], constants)
    source = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(source, tmp_path / "in.onnx")
    data = rng.normal(size=(32, 3, 8, 8)).astype(np.float32)
    expected = onnxruntime.InferenceSession(tmp_path / "in.onnx").run(None, {"x": data[:1]})[0]
    for scheme in ("fp32", "int8"):
        output = tmp_path / f"{scheme}.onnx"
        convert(tmp_path / "in.onnx", output, quantize=scheme, calibration=data if scheme == "int8" else None)
        found = onnxruntime.InferenceSession(output).run(None, {"x": data[:1]})[0]
        assert np.abs(found - expected).max() < (1e-5 if scheme == "fp32" else 0.1 * np.abs(expected).max())
        written = onnx.load(output).graph
        assert sum(node.op_type == "Shape" for node in written.node) == (computed if given == "sizes" else 0)
        assert name not in {tensor.name for tensor in written.initializer}
        assert not any(a.name == "axes" for node in written.node for a in node.attribute if node.op_type == "Resize")
