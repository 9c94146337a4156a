"""An output is judged part by part: as the file joins it, or where its ranges part."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import IDENTICAL_DB, OutputMeasure, OutputStatistics, convert, divisions, real_outputs
from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir

DRAW = np.random.default_rng(0)


def joined(folder: Path, parts: int = 2) -> Path:
    """Write y (1, 3, 2 * parts): `parts` tensors joined along axis 1, then reshaped and transposed."""
    graph = Graph(inputs=[Tensor("x", (1, 2, 3))])
    build = Builder(graph)
    made = [build.unary("TANH", graph.inputs[0]) for _ in range(parts)]
    for number, part in enumerate(made):
        part.name = f"part{number}"
    whole = build.concat(made, 1)
    graph.outputs = [build.transpose(build.reshape(whole, (1, 2 * parts, 3)), (0, 2, 1))]
    (folder / "joined.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    return folder / "joined.tflite"


def test_parts_are_followed_through_reshapes_and_transposes(tmp_path: Path) -> None:
    (division,) = divisions(joined(tmp_path), 1, {})
    assert division is not None and division.names == ("part0", "part1")
    np.testing.assert_array_equal(division.labels, [[[0, 0, 1, 1]]])
    statistics = OutputStatistics(division)
    for _ in range(3):
        expected = DRAW.normal(size=(1, 3, 4)) * [100, 100, 1, 1]
        statistics.update(expected, expected + np.array([0, 0, 1, 1]))
    large, small = statistics.parts
    assert (large.name, small.name) == ("part0", "part1")
    assert large.sqnr_db == 300 and small.sqnr_db == pytest.approx(0, abs=3)
    assert statistics.whole.sqnr_db > 35
    assert large.range[1] > 50 > 5 > small.range[1]


def test_a_size_that_the_file_misstates_makes_no_parts(tmp_path: Path) -> None:
    graph = Graph(inputs=[Tensor("x", (1, 2, 3))])
    build = Builder(graph)
    whole = build.concat([build.unary("TANH", graph.inputs[0]), graph.inputs[0]], 1)
    graph.outputs = [build.reshape(whole, (1, 12))]
    graph.outputs[0].shape = (1, 1)  # as of a size that is computed when the model runs
    (tmp_path / "joined.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    assert divisions(tmp_path / "joined.tflite", 1, {}) == [None]


def test_nested_joins_are_told_apart_up_to_sixteen(tmp_path: Path) -> None:
    (division,) = divisions(joined(tmp_path, 17), 1, {})
    assert division is None
    (division,) = divisions(joined(tmp_path, 16), 1, {})
    assert division is not None and len(division.names) == 16


def test_an_output_of_unlike_channels_is_cut_in_two() -> None:
    statistics = OutputStatistics()
    for _ in range(5):
        expected = DRAW.uniform(0.5, 1, (1, 6, 9)) * np.array([300, 300, 300, 300, 1, 0.5])[None, :, None]
        statistics.update(expected, expected + 0.25)
    boxes, scores = statistics.parts
    assert (boxes.name, scores.name) == ("0 to 3 of axis 1", "4 to 5 of axis 1")
    assert boxes.sqnr_db is not None and scores.sqnr_db is not None and boxes.sqnr_db > 50 > 10 > scores.sqnr_db


def test_an_output_of_one_piece_has_no_parts() -> None:
    statistics = OutputStatistics()
    expected = DRAW.normal(size=(1, 10))
    statistics.update(expected, expected)
    assert statistics.parts == ()


def test_rare_classes_are_no_part_of_their_own() -> None:
    statistics = OutputStatistics()
    expected = np.array([[0.6, 0.4, 1e-5]])
    statistics.update(expected, expected + 1e-3)
    assert statistics.parts == ()


def test_what_never_varies_is_constant() -> None:
    def of(*references: list[float]) -> OutputStatistics:
        seen, joined = OutputStatistics(), OutputStatistics()
        for reference in references:
            one = OutputStatistics()
            for statistics in (seen, one):
                statistics.update(np.array(reference), np.zeros(len(reference)))
            joined.add(one)
        assert joined.constant == seen.constant
        return seen

    assert of([0.0, 0.0]).constant, "zeros say nothing, be it on one sample"
    assert not of([1.0, 1.0]).constant, "of one sample nobody knows"
    assert of([1.0, 2.0], [1.0, 2.0]).constant
    assert not of([1.0, 2.0], [1.0, 2.5], [1.0, 2.0]).constant
    assert not of([1.0], [1.0, 1.0]).constant
    assert not of([], []).constant and not OutputStatistics().constant


def test_what_is_added_counts_as_if_its_samples_had_been_seen(tmp_path: Path) -> None:
    (division,) = divisions(joined(tmp_path), 1, {})
    whole_numbers = [(DRAW.integers(0, 3, (1, 5)), DRAW.integers(0, 3, (1, 5))) for _ in range(3)]
    reals = [(DRAW.normal(size=(1, 3, 4)), DRAW.normal(size=(1, 3, 4))) for _ in range(3)]
    unlike = [(reference * [300, 300, 1, 1], test * [300, 300, 1, 1]) for reference, test in reals]
    for samples, parts_of in ((whole_numbers, None), (reals, division), (unlike, None)):
        seen, added = OutputStatistics(parts_of), OutputStatistics()
        for sample in samples:
            seen.update(*sample)
            one = OutputStatistics(parts_of)
            one.update(*sample)
            added.add(one)
        assert (added.whole, added.equal, added.parts) == (seen.whole, seen.equal, seen.parts)
    assert added.parts, "an output of unlike channels"


def test_scalars_and_empty_outputs_have_no_parts() -> None:
    for shape in ((), (0,), (1, 0, 4)):
        statistics = OutputStatistics()
        statistics.update(np.zeros(shape), np.zeros(shape))
        assert statistics.parts == ()


def test_of_whole_numbers_the_equal_ones_count() -> None:
    """Box 7 is as far from box 8 as from any other: an SQNR would call one a good answer and one a bad one."""
    statistics = OutputStatistics()
    assert statistics.equal is None
    statistics.update(np.array([[0, 0, 700], [0, 1, 3]]), np.array([[0, 0, 701], [0, 1, 3]]))
    statistics.update(np.array([[0, 0, 5]]), np.zeros((0, 3), np.int64))
    assert statistics.equal == 5 / 9
    assert statistics.parts == ()
    indices, scores = OutputMeasure("indices", 3.0, (), 5 / 9), OutputMeasure("scores", 30.0, ())
    assert real_outputs([indices, scores]) == [scores]
    assert real_outputs([indices]) == [indices]


def test_pixels_are_judged_as_real_numbers() -> None:
    statistics = OutputStatistics()
    statistics.update(np.arange(9, dtype=np.uint8), np.arange(9, dtype=np.uint8))
    assert statistics.equal is None


def test_what_is_not_finite_has_no_figure(tmp_path: Path) -> None:
    statistics = OutputStatistics(divisions(joined(tmp_path), 1, {})[0])
    expected = DRAW.normal(size=(1, 3, 4))
    statistics.update(expected, np.where(np.arange(4) > 1, np.nan, expected))
    assert [part.sqnr_db for part in statistics.parts] == [300, None]


def pose_head(folder: Path) -> Path:
    """Write y (n, 15, 16) of 5 points: places in pixels joined with how well they are seen, and flattened."""
    nodes = [
        helper.make_node("Reshape", ["x", "by_point"], ["p"]),
        helper.make_node("Split", ["p"], ["xy", "seen"], axis=2, name="split"),
        helper.make_node("Mul", ["xy", "stride"], ["places"]),
        helper.make_node("Sigmoid", ["seen"], ["visibility"]),
        helper.make_node("Concat", ["places", "visibility"], ["joined"], axis=2),
        helper.make_node("Reshape", ["joined", "flat"], ["y"]),
    ]
    nodes[1].input.append("sizes")
    constants = {"by_point": [-1, 5, 3, 16], "sizes": [2, 1], "flat": [-1, 15, 16]}
    given = [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in constants.items()]
    given.append(numpy_helper.from_array(np.array(80, np.float32), "stride"))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 15, 16]) for name in "xy"]
    graph = helper.make_graph(nodes, "pose", ends[:1], ends[1:], given)
    path = folder / "pose.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_a_network_has_the_same_parts_in_both_formats(tmp_path: Path, suffix: str) -> None:
    written = tmp_path / f"int8{suffix}"
    samples = DRAW.normal(size=(40, 15, 16)).astype(np.float32)
    report = convert(pose_head(tmp_path), written, quantize="int8", calibration=samples, strict_int8=True, effort=0)
    (output,) = report.to_dict()["outputs"]
    places, visibility = output["parts"]
    assert (places["name"], visibility["name"]) == ("places", "visibility")
    assert visibility["sqnr_db"] < 10 < 30 < places["sqnr_db"]


def test_a_quantized_onnx_file_has_the_parts_of_its_source(tmp_path: Path) -> None:
    written = tmp_path / "int8.onnx"
    samples = DRAW.normal(size=(40, 15, 16)).astype(np.float32)
    convert(pose_head(tmp_path), written, quantize="int8", calibration=samples, effort=0)
    found = [divisions(file, 1, {"x": (1, 15, 16)})[0] for file in (written, tmp_path / "pose.onnx")]
    assert found[0] is not None and found[1] is not None
    np.testing.assert_array_equal(found[0].labels, found[1].labels)


def test_samples_of_other_sizes_count_where_the_parts_can_be_told(tmp_path: Path) -> None:
    """A file with free sizes: along the joined axis its parts are those of the first sample."""
    nodes = [
        helper.make_node("Concat", ["a", "b"], ["y"], axis=2),
        helper.make_node("Concat", ["a", "a"], ["z"], axis=1),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "n", None]) for name in "abyz"]
    path = tmp_path / "free.onnx"
    graph = helper.make_graph(nodes, "free", ends[:2], ends[2:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    beside, below = map(OutputStatistics, divisions(path, 2, {"a": (1, 4, 2), "b": (1, 4, 1)}))
    for size in (4, 6):
        reference = np.ones((1, size, 3))
        beside.update(reference, reference + np.array([0, 0, 0.1 * size]))
        below.update(np.ones((1, 2 * size, 2)), np.full((1, 2 * size, 2), 1 + 0.1 * size))
    a, b = beside.parts
    assert a.sqnr_db == IDENTICAL_DB
    assert b.sqnr_db == pytest.approx(10 * np.log10(10 / (4 * 0.4**2 + 6 * 0.6**2)))
    assert [part.sqnr_db for part in below.parts] == pytest.approx([-20 * np.log10(0.4)] * 2)


def test_what_one_model_finds_more_of_counts_as_lost() -> None:
    statistics = OutputStatistics()
    statistics.update(np.full((3, 3), 2.0), np.full((3, 3), 2.0))
    assert statistics.whole.sqnr_db == IDENTICAL_DB
    statistics.update(np.full((3, 3), 2.0), np.full((2, 3), 2.0))
    assert statistics.whole.sqnr_db == pytest.approx(10 * np.log10(18 / 3))
    assert statistics.parts == ()
