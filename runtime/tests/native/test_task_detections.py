"""Every decoder against one in numpy, from its formula, on heads that the test makes; and a real SSD MobileNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgequant_runtime import Session, Task, TaskError

from .conftest import examples
from .heads import SIZE, head

ZOO = Path(__file__).parents[4] / "shared" / "zoo"
FRAME = np.zeros((96, 160, 3), np.uint8)
Found = list[tuple[int, float, tuple[float, ...]]]


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def boxes_of(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Centre x, centre y, width, height from 0 to 1, in some clusters, so that there is something to suppress."""
    centres = generator.uniform(0.2, 0.8, (6, 2))[generator.integers(0, 6, count)]
    return np.concatenate(
        [centres + generator.normal(size=(count, 2)) * 0.02, generator.uniform(0.15, 0.3, (count, 2))], 1
    )


def overlap(a: NDArray[Any], b: NDArray[Any]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0
    common = width * height
    return float(common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common))


def suppressed(corners: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any], limit: float = 0.45) -> Found:
    """Greedy, class by class, the best first: boxes in units of the model's pixels."""
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        if all(classes[place] != classes[k] or overlap(corners[place], corners[k]) <= limit for k in kept):
            kept.append(int(place))
    return [(int(classes[k]), float(scores[k]), tuple(corners[k])) for k in kept]


def corners_of(centred: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([centred[:, :2] - centred[:, 2:] / 2, centred[:, :2] + centred[:, 2:] / 2], 1)


def in_frame(found: Found, scale: Sequence[float], origin: Sequence[float] = (0, 0)) -> Found:
    height, width = FRAME.shape[:2]
    limits = np.array([width, height] * 2)
    scales, origins = np.array([*scale, *scale]), np.array([*origin, *origin])
    return [(c, s, tuple((np.array(box) * scales + origins).clip(0, limits))) for c, s, box in found]


def assert_same(task: Task, expected: Found, within: float = 0.05) -> None:
    answer = task.run(FRAME)
    found = answer.detections  # type: ignore[attr-defined]
    assert [item.index for item in found] == [index for index, _, _ in expected]
    np.testing.assert_allclose([item.score for item in found], [score for _, score, _ in expected], atol=2e-6)
    np.testing.assert_allclose([item.box for item in found], [box for _, _, box in expected], atol=within)


def detect(outputs: Sequence[NDArray[Any]], output: dict[str, Any], **settings: Any) -> Task:
    whole = {"task": 1, "input": {"kind": "image", **settings}, "output": {"kind": "detections", **output}}
    return Task(head(outputs), whole)


STRETCHED = (FRAME.shape[1] / SIZE, FRAME.shape[0] / SIZE)


@pytest.mark.parametrize("units", ["unit", "pixels"])
@pytest.mark.parametrize("activation", ["none", "sigmoid"])
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([90, 300]),
    classes=st.sampled_from([1, 3, 80]),
    is_said=st.booleans(),
)
@examples(4)
def test_yolov8(units: str, activation: str, seed: int, count: int, classes: int, is_said: bool) -> None:
    generator = np.random.default_rng(seed)
    centred = boxes_of(generator, count).astype(np.float32)
    raw = generator.normal(size=(count, classes)).astype(np.float32) - 1
    scores = logistic(raw) if activation == "sigmoid" else logistic(raw).astype(np.float32)
    units_of = SIZE if units == "pixels" else 1
    given_scores = raw if activation == "sigmoid" else scores
    out = np.concatenate([centred * units_of, given_scores], 1).T[None]
    best, index = scores.max(1), scores.argmax(1)
    chosen = best.astype(np.float32) >= np.float32(0.25)
    expected = suppressed(corners_of(centred[chosen].astype(float)) * SIZE, best[chosen], index[chosen])[:100]
    decoder = "yolov11" if classes == 80 else "yolov8"
    said = {"units": units} if is_said else {}  # else what the head gives says it
    assert_same(detect([out], {"decoder": decoder, "activation": activation, **said}), in_frame(expected, STRETCHED))


@given(seed=st.integers(0, 2**32 - 1))
@examples(4)
def test_yolov5_letterboxed(seed: int) -> None:
    generator = np.random.default_rng(seed)
    centred = boxes_of(generator, 200).astype(np.float32)
    there, of_class = (
        generator.uniform(0, 1, (200, 1)).astype(np.float32),
        generator.uniform(0, 1, (200, 4)).astype(np.float32),
    )
    best, index = of_class.max(1) * there[:, 0], of_class.argmax(1)
    chosen = best >= np.float32(0.25)
    found = suppressed(corners_of(centred[chosen].astype(float)) * SIZE, best[chosen], index[chosen])[:100]
    out = np.concatenate([centred, there, of_class], 1)[None]
    inner = round(SIZE * FRAME.shape[0] / FRAME.shape[1])
    bars = (SIZE - inner) // 2
    scale = (STRETCHED[0], FRAME.shape[0] / inner)
    expected = in_frame(found, scale, (0, -bars * scale[1]))
    assert_same(detect([out], {"decoder": "yolov5"}, fit="letterbox"), expected)


def test_yolov5_grids_with_anchors() -> None:
    generator = np.random.default_rng(3)
    anchors = np.array([[[4, 5], [8, 6], [10, 12]], [[12, 14], [16, 20], [24, 18]]], np.float32)
    grids = [generator.normal(size=(1, n, n, 3 * 7)).astype(np.float32) * 2 for n in (4, 2)]
    rows = []
    for grid, sizes in zip(grids, anchors):
        n = grid.shape[1]
        cells = logistic(grid.reshape(n, n, 3, 7))
        y, x = np.mgrid[:n, :n][..., None]
        centre = np.stack([(2 * cells[..., 0] - 0.5 + x), (2 * cells[..., 1] - 0.5 + y)], -1) * (SIZE / n)
        size = (2 * cells[..., 2:4]) ** 2 * sizes
        rows.append(np.concatenate([centre, size, cells[..., 4:]], -1).reshape(-1, 7))
    whole = np.concatenate(rows)
    best, index = whole[:, 4] * whole[:, 5:].max(1), whole[:, 5:].argmax(1)
    chosen = best >= 0.25
    expected = in_frame(suppressed(corners_of(whole[chosen, :4]), best[chosen], index[chosen]), STRETCHED)
    assert expected
    assert_same(detect(grids, {"anchors": anchors.reshape(2, 6).tolist()}), expected)


@pytest.mark.parametrize("form", ["codes", "pixels", "unit"])
def test_yolox_with_and_without_decoding(form: str) -> None:
    generator = np.random.default_rng(11)
    whole, rows = [], []
    for stride in (8, 16, 32):
        n = SIZE // stride
        y, x = (axis.reshape(-1) for axis in np.mgrid[:n, :n])
        row = np.concatenate([generator.normal(size=(n * n, 4)) / 2, generator.uniform(0.3, 1, (n * n, 3))], 1)
        rows.append(row.astype(np.float32))
        centre = (rows[-1][:, :2] + np.stack([x, y], 1)) * stride
        whole.append(np.concatenate([centre, np.exp(rows[-1][:, 2:4]) * stride], 1))
    out, centred = np.concatenate(rows)[None], np.concatenate(whole).astype(float)
    best, index = out[0, :, 4] * out[0, :, 5:].max(1), out[0, :, 5:].argmax(1)
    expected = suppressed(corners_of(centred), best, index)
    if form != "codes":
        out[0, :, :4] = centred / (1 if form == "pixels" else SIZE)
    odd = out[0, :, 4].argmin()  # what a network says of one cell decides nothing
    out[0, odd] = [300, 300, 300, 300, 0.1, 0.1, 0.1] if form == "codes" else [0, 0, -2, np.nan, 0.1, 0.1, 0.1]
    expected = [item for item in expected if item[2] != tuple(corners_of(centred[odd][None])[0])]
    task = detect([out], {"units": "unit"} if form == "unit" else {})
    assert task.to_dict()["output"]["decoder"] == "yolox"
    given = task.to_dict()["input"]
    assert (given["colour"], given["fit"], given["mean"], given["std"]) == ("bgr", "letterbox", 0, 1)
    kept = [item for item in expected if np.float32(item[1]) >= np.float32(0.25)]
    inner = round(SIZE * FRAME.shape[0] / FRAME.shape[1])
    scale = (STRETCHED[0], FRAME.shape[0] / inner)
    assert_same(task, in_frame(kept, scale, (0, -((SIZE - inner) // 2) * scale[1])))


@pytest.mark.parametrize("size", [20, 200])
@pytest.mark.parametrize("row", [0, 40, 83])
def test_one_decoded_box_among_nothing_is_what_yolov5_makes_of_it(row: int, size: int) -> None:
    out = np.zeros((1, 84, 85), np.float32)
    out[0, row, :6] = [32, 32, size, size, 0.9, 0.9]
    model, picture = head([out], (1, 64, 64, 3)), np.zeros((64, 64, 3), np.uint8)
    tasks = [Task(model, {"task": 1, "output": {"kind": "detections", **said}}) for said in ({}, {"decoder": "yolov5"})]
    assert tasks[0].to_dict()["output"]["decoder"] == "yolox"
    found = [task.run(picture).to_dict()["detections"] for task in tasks]
    assert found[0] == found[1]
    assert [item["box"] for item in found[0]] == [[22, 22, 42, 42] if size == 20 else [0, 0, 64, 64]]


@pytest.mark.parametrize("odd", [3.0, 1e6, np.inf])
@pytest.mark.parametrize("decoder", ["yolov5", "yolov8"])
def test_an_odd_candidate_does_not_change_the_units_of_all(decoder: str, odd: float) -> None:
    out = np.zeros((1, 100, 6), np.float32)
    out[0, :9] = [0.5, 0.5, 0.25, 0.5, 0.9, 0.9]
    out[0, 9] = [odd, odd, 0.2, 0.2, 0.1, 0.1]
    task = detect([out if decoder == "yolov5" else out.transpose(0, 2, 1)], {"decoder": decoder, "labels": []})
    found = task.run(FRAME).to_dict()["detections"]
    assert [item["box"] for item in found[:1]] == [[60, 24, 100, 72]]


def test_decoders_of_candidates_are_told_apart() -> None:
    def decoder(shape: tuple[int, ...], labels: int = 0) -> str:
        output = {"kind": "detections", "labels": [str(i) for i in range(labels)]}
        task = Task(head([np.zeros(shape)], (1, 64, 64, 3)), {"task": 1, "output": output})
        return str(task.to_dict()["output"]["decoder"])

    assert decoder((1, 84, 9)) == decoder((1, 84, 9), 4) == "yolox"
    assert decoder((1, 84, 9), 5) == "yolov5"
    assert decoder((1, 252, 9)) == "yolov5"
    assert decoder((1, 9, 84)) == "yolov8"


def test_yolov10_has_nothing_to_suppress() -> None:
    rows = np.array(
        [[2, 2, 10, 10, 0.3, 1], [2, 2, 10, 10, 0.9, 1], [3, 3, 9, 9, 0.2, 1], [0, 0, 40, 8, 0.5, 7]], np.float32
    )
    out = np.zeros((1, 100, 6), np.float32)
    out[0, :4] = rows
    expected = [(int(row[5]), float(row[4]), tuple(row[:4])) for row in rows[[1, 3, 0]]]
    assert_same(detect([out], {"units": "pixels"}), in_frame(expected, STRETCHED))


@pytest.mark.parametrize("background", [False, True])
def test_raw_ssd_with_anchors(background: bool) -> None:
    generator = np.random.default_rng(4)
    count, classes = 50, 3
    anchors = boxes_of(generator, count)[:, [1, 0, 3, 2]].astype(np.float32)
    codes = generator.normal(size=(count, 4)).astype(np.float32)
    raw = generator.normal(size=(count, classes + background)).astype(np.float32) * 2
    exponentials = np.exp(raw.astype(float))
    scores = (exponentials / exponentials.sum(1, keepdims=True))[:, int(background) :]
    y, x = (codes[:, i] / 10 * anchors[:, 2 + i] + anchors[:, i] for i in (0, 1))
    height, width = (np.exp(codes[:, i] / 5) * anchors[:, i] for i in (2, 3))
    best, index = scores.max(1), scores.argmax(1)
    chosen = best >= 0.4
    centred = np.stack([x, y, width, height], 1)
    expected = in_frame(suppressed(corners_of(centred[chosen]) * SIZE, best[chosen], index[chosen]), STRETCHED)
    output = {
        "decoder": "ssd_anchors", "activation": "softmax", "anchors": anchors.tolist(), "scales": [10, 10, 5, 5],
        "background": background, "least_score": 0.4,
    }  # fmt: skip
    assert_same(detect([codes[None], raw[None]], output), expected)


def test_classes_suppress_one_another_where_asked() -> None:
    out = np.zeros((1, 100, 6), np.float32)
    out[0, :2] = [[0.5, 0.5, 0.4, 0.4, 0.9, 0.1], [0.5, 0.5, 0.4, 0.4, 0.1, 0.8]]
    out = out.transpose(0, 2, 1)
    apart = detect([out], {"decoder": "yolov8"}).run(FRAME)
    assert len(apart.detections) == 2  # type: ignore[attr-defined]
    together = detect([out], {"decoder": "yolov8", "class_agnostic": True}).run(FRAME)
    assert len(together.detections) == 1  # type: ignore[attr-defined]


def test_what_is_not_finite_is_no_box() -> None:
    out = np.full((1, 6, 100), np.nan, np.float32)
    out[0, :, 0] = [0.5, 0.5, np.inf, 0.2, 0.9, 0.1]
    out[0, :, 1] = [0.5, 0.5, 0.2, 0.2, 0.7, 0.1]
    answer = detect([out], {"decoder": "yolov8"}).run(FRAME)
    assert [item.score for item in answer.detections] == [pytest.approx(0.7)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("shapes", "output", "sentence"),
    [
        ([(1, 10, 4)], {"decoder": "ssd"}, "ssd has boxes"),
        ([(1, 10, 4), (1, 10, 3)], {"decoder": "ssd_anchors"}, "needs n 'anchors'"),
        ([(1, 10, 4)], {"decoder": "yolov5"}, r"yolov5 has \(1, n, 5"),
        ([(1, 4, 10)], {"decoder": "yolov8"}, "yolov8 has"),
        ([(1, 20, 8)], {"decoder": "yolox"}, "yolox has"),
        ([(1, 10, 7)], {"decoder": "yolov10"}, "yolov10 has"),
        ([(1, 4, 4, 21)], {"anchors": [1, 2, 3]}, "three widths and heights"),
        ([(1, 4, 4, 20)], {"anchors": [1, 2, 3, 4, 5, 6]}, r"grids \(1, height"),
    ],
)
def test_outputs_that_do_not_fit_are_told(shapes: list[tuple[int, ...]], output: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TaskError, match=sentence):
        detect([np.zeros(shape) for shape in shapes], output)


def test_ssd_mobilenet_of_the_zoo() -> None:
    path = ZOO / "support__coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
    if not path.is_file():
        pytest.skip("needs ../shared/zoo (real trained networks), which is not on this machine")
    pixels = np.random.default_rng(5).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    pixels[60:200, 80:220] = [200, 30, 30]
    task = Task(path, {"task": 1, "input": {}, "output": {"least_score": 0.2}})
    answer = task.run(pixels)
    boxes, classes, scores, count = Session(path, engine="native").run(pixels[None], raw=True).values()
    chosen = [i for i in range(int(count[0])) if scores[0, i] >= 0.2]
    assert chosen
    assert [item.index for item in answer.detections] == [int(classes[0, i]) for i in chosen]  # type: ignore[attr-defined]
    for item, place in zip(answer.detections, chosen):  # type: ignore[attr-defined]
        top, left, bottom, right = (boxes[0, place] * 300).clip(0, 300)
        np.testing.assert_allclose(item.box, [left, top, right, bottom], atol=0.01)
        assert item.label is not None
