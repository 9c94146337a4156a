"""task.json and what is answered: every kind of output, what is inferred, and what is refused."""

from __future__ import annotations

import ctypes
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequant_runtime import InputError, Task, TaskError
from edgequant_runtime._engines._library import Error
from edgequant_runtime._task._library import task_library
from edgequant_runtime._task._metadata import _labels

from .conftest import examples
from .heads import SIZE, head, identity
from .single_op import Quantized

FRAME = np.zeros((64, 128, 3), np.uint8)
ZOO = Path(__file__).parents[4] / "shared" / "zoo"


def task_of(outputs: list[Any], output: dict[str, Any], **settings: Any) -> Task:
    return Task(head(outputs), {"task": 1, "input": {"kind": "image", **settings}, "output": output})


def test_classes_are_ranked_with_their_labels() -> None:
    scores = np.array([[0.1, 0.5, 0.2, 0.5, 0.0]], np.float32)
    answer = task_of([scores], {"labels": ["a", "b", "c", "d"], "top": 4}).run(FRAME)
    assert [(item.index, item.label) for item in answer.classes] == [(1, "b"), (3, "d"), (2, "c"), (0, "a")]
    assert str(answer).splitlines()[0] == "b 0.50"
    assert answer.to_dict()["classes"][0] == {"index": 1, "label": "b", "score": 0.5}
    few = task_of([scores], {"least_score": 0.3}).run(FRAME)
    assert [item.index for item in few.classes] == [1, 3]


def test_softmax_and_sigmoid() -> None:
    raw = np.random.default_rng(0).normal(size=(1, 7)).astype(np.float32) * 5
    exponentials = np.exp(raw[0].astype(float) - raw.max())
    for activation, expected in (
        ("softmax", exponentials / exponentials.sum()),
        ("sigmoid", 1 / (1 + np.exp(-raw[0]))),
    ):
        answer = task_of([raw], {"activation": activation, "top": 7}).run(FRAME)
        np.testing.assert_allclose([item.score for item in answer.classes], sorted(expected)[::-1], rtol=1e-6)


def test_not_a_number_is_no_class() -> None:
    answer = task_of([np.array([[np.nan, 0.25, np.nan]], np.float32)], {}).run(FRAME)
    assert [item.index for item in answer.classes] == [1]


def test_segmentation() -> None:
    scores = np.zeros((1, 16, 16, 3), np.float32)
    scores[0, :, :, 0] = 0.5
    scores[0, 4:8, :, 2] = 1
    answer = task_of([scores], {"labels": ["road", "sky", "car"]}, fit="letterbox").run(FRAME)
    assert [(item.label, item.score) for item in answer.classes] == [("road", 0.75), ("car", 0.25)]
    np.testing.assert_array_equal(answer.mask, np.where((np.arange(16)[:, None] // 4 == 1) & np.ones(16, bool), 2, 0))
    assert answer.covers == (0, -32, 128, 96)
    told = answer.to_dict()["mask"]
    np.testing.assert_array_equal(np.repeat(told["runs"][::2], told["runs"][1::2]).reshape(16, 16), answer.mask)
    one = np.where(np.arange(256).reshape(1, 16, 16, 1) < 64, 0.9, 0.1).astype(np.float32)
    answer = task_of([one], {"labels": ["person"]}).run(FRAME)
    assert [(item.label, item.score) for item in answer.classes] == [("background", 0.75), ("person", 0.25)]


@pytest.mark.parametrize("units", ["unit", "pixels"])
def test_keypoints_as_numbers(units: str) -> None:
    points = np.random.default_rng(1).uniform(0, 1, (1, 1, 17, 3)).astype(np.float32)
    scale = 1 if units == "unit" else SIZE
    out = points * np.float32([scale, scale, 1])
    answer = task_of([out], {"kind": "keypoints", "points": "yxs", "units": units}).run(FRAME)
    found = np.array([[item.y / 64, item.x / 128, item.score] for item in answer.keypoints])
    np.testing.assert_allclose(found, points[0, 0], rtol=1e-5)
    answer = task_of([out], {"kind": "keypoints", "points": "xyz", "units": units}).run(FRAME)
    np.testing.assert_allclose([item.x / 128 for item in answer.keypoints], points[0, 0, :, 0], rtol=1e-5)


def test_keypoints_as_maps() -> None:
    maps = np.zeros((1, 8, 8, 2), np.float32)
    maps[0, 2, 5, 0], maps[0, 2, 6, 0] = 0.9, 0.4
    maps[0, 7, 0, 1] = 0.6
    answer = task_of([maps], {"kind": "keypoints", "labels": ["nose", "toe"]}).run(FRAME)
    assert [(p.label, pytest.approx(p.score), p.x, p.y) for p in answer.keypoints] == [
        ("nose", 0.9, 5.75 * 16, 2.5 * 8), ("toe", 0.6, 0.5 * 16, 7.5 * 8),
    ]  # fmt: skip


def test_embeddings_and_their_distance() -> None:
    values = np.array([[3, 4, 0]], np.float32)
    references = [
        {"label": "far", "values": [0, 0, 1]},
        {"label": "near", "values": [6, 8, 0]},
        {"label": "other", "values": [-1, 0, 0]},
    ]
    answer = task_of([values], {"kind": "embedding", "references": references}).run(FRAME)
    np.testing.assert_allclose(answer.values, [0.6, 0.8, 0], rtol=1e-6)
    assert [(n.label, pytest.approx(n.distance, abs=1e-6)) for n in answer.nearest] == [
        ("near", 0),
        ("far", 1),
        ("other", 1.6),
    ]
    with pytest.raises(TaskError, match="references have 2 values, and the model's embedding has 3"):
        task_of([values], {"kind": "embedding", "references": [{"label": "x", "values": [1, 2]}]})


def test_anomalies() -> None:
    model = head([np.zeros((1, 6), np.float32)], (1, 6))
    task = Task(model, {"task": 1, "input": {"kind": "vector"}, "output": {"kind": "anomaly", "threshold": 2}})
    answers = task.feed([[1] * 6, [2] * 6])
    assert [(answer.score, answer.is_anomaly, answer.threshold) for answer in answers] == [(1, False, 2), (4, True, 2)]
    value = Task(
        head([np.array([[7.0]])], (1, 6)), {"task": 1, "input": {}, "output": {"kind": "anomaly", "measure": "value"}}
    )
    (answer,) = value.feed(np.zeros(6))
    assert (answer.score, answer.is_anomaly, answer.threshold) == (7, False, None)


def test_lines_slide_through_a_window() -> None:
    settings = {"kind": "vector", "columns": ["x", "y"], "step": 2, "mean": [1, 10], "std": [2, 1]}
    task = Task(identity((1, 3, 2)), {"task": 1, "input": settings, "output": {"kind": "classes"}})
    view = task._engine.input_view(0)
    lines = np.arange(14, dtype=np.float32).reshape(7, 2)
    seen = [(view.copy(), answer) for line in lines for answer in task.feed(line)]
    windows = [lines[0:3], lines[2:5], lines[4:7]]
    assert len(seen) == 3
    for (given_values, _), window in zip(seen, windows):
        np.testing.assert_array_equal(given_values[0], (window - np.float32([1, 10])) / np.float32([2, 1]))
    with pytest.raises(InputError, match="it sees 3 lines of 2 numbers"):
        task.run(lines[:2])


def test_a_described_task_is_the_same_task() -> None:
    scores = np.random.default_rng(2).uniform(size=(1, 50, 9)).astype(np.float32)
    for task in (
        task_of(
            [scores], {"kind": "detections", "decoder": "yolov5", "labels": ["ä", 'quote " \\', "\t"]}, fit="letterbox"
        ),
        Task(identity((1, 9, 40), Quantized(26 / 255, -128))),
        Task(identity((1, 4, 13)), {"task": 1, "input": {"kind": "audio", "features": "mfcc"}, "output": {}}),
        Task(identity((1, 12)), {"task": 1, "input": {"columns": ["a", "b", "c"]}, "output": {"kind": "anomaly"}}),
        task_of([np.ones((1, 4))], {"kind": "embedding", "references": [{"label": "x", "values": [1, 2, 3, 4]}]}),
    ):
        whole = task.to_dict()
        assert Task(task._engine._model.content, whole).to_dict() == whole


def test_labels_from_a_file_a_list_and_the_model(tmp_path: Path) -> None:
    scores = np.array([[0.1, 0.9]], np.float32)
    (tmp_path / "labels.txt").write_bytes("cat\r\nd\u00f6g".encode() + b"\xff\n")
    assert Task(head([scores]), labels=tmp_path / "labels.txt").run(FRAME).classes[0].label == "d\u00f6g?"
    assert Task(head([scores]), labels=["cat", "dog"]).run(FRAME).classes[0].label == "dog"
    path = ZOO / "support__automl_labeler_model.tflite"
    if path.is_file():
        assert Task(path).to_dict()["output"]["labels"] == ["daisy", "dandelion", "roses", "sunflowers", "tulips"]


def test_a_task_beside_the_model_is_taken(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(head([np.array([[0.1, 0.9]])]))
    (tmp_path / "task.json").write_text('{"task": 1, "input": {}, "output": {"top": 1, "labels": ["cat", "dog"]}}')
    assert str(Task(tmp_path / "model.tflite").run(FRAME)) == "dog 0.90"


BAD = [
    ("", "it is no JSON: line 1 has something that is no value"),
    ('{"task": 1,\n"input": {]}', "line 2 has a member without a key"),
    ("[1]", "it must be an object"),
    ('{"task": 2}', "version of its format, is 2: this program reads version 1"),
    ("{}", "is 0: this program"),
    ('{"task": 1, "inputs": {}}', "'inputs' is no key of version 1"),
    ('{"task": 1, "input": {"kind": "video"}}', "'input.kind' must be one of: image audio vector"),
    ('{"task": 1, "input": {"fit": "fill"}}', "'input.fit' must be one of: stretch"),
    ('{"task": 1, "input": {"width": 33}}', "its picture is 33 x 0, width by height, and the model takes 32 x 32"),
    ('{"task": 1, "input": {"width": 1.5}}', "'input.width' must be a whole number from 1"),
    ('{"task": 1, "input": {"mean": [1, 2]}}', "'input.mean' must be one number or 3"),
    ('{"task": 1, "input": {"std": 0}}', "'input.std' must not be 0"),
    ('{"task": 1, "input": {"mean": "1"}}', "'input.mean' must be a list of at most"),
    ('{"task": 1, "input": {"mean": 1e999}}', "'input.mean' must be a list of at most"),
    ('{"task": 1, "input": {"colour": "grey"}}', "'input.colour' does not fit the model, whose pictures"),
    ('{"task": 1, "input": []}', "'input' must be an object"),
    ('{"task": 1, "output": {"labels": [1]}}', "'output.labels' must be a list of at most"),
    ('{"task": 1, "output": {"top": 0}}', "'output.top' must be a whole number from 1 to 1000"),
    ('{"task": 1, "output": {"kind": "segmentation"}}', r"its output is a segmentation, which is \(1, height"),
    ('{"task": 1, "output": {"kind": "keypoints"}}', "its output is keypoints, which are three numbers"),
    ('{"task": 1, "output": {"kind": "anomaly"}}', "its anomaly is the error of a reconstruction"),
    ('{"task": 1, "output": {"kind": "detections", "class_agnostic": 1}}', "must be true or false"),
    ('{"task": 1, "output": {"kind": "embedding", "references": [{"label": "x"}]}}', "its 'label' must be there"),
    ('{"task": 1, "input": {"kind": "audio", "features": "log_mel", "rate": 1}}', "'input.rate' must be a whole"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_what_is_wrong_with_a_task_is_told(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(text)
    with pytest.raises(TaskError, match=sentence) as caught:
        Task(head([np.ones((1, 2))]), tmp_path / "task.json")
    assert str(caught.value).count("\n") == 0


def read(text: bytes) -> str:
    """Open a task with any bytes; returns the sentence, or nothing."""
    model = _opened()
    error, handle = Error(), ctypes.c_void_p()
    session = model._engine._session.handle
    if task_library().eq_task_open(session, text, len(text), None, 0, ctypes.byref(handle), ctypes.byref(error)):
        assert handle.value is None
        assert error.message
        return error.message.decode()
    task_library().eq_task_close(handle)
    return ""


def _opened() -> Task:
    if not hasattr(_opened, "task"):
        _opened.task = Task(head([np.ones((1, 2))]))
    return _opened.task


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS = (
    "task input output kind width height fit fill colour layout mean std rate features window hop fft bands labels top "
    "decoder anchors scales references label values threshold"
)
KEYS = st.sampled_from(WORDS.split(" "))


@given(st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=4), max_size=5))
@examples()
def test_any_json_is_a_task_or_refused(values: dict[str, Any]) -> None:
    read(json.dumps({"task": 1, **values}).encode())


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 255))
@examples()
def test_any_bytes_are_a_task_or_refused(content: bytes, at: int, byte: int) -> None:
    good = b'{"task": 1, "input": {"mean": [1.5e0, -2, 3]}, "output": {"labels": ["\\u00e4\\ud83d\\ude00\\n"]}}'
    assert read(good) == ""
    assert read(content) != ""
    read(good[:at])
    read(good[:at] + bytes([byte]) + good[at + 1 :])
    read(b"[" * 5000 + content)
    read(b'{"a":' * 20 + content)


@given(st.floats(-1e30, 1e30, allow_subnormal=False))
@examples()
def test_numbers_are_read_to_the_last_digit(value: float) -> None:
    text = json.dumps({"task": 1, "input": {"mean": value}, "output": {}})
    found = Task(head([np.ones((1, 2))]), text).to_dict()["input"]["mean"]
    assert found == pytest.approx(value, rel=2e-7, abs=1e-37)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_labels_in_a_damaged_archive_are_none(method: int) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        archive.writestr("labels.txt", "cat\ndog\n" * 20)
    whole = written.getvalue()
    assert _labels(whole, [])[:2] == ["cat", "dog"]
    for place in range(30, len(whole)):
        _labels(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :], [])
    broken = bytearray(whole)
    broken[40:44] = b"\xff\xff\xff\xff"  # inside of what is compressed
    assert _labels(bytes(broken), []) == []
