"""Biases make up for what rounding does to the means of what layers read."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import convert
from edgequant_converters.calibration import Evidence, Rounding
from edgequant_converters.quantizer import grid_of

DRAW = np.random.default_rng(6)
COARSE = grid_of("INT8", -0.28, 150.0)


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def test_what_is_less_than_half_a_step_is_gone_everywhere() -> None:
    rows = DRAW.uniform(-0.28, -0.05, size=(1000, 3)).astype(np.float32)
    error = Rounding({}, {"y": rows}, {}).error("y", {"y": COARSE}.get)
    assert error is not None
    np.testing.assert_allclose(error, -rows.mean(axis=0), rtol=1e-5)


def test_the_rounding_of_a_functions_argument_counts() -> None:
    x = DRAW.uniform(-1.5, 1.5, size=(4000, 2)).astype(np.float32)
    given, own = (grid_of("INT8", -10.0, 200.0).scale[0], COARSE.scale[0])
    expected = np.rint(silu(np.rint(x / given) * given) / own) * own - silu(x)
    rounding = Rounding({}, {"x": x, "y": silu(x)}, {"y": ("x", "SILU")})
    error = rounding.error("y", {"x": grid_of("INT8", -10.0, 200.0), "y": COARSE}.get)
    assert error is not None and np.abs(expected).max() < own
    np.testing.assert_allclose(error, expected.mean(axis=0), rtol=1e-4)
    alone = Rounding({}, {"y": silu(x)}, {}).error("y", {"y": COARSE}.get)
    assert alone is not None and not np.allclose(alone, error, rtol=1e-2)


def test_what_a_range_cuts_off_shifts_nothing() -> None:
    rows = np.full((100, 1), 0.25, np.float32)
    rows[0] = 1000  # beyond the end by hundreds of steps
    error = Rounding({}, {"y": rows}, {}).error("y", {"y": COARSE}.get)
    assert error is not None
    np.testing.assert_allclose(error, -0.25 * 99 / 100, rtol=1e-5)


def test_a_tensor_without_a_grid_or_rows_has_no_error() -> None:
    rounding = Rounding({}, {"x": np.ones((2, 2), np.float32)}, {})
    assert rounding.error("x", {}.get) is None and rounding.error("y", {"y": COARSE}.get) is None


def test_a_result_and_its_argument_are_seen_at_the_same_places() -> None:
    evidence = Evidence({"y": (1, 3)}, results={"y": ("x", "SILU")})
    for _ in range(30):
        x = DRAW.normal(size=(1, 3, 17, 19)).astype(np.float32)
        evidence.update("x", x)
        evidence.update("y", silu(x))
    rows = evidence.rounding().rows
    assert rows["x"].shape == rows["y"].shape and rows["x"].shape[1] == 3
    assert 24 * 24 <= len(rows["x"]) <= 24 * 48  # of 24 samples, at most 48 places each
    np.testing.assert_allclose(silu(rows["x"]), rows["y"], rtol=1e-5)


def test_places_lie_in_all_columns_of_an_image() -> None:
    """48 rows of 48 pixels: every 48th value is in the first column, where padding makes values unlike others."""
    evidence = Evidence({"x": (3, 2)})
    columns = np.broadcast_to(np.arange(48, dtype=np.float32)[:, None], (1, 48, 48, 2))
    evidence.update("x", columns)
    assert len(np.unique(evidence.rounding().rows["x"])) > 24


def test_wide_tensors_keep_fewer_places() -> None:
    evidence = Evidence({"x": (1, 4096)})
    for _ in range(30):
        evidence.update("x", DRAW.normal(size=(100, 4096)).astype(np.float32))
    assert evidence.rounding().rows["x"].nbytes <= 24 * 4 * 4096 * 4


def test_samples_of_one_that_are_not_finite_part_a_result_from_its_argument() -> None:
    evidence = Evidence({"y": (1, 2)}, results={"y": ("x", "LOGISTIC")})
    for number in range(5):
        x = DRAW.normal(size=(6, 2)).astype(np.float32)
        x[0, 0] = np.inf if number == 2 else 0
        evidence.update("x", x)
        evidence.update("y", 1 / (1 + np.exp(-x)))
    rounding = evidence.rounding()
    assert not rounding.results
    assert rounding.error("y", {"x": COARSE, "y": COARSE}.get) is not None


def test_an_approximation_of_a_function_is_no_rounding() -> None:
    """GELU's ranges are judged by x sigmoid(1.702 x), which is off by more than these steps."""
    x = DRAW.normal(-2, 1, size=(4000, 1)).astype(np.float32)
    gelu = np.array([[v * (1 + math.erf(v / math.sqrt(2))) / 2] for v in x.ravel().tolist()], np.float32)
    fine = grid_of("INT8", -0.2, 0.2)
    error = Rounding({}, {"x": x, "y": gelu}, {"y": ("x", "GELU")}).error(
        "y", {"x": grid_of("INT8", -8.0, 8.0), "y": fine}.get
    )
    assert error is not None and np.abs(error).max() < 1e-3


def bright_spots(folder: Path) -> Path:
    """Write two convolutions with a SiLU between them."""
    first, second = DRAW.normal(size=(24, 3, 1, 1)), DRAW.uniform(0.5, 1, size=(4, 24, 3, 3))
    constants = {"w1": first, "b1": np.full(24, -1.2), "w2": second, "b2": np.zeros(4)}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["a"]),
        helper.make_node("Sigmoid", ["a"], ["s"]),
        helper.make_node("Mul", ["a", "s"], ["m"]),
        helper.make_node("Conv", ["m", "w2", "b2"], ["y"], pads=[1, 1, 1, 1]),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 16, 16]) for n, c in (("x", 3), ("y", 4))]
    given = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "spots", ends[:1], ends[1:], given)
    path = folder / "spots.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_dark_places_beside_bright_spots_are_not_brighter(tmp_path: Path, suffix: str) -> None:
    """Most values are small and below zero; one pixel of an image sets the ranges."""
    images = DRAW.normal(0, 0.2, size=(40, 3, 16, 16)).astype(np.float32)
    images[np.arange(40), :, DRAW.integers(16, size=40), DRAW.integers(16, size=40)] = 60
    hub = bright_spots(tmp_path)
    outputs = []
    for effort in (0, 1):
        written = tmp_path / f"int8_{effort}{suffix}"
        report = convert(hub, written, quantize="int8", calibration=images, calibration_method="minmax", effort=effort)
        outputs.append(report.sqnr_db)
    assert report.choices[1].what == "biases that make up for rounding" and report.choices[1].taken
    assert report.choices[1].sqnr_db > report.choices[0].sqnr_db + 3
    assert outputs[1] > outputs[0] + 3
