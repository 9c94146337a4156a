"""Whether a quantized detector finds the objects that the float one finds.

The SQNR of boxes and scores says little of that: one confident score among thousands of zeros is an object. So the
outputs of networks that look like detectors are read as detections, those of a class that overlap are thinned out as
every user of a detector does, and the boxes of both models are matched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_SCORE, LEAST_IOU = 0.25, 0.5
"""The score above which a box counts, and the overlap (intersection over union) at which two are the same."""

MOST = 300
"""So many boxes of a sample are looked at, those of the highest scores."""

FEWEST_BOXES = 16
"""An output with fewer places is not taken for a detector's."""

PIXELS = 1.5
"""Boxes joined with scores reach beyond this: others could not be told from them."""

MOSTLY = 0.99
"""If the third and fourth number of so many boxes are above the first and second, they are corners."""


@dataclass(frozen=True, slots=True)
class DetectionMeasure:
    """How many objects the float model found, how many of them the other found too, and how many others it found."""

    reference: int
    found: int
    others: int


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Corners (N, 4), class numbers and scores (N,), the highest first."""

    corners: NDArray[np.float64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]


class DetectionAgreement:
    """Counts over samples; memory does not grow with their number."""

    def __init__(self) -> None:
        self._reference = self._found = self._others = 0
        self._layout: _Layout | None = None

    def update(self, reference: Sequence[NDArray[Any]], test: Sequence[NDArray[Any]]) -> None:
        """Add one sample's outputs, all of them, of both models in the same order."""
        if self._layout is None:  # also after samples in which nothing was found, and which therefore showed nothing
            found = _layout_of(reference)
            self._layout = None if found is None else found.settled(reference)
        if self._layout is None:
            return
        expected, computed = (_thinned(self._layout.boxes(outputs)) for outputs in (reference, test))
        matched = _matches(expected, computed)
        self._reference += len(expected.scores)
        self._found += matched
        self._others += len(computed.scores) - matched

    @property
    def measure(self) -> DetectionMeasure | None:
        """The counts; None if the outputs are no detector's, or it found nothing."""
        if self._layout is None or self._reference == 0:
            return None
        return DetectionMeasure(self._reference, self._found, self._others)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where boxes and scores are among the outputs.

    `joined`: one output holds both, features along its second axis from the end (-2) or its last (-1): a box, scores up
    to `scores_end`, and then what is no score, such as key points; `numbered`: then the class number. Else `boxes_at`
    and `scores_at` are outputs; `classes_at`, if any, has the class numbers.
    """

    boxes_at: int
    scores_at: int
    joined: int | None = None
    scores_end: int | None = None
    numbered: bool = False
    classes_at: int | None = None
    by_corners: bool = False

    def settled(self, outputs: Sequence[NDArray[Any]]) -> "_Layout":
        """Return the layout that knows whether boxes are two corners, or a centre and a size."""
        boxes = outputs[self.boxes_at] if self.joined is None else np.moveaxis(outputs[self.boxes_at], self.joined, -1)
        ordered = boxes[..., 2:4] >= boxes[..., :2]
        return replace(self, by_corners=bool(ordered.all(axis=-1).mean() > MOSTLY))

    def boxes(self, outputs: Sequence[NDArray[Any]]) -> _Boxes:
        """Return what is above the least score."""
        if not outputs[self.boxes_at].size:  # a free number of boxes may be none
            return _Boxes(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0))
        boxes, scores = self._arrays(outputs)
        classes, best = scores.argmax(axis=1), scores.max(axis=1)
        if self.classes_at is not None:
            classes = _class_numbers(outputs[self.classes_at])[: len(best)]
        elif self.numbered:
            classes = _class_numbers(self._rows(outputs)[:, self.scores_end])
        keep = np.argsort(-best, kind="stable")[:MOST]
        keep = keep[best[keep] > LEAST_SCORE]
        corners = boxes[keep]
        if not self.by_corners:
            corners = np.concatenate([corners[:, :2] - corners[:, 2:] / 2, corners[:, :2] + corners[:, 2:] / 2], axis=1)
        return _Boxes(corners, classes[keep], best[keep])

    def _arrays(self, outputs: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.joined is not None:
            rows = self._rows(outputs).astype(np.float64)
            return rows[:, :4], rows[:, 4 : self.scores_end]
        boxes = outputs[self.boxes_at].astype(np.float64).reshape(-1, 4)
        scores = outputs[self.scores_at].astype(np.float64).reshape(len(boxes), -1)
        return boxes, _without_background(scores)

    def _rows(self, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return _rows_along(outputs[self.boxes_at], -1 if self.joined is None else self.joined)


def _layout_of(outputs: Sequence[NDArray[Any]]) -> _Layout | None:
    """Return how outputs hold detections; None if they do not look so."""
    for number, output in enumerate(outputs):
        if output.ndim == 3 and output.size and output.dtype.kind == "f":
            for axis in (-2, -1):
                found = _joined(_Layout(number, number, joined=axis), _rows_along(output, axis))
                if found is not None:
                    return found
    boxes = [i for i, output in enumerate(outputs) if output.ndim == 3 and output.shape[-1] == 4]
    if not boxes:
        return None
    count = outputs[boxes[0]].shape[-2]
    named = [i for i, y in enumerate(outputs) if y.ndim == 2 and y.shape[-1] == count]
    scores = [i for i, y in enumerate(outputs) if i not in boxes and y.ndim == 3 and y.shape[-2] == count]
    scores = [i for i in scores if count >= FEWEST_BOXES and _is_scores(outputs[i])]
    if scores:
        return _Layout(boxes[0], scores[0])
    # LiteRT's detection operator: boxes, class numbers, scores, how many.
    if len(named) == 2 and len(outputs) == 4 and _is_scores(outputs[named[1]]):
        return _Layout(boxes[0], named[1], classes_at=named[0])
    return None


def _joined(layout: _Layout, rows: NDArray[Any]) -> _Layout | None:
    """Return the layout of rows that begin with a box in pixels and a score; None if they do not look so."""
    if not 5 <= rows.shape[1] < len(rows) or np.abs(rows[:, :4]).max() <= PIXELS:
        return None
    # Class numbers may all be 0 or 1, and scores are not whole.
    numbered = rows.shape[1] == 6 and _are_whole(rows[:, 5]) and not _are_whole(rows[:, 4])
    ends = range(4, rows.shape[1] - numbered)
    scores = next((end for end in ends if not _is_scores(rows[:, end])), ends.stop)
    if scores == rows.shape[1]:
        return layout
    others = rows[:, scores:]
    # With other numbers beside them, the scores alone do not tell a detector: sizes, or corners in order, have to too.
    is_box = (rows[:, 2:4] > 0).all() or (rows[:, 2:4] >= rows[:, :2]).all()
    if scores == 4 or not is_box or not np.isfinite(others).all():
        return None
    return replace(layout, scores_end=scores, numbered=others.shape[1] == 1 and _are_whole(others))


def _rows_along(output: NDArray[Any], axis: int) -> NDArray[Any]:
    return np.moveaxis(output, axis, -1).reshape(-1, output.shape[axis])


def _are_whole(values: NDArray[Any]) -> bool:
    return bool((values == np.rint(values)).all())


def _class_numbers(values: NDArray[Any]) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.rint(values).astype(np.int64).ravel()
    return numbers


def _is_scores(values: NDArray[Any]) -> bool:
    return bool(values.size and values.dtype.kind == "f" and values.min() >= -1e-3 and values.max() <= 1.001)


def _without_background(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores without the class that stands for nothing, where they sum up to 1."""
    if scores.shape[1] < 2 or np.abs(scores.sum(axis=1) - 1).max() > 0.1:
        return scores
    shown: NDArray[np.float64] = np.delete(scores, scores.mean(axis=0).argmax(), axis=1)
    return shown


def _iou(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (one[2:] - one[:2]).prod()
    return np.asarray(common / np.maximum(areas - common, 1e-12))


def _thinned(boxes: _Boxes) -> _Boxes:
    """Leave out every box that overlaps one of the same class with a higher score."""
    kept: list[int] = []
    waiting = np.arange(len(boxes.scores))
    while len(waiting):
        first, waiting = int(waiting[0]), waiting[1:]
        kept.append(first)
        same = boxes.classes[waiting] == boxes.classes[first]
        overlaps = _iou(boxes.corners[first], boxes.corners[waiting]) >= LEAST_IOU
        waiting = waiting[~(same & overlaps)]
    return _Boxes(boxes.corners[kept], boxes.classes[kept], boxes.scores[kept])


def _matches(reference: _Boxes, test: _Boxes) -> int:
    """Return how many boxes have a partner of the same class, each its own, the best overlaps first."""
    free = np.ones(len(test.scores), bool)
    count = 0
    for corners, number in zip(reference.corners, reference.classes, strict=True):
        overlaps = np.where(free & (test.classes == number), _iou(corners, test.corners), 0.0)
        if len(overlaps) and overlaps.max() >= LEAST_IOU:
            free[overlaps.argmax()] = False
            count += 1
    return count
