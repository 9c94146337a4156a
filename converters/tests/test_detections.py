"""Outputs that look like a detector's are read as one, and its objects are matched."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgequant_converters import DetectionAgreement, DetectionMeasure

PLACES = 40


def scene() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return boxes (N, 4) by centre and size in pixels, and scores (N, 3): two objects, one of them found twice."""
    draw = np.random.default_rng(0)
    boxes = np.concatenate([draw.uniform(20, 300, (PLACES, 2)), draw.uniform(10, 40, (PLACES, 2))], 1)
    boxes[:3] = [[50, 50, 40, 40], [52, 50, 40, 40], [200, 200, 30, 60]]
    scores = draw.uniform(0, 0.1, (PLACES, 3))
    scores[0, 1], scores[1, 1], scores[2, 2] = 0.9, 0.8, 0.6
    return boxes.astype(np.float32), scores.astype(np.float32)


def corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def outputs(form: str, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    if form == "operator":
        best = scores.max(1)[None], scores.argmax(1).astype(np.float32)[None]
        return [corners(boxes)[None], best[1], best[0], np.array([PLACES], np.float32)]
    if form == "two outputs":
        return [scores[None], corners(boxes)[None]]
    if form in ("chosen", "chosen of two"):  # boxes, their scores, their classes
        classes = scores.argmax(1)[:, None] % (2 if form == "chosen of two" else scores.shape[1])
        chosen = [corners(boxes), scores.max(1, keepdims=True), classes]
        return [np.concatenate(chosen, 1, dtype=np.float32)[None]]
    if form == "pose":
        points = np.random.default_rng(2).uniform(-20, 320, (len(boxes), 18)).astype(np.float32)
        scores = np.concatenate([scores, points], 1)
    joined = np.concatenate([boxes, scores], 1)[None]
    return [joined if form == "rows" else joined.transpose(0, 2, 1)]


@pytest.mark.parametrize("form", ["rows", "columns", "pose", "chosen", "chosen of two", "two outputs", "operator"])
def test_objects_are_counted_in_every_form(form: str) -> None:
    boxes, scores = scene()
    moved, lost = boxes.copy(), scores.copy()
    moved[0, 0] += 4  # the same object, seen a little beside
    lost[2, 2], lost[30, 0] = 0.2, 0.7  # one is lost, and one more seen
    agreement = DetectionAgreement()
    agreement.update(outputs(form, boxes, scores), outputs(form, moved, lost))
    assert agreement.measure == DetectionMeasure(reference=2, found=1, others=1)


def test_other_outputs_are_no_detections() -> None:
    agreement = DetectionAgreement()
    draw = np.random.default_rng(1)
    logits = draw.normal(size=(1, 10)).astype(np.float32)
    features = draw.normal(size=(1, 64, 32)).astype(np.float32) * 4
    features[..., 4] = draw.uniform(size=64)  # one of them as a score is, but the first four are no box
    for outputs_of_others in ([logits], [features], [np.maximum(features, 0)]):
        agreement.update(outputs_of_others, outputs_of_others)
        assert agreement.measure is None


@pytest.mark.parametrize("form", ["rows", "columns", "two outputs"])
def test_a_free_number_of_boxes_may_be_none(form: str) -> None:
    boxes, scores = scene()
    whole, none = outputs(form, boxes, scores), outputs(form, boxes[:0], scores[:0])
    agreement = DetectionAgreement()
    agreement.update(none, none)
    agreement.update(whole, whole)
    agreement.update(whole, none)
    assert agreement.measure == DetectionMeasure(reference=4, found=2, others=0)
