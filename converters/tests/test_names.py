import onnx
import pytest
from edgequant_runtime import unique_names
from onnx import TensorProto, helper

from edgequant_converters._names import readable_names
from edgequant_converters.sources._onnx_names import rename_onnx_io
from edgequant_converters.sources._onnx_order import settle


@pytest.mark.parametrize(
    ("given", "readable"),
    [
        (["serving_default_image:0"], ["image"]),
        (["net/dense_1/Softmax;net/dense_1/BiasAdd"], ["Softmax"]),
        (["StatefulPartitionedCall:0", "StatefulPartitionedCall:1"], ["output", "output_1"]),
        (["keras_tensor_12", "Identity_3"], ["output", "output_1"]),
        (["a", "a", "a_1"], ["a", "a_2", "a_1"]),
        (["", "a b-c"], ["output", "a_b_c"]),
    ],
)
def test_names_of_converters_become_readable(given: list[str], readable: list[str]) -> None:
    assert readable_names(given, "output") == readable


def test_unique_names_keep_the_first_and_do_not_take_a_later_one() -> None:
    assert unique_names(["x", "x", "x", "x_1"]) == ["x", "x_2", "x_3", "x_1"]


def test_onnx_names_change_everywhere_and_never_clash() -> None:
    inner = helper.make_graph(
        [helper.make_node("Add", ["Identity:0", "i"], ["o"])], "body", [], [helper.make_tensor_value_info("o", 1, [1])]
    )
    nodes = [
        helper.make_node("Neg", ["in:0"], ["image"]),
        helper.make_node("Abs", ["image"], ["i"]),
        helper.make_node("Neg", ["i"], ["Identity:0"]),
        helper.make_node("If", ["flag"], ["y"], then_branch=inner, else_branch=inner),
    ]
    float1 = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("in:0", "Identity:0", "y")]
    flag = helper.make_tensor_value_info("flag", TensorProto.BOOL, [])
    model = helper.make_model(helper.make_graph(nodes, "g", [float1[0], flag], float1[1:]))
    rename_onnx_io(model, ["image", "flag"], ["neg", "sum"])
    onnx.checker.check_model(model)
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["image", "flag", "neg", "sum"]
    assert list(model.graph.node[0].output) == ["image_inner"]
    assert list(model.graph.node[3].attribute[0].g.node[0].input) == ["neg", "i"]


def shuffled(order: list[int], suffix: str) -> bytes:
    """Return one and the same graph with its nodes in some order and other generated names; node 4 is dead."""
    numbered = [f"const__{suffix}", f"einsum{suffix * 8}_axes", f"Neg__{suffix}"]
    nodes = [
        helper.make_node("Add", ["x", numbered[0]], ["sum:0"], "net/dense/Add"),
        helper.make_node("Mul", ["x", numbered[1]], [f"Mul__{suffix}:0"], f"Mul__{suffix}"),
        helper.make_node("Neg", [f"Mul__{suffix}:0"], ["neg:0"], numbered[2]),
        helper.make_node("Sub", ["sum:0", "neg:0"], ["y"], "net/Sub"),
        helper.make_node("Abs", ["x"], ["unused"], "Abs"),
    ]
    constants = [helper.make_tensor(name, TensorProto.FLOAT, [1], [value]) for value, name in enumerate(numbered[:2])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    initializers = [constants[index % 2] for index in (order[0], order[0] + 1)]
    graph = helper.make_graph([nodes[index] for index in order], "g", [x], [y], initializers)
    model = helper.make_model(graph)
    settle(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_a_settled_graph_depends_on_the_network_alone() -> None:
    first, second = shuffled([0, 1, 2, 3, 4], "7"), shuffled([1, 4, 2, 0, 3], "9")
    assert first == second
    graph = onnx.load_from_string(first).graph
    assert [node.name for node in graph.node] == ["net/dense/Add", "Mul", "Neg", "net/Sub"]
    assert [constant.name for constant in graph.initializer] == ["net/dense/Add/constant_1", "Mul/constant_1"]
