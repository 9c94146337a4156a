"""What a task answers, by the kind of its output. Boxes and points are in pixels of the picture that was given."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._library import AnswerStructure

    _Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ClassScore:
    """A class; `score` is 0 to 1 as a rule, of a segmentation the class's share of the picture."""

    index: int
    label: str | None
    score: float

    def __str__(self) -> str:
        return f"{_name(self.label, self.index)} {self.score:.2f}"


@dataclass(frozen=True)
class Detection:
    """Something found; `box` is left, top, right, bottom, `points` are (x, y) in it, as a face's eyes."""

    index: int
    label: str | None
    score: float
    box: _Box
    points: tuple[tuple[float, float], ...] = ()

    def __str__(self) -> str:
        corners = ", ".join(f"{corner:.0f}" for corner in self.box)
        return f"{_name(self.label, self.index)} {self.score:.2f} at {corners}"


@dataclass(frozen=True)
class Keypoint:
    """A point of a body, a hand or a face."""

    index: int
    label: str | None
    score: float
    x: float
    y: float

    def __str__(self) -> str:
        return f"{_name(self.label, self.index)} {self.score:.2f} at {self.x:.0f}, {self.y:.0f}"


@dataclass(frozen=True)
class Nearest:
    """A reference and how far from it the answer is: 1 less the cosine of the angle, 0 to 2."""

    index: int
    label: str | None
    distance: float

    def __str__(self) -> str:
        return f"{_name(self.label, self.index)} {self.distance:.3f}"


@dataclass(frozen=True)
class Answer:
    """What every answer has; its class says what kind of one it is."""

    json: str = field(repr=False, compare=False)
    """One object on one line, as edgequant-run --json prints it; docs/task.md has its keys."""

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        values: dict[str, Any] = json.loads(self.json)
        return values


@dataclass(frozen=True)
class Classes(Answer):
    """The best classes, the best first."""

    classes: tuple[ClassScore, ...]

    def __str__(self) -> str:
        return _lines(self.classes)


@dataclass(frozen=True)
class Detections(Answer):
    """What was found, the surest first."""

    detections: tuple[Detection, ...]

    def __str__(self) -> str:
        return _lines(self.detections)


@dataclass(frozen=True)
class Segmentation(Answer):
    """`mask` (height, width) of classes, uint8; it covers `covers` of the picture: left, top, right, bottom."""

    classes: tuple[ClassScore, ...]
    mask: NDArray[np.uint8] = field(repr=False, compare=False)
    covers: _Box

    def __str__(self) -> str:
        return _lines(self.classes)


@dataclass(frozen=True)
class Keypoints(Answer):
    """All points, in the model's order."""

    keypoints: tuple[Keypoint, ...]

    def __str__(self) -> str:
        return _lines(self.keypoints)


@dataclass(frozen=True)
class Embedding(Answer):
    """`values` of length 1, float32, and the nearest of the task's references."""

    values: NDArray[np.float32] = field(repr=False, compare=False)
    nearest: tuple[Nearest, ...]

    def __str__(self) -> str:
        return _lines(self.nearest) if self.nearest else f"{len(self.values)} values"


@dataclass(frozen=True)
class Anomaly(Answer):
    """`threshold` is None where the task has none; then nothing is an anomaly."""

    score: float
    threshold: float | None
    is_anomaly: bool

    def __str__(self) -> str:
        return f"{self.score:.4g}{' anomaly' if self.is_anomaly else ''}"


def read_answer(answer: AnswerStructure, line: str) -> Answer:
    """Copy what the library lends until its next call."""
    from . import _library as kinds

    items = [answer.items[place] for place in range(answer.count)]
    if answer.kind == kinds.ANOMALY:
        threshold = None if answer.threshold != answer.threshold else float(answer.threshold)
        return Anomaly(line, float(items[0].score), threshold, bool(answer.is_anomaly))
    named = [(item, None if item.label is None else item.label.decode()) for item in items]
    if answer.kind == kinds.DETECTIONS:
        each = answer.points_each if answer.points else 0
        points = [(point.x, point.y) for point in answer.points[: answer.count * each]] if each else []
        return Detections(
            line,
            tuple(
                Detection(
                    item.index,
                    name,
                    item.score,
                    (item.left, item.top, item.right, item.bottom),
                    tuple(points[place * each : (place + 1) * each]),
                )
                for place, (item, name) in enumerate(named)
            ),
        )
    if answer.kind == kinds.KEYPOINTS:
        return Keypoints(line, tuple(Keypoint(i.index, name, i.score, i.left, i.top) for i, name in named))
    if answer.kind == kinds.EMBEDDING:
        import numpy as np

        values = np.array(answer.values[: answer.value_count], np.float32)
        return Embedding(line, values, tuple(Nearest(i.index, name, i.score) for i, name in named))
    classes = tuple(ClassScore(i.index, name, i.score) for i, name in named)
    if answer.kind == kinds.SEGMENTATION:
        import numpy as np

        shape = (answer.mask_height, answer.mask_width)
        mask = np.ctypeslib.as_array(answer.mask, shape).copy()
        covers = (answer.mask_left, answer.mask_top, answer.mask_right, answer.mask_bottom)
        return Segmentation(line, classes, mask, covers)
    return Classes(line, classes)


def _name(label: str | None, index: int) -> str:
    return f"#{index}" if label is None else label


def _lines(items: tuple[object, ...]) -> str:
    return "\n".join(str(item) for item in items) if items else "nothing"
