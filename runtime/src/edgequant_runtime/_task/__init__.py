"""Tasks: a picture, a sound or a line of numbers in, an answer out; all of it computed by the C library."""

from ._answers import (
    Anomaly,
    Answer,
    Classes,
    ClassScore,
    Detection,
    Detections,
    Embedding,
    Keypoint,
    Keypoints,
    Nearest,
    Segmentation,
)
from ._task import Heard, Task, TaskError

__all__ = [
    "Anomaly",
    "Answer",
    "ClassScore",
    "Classes",
    "Detection",
    "Detections",
    "Embedding",
    "Heard",
    "Keypoint",
    "Keypoints",
    "Nearest",
    "Segmentation",
    "Task",
    "TaskError",
]
