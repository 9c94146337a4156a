"""MediaPipe's custom operators against its formulas in numpy: LiteRT's wheel has none of them, but for a pooling."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, check, check_close, run_litert, run_native
from .single_op import NONE, RELU, RELU6, RELU_N1_TO_1, Model

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
SAME, VALID = 1, 2

Floats = NDArray[np.float32]


def normal(shape: tuple[int, ...], seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def custom(
    name: str, inputs: list[tuple[int, ...]], outputs: list[tuple[int, ...]], options: dict[str, Any] | bytes
) -> bytes:
    model = Model()
    tensors = [model.input(shape, "FLOAT32") for shape in inputs]
    made = [model.tensor(shape, "FLOAT32") for shape in outputs]
    model.custom(name, tensors, made, options)
    return model.finish(made)


# ---- pooling ----


def pool_options(padding: int, stride: tuple[int, int], window: tuple[int, int], activation: int = NONE) -> bytes:
    return struct.pack("<10i", padding, stride[1], stride[0], window[1], window[0], activation, 0, 0, 0, 0)


def pooled(
    x: Floats, padding: int, stride: tuple[int, int], window: tuple[int, int], bounds: tuple[float, float]
) -> tuple[Floats, Floats]:
    sizes = [-(-n // s) if padding == SAME else (n - k) // s + 1 for n, s, k in zip(x.shape[1:3], stride, window)]
    before = [max(0, (out - 1) * s + k - n) // 2 for out, s, k, n in zip(sizes, stride, window, x.shape[1:3])]
    values = np.empty((x.shape[0], *sizes, x.shape[3]), np.float32)
    places = np.empty_like(values)
    for b, y, z, c in np.ndindex(*values.shape):
        taps = {}
        for i, j in np.ndindex(*window):
            row, column = y * stride[0] - before[0] + i, z * stride[1] - before[1] + j
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                taps[i * window[1] + j] = x[b, row, column, c]
        best = max(taps, key=lambda tap: (taps[tap], -tap))
        values[b, y, z, c], places[b, y, z, c] = np.clip(taps[best], *bounds), np.float32(best) + np.float32(0.1)
    return values, places


@given(
    shape=st.tuples(st.integers(1, 2), st.integers(3, 7), st.integers(3, 7), st.integers(1, 3)),
    padding=st.sampled_from([SAME, VALID]),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    activation=st.sampled_from([NONE, RELU, RELU_N1_TO_1, RELU6]),
    seed=SEEDS,
)
@examples()
def test_max_pooling_with_argmax(
    shape: tuple[int, ...],
    padding: int,
    stride: tuple[int, int],
    window: tuple[int, int],
    activation: int,
    seed: int,
) -> None:
    x = np.round(normal(shape, seed) * 2) / 2  # some equal: the first is taken
    inf = float("inf")
    bounds = {NONE: (-inf, inf), RELU: (0, inf), RELU_N1_TO_1: (-1, 1), RELU6: (0, 6)}[activation]
    expected = pooled(x, padding, stride, window, bounds)
    options = pool_options(padding, stride, window, activation)
    data = custom("MaxPoolingWithArgmax2D", [shape], [expected[0].shape] * 2, options)
    check(data, [x], expected=expected)


def test_max_pooling_gives_the_values_of_xnnpack() -> None:
    """Which runs it where windows do not overlap, and has places as integers."""
    x = normal((1, 5, 6, 3), 0)
    data = custom("MaxPoolingWithArgmax2D", [x.shape], [(1, 3, 3, 3)] * 2, pool_options(SAME, (2, 2), (2, 2)))
    assert np.array_equal(run_native(data, [x])[0], run_litert(data, [x])[0])


@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=SEEDS,
)
@examples()
def test_max_unpooling(shape: tuple[int, ...], stride: tuple[int, int], window: tuple[int, int], seed: int) -> None:
    x = normal(shape, seed)
    places = np.random.default_rng(seed).integers(0, window[0] * window[1] + 1, shape) + np.float32(0.1)
    expected = np.zeros((shape[0], shape[1] * window[0], shape[2] * window[1], shape[3]), np.float32)
    before = [max(0, (n - 1) * s + k - n * k) // 2 for n, s, k in zip(shape[1:3], stride, window)]
    for b, y, z, c in np.ndindex(*shape):
        i, j = divmod(int(places[b, y, z, c]), window[1])
        row, column = y * stride[0] - before[0] + i, z * stride[1] - before[1] + j
        if row < expected.shape[1] and column < expected.shape[2] and row >= 0 and column >= 0:
            expected[b, row, column, c] = x[b, y, z, c]
    data = custom("MaxUnpooling2D", [shape, shape], [expected.shape], pool_options(SAME, stride, window))
    check(data, [x, places.astype(np.float32)], expected=[expected])


def test_max_unpooling_leaves_out_places_that_are_not() -> None:
    places = np.array([np.nan, -1, 1e30, 7], np.float32).reshape(1, 2, 2, 1)
    data = custom("MaxUnpooling2D", [(1, 2, 2, 1)] * 2, [(1, 4, 4, 1)], pool_options(SAME, (2, 2), (2, 2)))
    assert not run_native(data, [np.ones((1, 2, 2, 1), np.float32), places])[0].any()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (b"short", "lacks its options"),
        (pool_options(0, (2, 2), (2, 2)), "padding 0"),
        (pool_options(SAME, (0, 2), (2, 2)), "must be 1 to"),
        (pool_options(SAME, (2, 2), (2, 2**30)), "must be 1 to"),
        (pool_options(SAME, (2, 2), (2, 2), 9), "activation 9"),
    ],
)
def test_pooling_refuses_options(options: bytes, sentence: str) -> None:
    data = custom("MaxPoolingWithArgmax2D", [(1, 4, 4, 1)], [(1, 2, 2, 1)] * 2, options)
    with pytest.raises(NativeError, match=sentence):
        run_native(data, [np.zeros((1, 4, 4, 1), np.float32)])


# ---- transposed convolution ----


def transpose_conv(
    size: tuple[int, ...], weights: Floats, bias: Floats, options: bytes, kind: str = "FLOAT32"
) -> bytes:
    model = Model()
    x = model.input(size, "FLOAT32")
    y = model.tensor((1, 1, 1, 1), "FLOAT32")
    model.custom(
        "Convolution2DTransposeBias", [x, model.constant(weights, kind), model.constant(bias, "FLOAT32")], [y], options
    )
    return model.finish([y])


@given(
    size=st.tuples(st.integers(1, 2), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)),
    columns=st.integers(1, 9),
    padding=st.sampled_from([SAME, VALID]),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    taps=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    kind=st.sampled_from(["FLOAT32", "FLOAT16"]),
    seed=SEEDS,
)
@examples()
def test_transpose_conv_with_bias(
    size: tuple[int, ...],
    columns: int,
    padding: int,
    stride: tuple[int, int],
    taps: tuple[int, int],
    kind: str,
    seed: int,
) -> None:
    weights, bias = normal((columns, *taps, size[3]), seed).astype(np.float16), normal((columns,), seed + 1)
    x = normal(size, seed + 2)
    cut = [max(0, k - (n - 1) % s - 1) if padding == SAME else 0 for n, s, k in zip(size[1:3], stride, taps)]
    whole = np.zeros((size[0], *((n - 1) * s + k for n, s, k in zip(size[1:3], stride, taps)), columns))
    for i, j in np.ndindex(*taps):
        rows, places = whole[:, i :: stride[0]][:, : size[1]], np.s_[:, :, j :: stride[1]]
        rows[places][:, :, : size[2]] += np.einsum("byxc,nc->byxn", x, weights[:, i, j].astype(np.float64))
    first = [n // 2 for n in cut]
    ends = [n - (c - f) for n, c, f in zip(whole.shape[1:3], cut, first)]
    expected = (whole[:, first[0] : ends[0], first[1] : ends[1]] + bias).astype(np.float32)
    data = transpose_conv(size, weights, bias, struct.pack("<3i", padding, stride[1], stride[0]), kind)
    check(data, [x], expected=[expected], within=1e-5)


def test_transpose_conv_gives_the_values_of_xnnpack() -> None:
    """Which runs it in LiteRT, where the windows are as large as the strides."""
    x, options = normal((1, 3, 4, 5), 0), struct.pack("<3i", SAME, 2, 2)
    model = Model()
    tensors = [
        model.input(x.shape, "FLOAT32"),
        model.constant(normal((3, 2, 2, 5), 1), "FLOAT32"),
        model.constant(normal((3,), 2), "FLOAT32"),
    ]
    y = model.tensor((1, 6, 8, 3), "FLOAT32")
    model.custom("Convolution2DTransposeBias", tensors, [y], options)
    check_close(model.finish([y]), [x])


@pytest.mark.parametrize(
    ("options", "channels", "sentence"),
    [
        (b"short", 3, "lacks its options"),
        (struct.pack("<3i", 0, 2, 2), 3, "padding 0"),
        (struct.pack("<3i", SAME, 2, 0), 3, "must be 1 to"),
        (struct.pack("<3i", SAME, 2**30, 2), 3, "must be 1 to"),
        (struct.pack("<3i", SAME, 2, 2), 2, "the same channels"),
    ],
)
def test_transpose_conv_refuses(options: bytes, channels: int, sentence: str) -> None:
    data = transpose_conv((1, 4, 4, channels), normal((2, 2, 2, 3), 0), normal((2,), 0), options)
    with pytest.raises(NativeError, match=sentence):
        run_native(data, [np.zeros((1, 4, 4, channels), np.float32)])


# ---- transforms ----


def matrix_of(seed: int, size: int) -> Floats:
    """Turns, scales and moves a little."""
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:2, :2] = rng.uniform(-1.2, 1.2, (2, 2))
    matrix[:2, 3] = rng.uniform(0, size, 2)
    return matrix.astype(np.float32).reshape(1, 4, 4)


def seen_through(x: Floats, matrix: Floats, size: tuple[int, int], from_corners: bool) -> Floats:
    out, m = np.zeros((1, *size, x.shape[3])), matrix.reshape(4, 4).astype(np.float64)
    shift = 0.5 if from_corners else 0.0
    for y, z in np.ndindex(*size):
        column, row = m[:2, :2] @ (z + shift, y + shift) + m[:2, 3] - shift
        if not (0 <= column <= x.shape[2] - 1 and 0 <= row <= x.shape[1] - 1):
            continue
        top, left = int(row), int(column)
        for dy, dx in np.ndindex(2, 2):
            weight = abs(1 - dy - (row - top)) * abs(1 - dx - (column - left))
            if weight:
                out[0, y, z] += weight * x[0, top + dy, left + dx]
    return out.astype(np.float32)


@given(
    shape=st.tuples(st.just(1), st.integers(1, 8), st.integers(1, 8), st.integers(1, 3)),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    from_corners=st.booleans(),
    seed=SEEDS,
)
@examples()
def test_transform_tensor(shape: tuple[int, ...], size: tuple[int, int], from_corners: bool, seed: int) -> None:
    x, matrix = normal(shape, seed), matrix_of(seed, min(shape[1:3]))
    if from_corners:
        name, options = "TransformTensorBilinear", {"output_height": size[0], "output_width": size[1]}
    else:
        name, options = "TransformTensor", {"mode": "bilinear", "output_size": list(size)}
    expected = seen_through(x, matrix, size, from_corners)
    data = custom(name, [shape, (1, 4, 4)], [expected.shape], options)
    check(
        data, [x, matrix], expected=[expected], within=1e-4
    )  # a place near a border of the image may fall on either side


def test_transform_tensor_survives_a_matrix_that_is_none() -> None:
    data = custom("TransformTensor", [(1, 3, 3, 1), (1, 4, 4)], [(1, 2, 2, 1)], {"output_size": [2, 2]})
    for value in (np.nan, np.inf, 1e38, -1e38):
        found = run_native(data, [np.ones((1, 3, 3, 1), np.float32), np.full((1, 4, 4), value, np.float32)])[0]
        assert not found.any()


@given(points=st.integers(1, 9), coordinates=st.sampled_from([2, 3]), first=st.booleans(), seed=SEEDS)
@examples()
def test_transform_landmarks(points: int, coordinates: int, first: bool, seed: int) -> None:
    shape = (1, 1, 1, points * coordinates) if first else (1, points, coordinates)
    x, matrix, scale = normal(shape, seed), matrix_of(seed, 10), 0.5 if first else 1.0
    expected = x.reshape(points, coordinates).copy()
    expected[:, :2] = expected[:, :2] @ matrix[0, :2, :2].T + matrix[0, :2, 3] * scale
    options = {"dimensions": coordinates, "scale": scale} if first else {}
    data = custom("TransformLandmarks", [shape, (1, 4, 4)], [shape], options)
    check(data, [x, matrix], expected=[expected.reshape(shape)], within=1e-6)


SUBSET = [0, 3, 1, 4, 2, 5]
FIRST_OPTIONS: dict[str, Any] = {
    "input_hw": [192, 160],
    "output_hw": [64, 48],
    "dimensions": 3,
    "landmarks_range": 192,
    "bbox_size_multiplier": 1.5,
    "left_rotation_idx": 0,
    "right_rotation_idx": 5,
    "subset": SUBSET,
}
SECOND_OPTIONS: dict[str, Any] = {
    "left_rotation_idx": 0,
    "right_rotation_idx": 5,
    "target_rotation_radians": 0.25,
    "output_height": 64,
    "output_width": 48,
    "scale_x": 1.5,
    "scale_y": 1.25,
    "subset_idxs": SUBSET,
}


def turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def scale_and_move(x: float, y: float, move_x: float = 0, move_y: float = 0) -> NDArray[np.float64]:
    return np.array([[x, 0, move_x], [0, y, move_y], [0, 0, 1]])


def crop_matrix(points: Floats, first: bool) -> Floats:
    """MediaPipe's product of matrices."""
    options = FIRST_OPTIONS if first else SECOND_OPTIONS
    left, right = points[options["left_rotation_idx"], :2], points[options["right_rotation_idx"], :2]
    x, y = (right - left).astype(np.float64)
    angle = -np.arctan(y / x) if first else options["target_rotation_radians"] - np.arctan2(y, x)
    turned = points[SUBSET, :2] @ turn(angle)[:2, :2].T
    low, high = turned.min(axis=0), turned.max(axis=0)
    middle, size = turn(-angle)[:2, :2] @ ((low + high) / 2), high - low
    if first:
        (in_height, in_width), (height, width) = options["input_hw"], options["output_hw"]
        range_ = options["landmarks_range"]
        scaled = size * options["bbox_size_multiplier"] / range_
        turned_back = turn(-angle)
        turned_back[:2, 2] = middle / range_ * 2 - 1
        to_absolute = scale_and_move(*([(in_width - 1) / 2, (in_height - 1) / 2] * 2))
        to_relative = scale_and_move(2 / (width - 1), 2 / (height - 1), -1, -1)
        whole = to_absolute @ turned_back @ scale_and_move(*scaled) @ to_relative
    else:
        height, width = options["output_height"], options["output_width"]
        scaled = size * (options["scale_x"] / width, options["scale_y"] / height)
        back = scale_and_move(1, 1, -width / 2, -height / 2)
        whole = scale_and_move(1, 1, *middle) @ turn(-angle) @ scale_and_move(*scaled) @ back
    matrix = np.eye(4)
    matrix[:2, :2], matrix[:2, 3] = whole[:2, :2], whole[:2, 2]
    return matrix.astype(np.float32).reshape(1, 4, 4)


@given(first=st.booleans(), seed=SEEDS)
@examples()
def test_landmarks_to_matrix(first: bool, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 192, (6, 3)).astype(np.float32)
    shape = (1, 1, 1, 18) if first else (1, 6, 3)
    data = custom("Landmarks2TransformMatrix", [shape], [(1, 4, 4)], FIRST_OPTIONS if first else SECOND_OPTIONS)
    check(data, [points.reshape(shape)], expected=[crop_matrix(points, first)], within=1e-6)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 3e38])
def test_landmarks_to_matrix_survives_points_that_are_none(value: float) -> None:
    for shape, options in (((1, 1, 1, 18), FIRST_OPTIONS), ((1, 6, 3), SECOND_OPTIONS)):
        data = custom("Landmarks2TransformMatrix", [shape], [(1, 4, 4)], options)
        assert run_native(data, [np.full(shape, value, np.float32)])[0][0, 3, 3] == 1


@pytest.mark.parametrize(
    ("first", "option", "value", "sentence"),
    [
        (True, "subset", [0, 6], "points that its input does not have"),
        (True, "subset", [], "points that its input does not have"),
        (False, "left_rotation_idx", -1, "points that its input does not have"),
        (False, "right_rotation_idx", 6, "points that its input does not have"),
        (True, "output_hw", [1, 5], "positive sizes"),
        (True, "landmarks_range", 0, "positive sizes"),
        (True, "dimensions", 2, "positive sizes"),
        (False, "scale_x", float("inf"), "positive sizes"),
        (False, "output_width", 0, "positive sizes"),
    ],
)
def test_landmarks_to_matrix_refuses_options(first: bool, option: str, value: object, sentence: str) -> None:
    shape = (1, 1, 1, 18) if first else (1, 6, 3)
    options = {**(FIRST_OPTIONS if first else SECOND_OPTIONS), option: value}
    with pytest.raises(NativeError, match=sentence):
        run_native(custom("Landmarks2TransformMatrix", [shape], [(1, 4, 4)], options), [np.zeros(shape, np.float32)])
