"""TFLite_Detection_PostProcess and NON_MAX_SUPPRESSION, the ends of detectors, against LiteRT, bit for bit.

Equal scores are frequent where they are quantized, so the drawn ones are few.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, check, run_litert, run_native
from .single_op import Model, Quantized

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Detector:
    """Sizes and options of one."""

    boxes: int = 20
    classes: int = 3
    background: int = 1
    columns: int = 4  # of the encodings
    most: int = 10  # max_detections
    most_classes: int = 1  # max_classes_per_detection
    per_class: int | None = None
    score: float = 0.2
    overlap: float = 0.5
    regular: bool | None = False
    levels: int = 6  # different scores

    @property
    def options(self) -> dict[str, Any]:
        scales = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
        optional = {"detections_per_class": self.per_class, "use_regular_nms": self.regular}
        return {
            "max_detections": self.most,
            "max_classes_per_detection": self.most_classes,
            "nms_score_threshold": self.score,
            "nms_iou_threshold": self.overlap,
            "num_classes": self.classes,
            **scales,
            **{key: value for key, value in optional.items() if value is not None},
        }


DETECTORS = st.builds(
    Detector,
    boxes=st.integers(1, 60),
    classes=st.integers(1, 12),
    background=st.integers(0, 1),
    columns=st.integers(4, 6),
    most=st.integers(1, 20),
    most_classes=st.integers(1, 13),
    per_class=st.none() | st.integers(1, 10),
    score=st.sampled_from([-0.1, 0.0, 0.3, 0.5, 0.9]),
    overlap=st.sampled_from([0.1, 0.5, 0.8, 1.0]),
    regular=st.sampled_from([None, False, True, True]),
    levels=st.integers(2, 9),
)


def model_of(detector: Detector, kind: str, score_kind: str, anchors: NDArray[Any], options: Any = None) -> bytes:
    d, model = detector, Model()

    def quantized(kind: str, scale: float, zero_point: int) -> Quantized | None:
        return None if kind == "FLOAT32" else Quantized(scale, zero_point)

    inputs = [
        model.input((1, d.boxes, d.columns), kind, quantized(kind, 0.1, 128)),
        model.input((1, d.boxes, d.classes + d.background), score_kind, quantized(score_kind, 1 / 256, 0)),
        model.constant(anchors, kind, quantized(kind, 1 / 200, 0)),
    ]
    room = d.most * d.most_classes
    outputs = [model.tensor(shape, "FLOAT32") for shape in ((1, room, 4), (1, room), (1, room), (1,))]
    model.custom("TFLite_Detection_PostProcess", inputs, outputs, d.options if options is None else options)
    return model.finish(outputs)


def values_of(detector: Detector, kind: str, score_kind: str, seed: int) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Anchors and inputs."""
    d, rng = detector, np.random.default_rng(seed)
    anchors = np.concatenate([rng.uniform(0, 1, (d.boxes, 2)), rng.uniform(0.1, 0.5, (d.boxes, 2))], axis=1)
    encodings = rng.normal(size=(1, d.boxes, d.columns))
    scores = rng.integers(0, d.levels, (1, d.boxes, d.classes + d.background)) / d.levels
    is_float, has_float_scores = kind == "FLOAT32", score_kind == "FLOAT32"
    return anchors.astype(np.float32) if is_float else np.rint(anchors * 200).astype(np.uint8), [
        encodings.astype(np.float32) if is_float else np.rint(encodings * 10 + 128).astype(np.uint8),
        scores.astype(np.float32) if has_float_scores else np.rint(scores * 256).astype(np.uint8),
    ]


def defined(detector: Detector, outputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """LiteRT's outputs, with zeros for what it does not write: after the last detection, or class of one."""
    d, count = detector, int(outputs[3][0])
    used = np.zeros((d.most, d.most_classes), bool)
    if d.regular:
        used.ravel()[:count] = True
    else:
        used[:count, : d.classes] = True
    cut = [np.where(used.reshape(1, -1, *[1] * (value.ndim - 2)), value, np.float32(0)) for value in outputs[:3]]
    return [*cut, outputs[3]]


@given(detector=DETECTORS, kind=st.sampled_from(["FLOAT32", "UINT8"]), mixed=st.booleans(), seed=SEEDS)
@examples()
def test_detection_post_process(detector: Detector, kind: str, mixed: bool, seed: int) -> None:
    score_kind = {"FLOAT32": "UINT8", "UINT8": "FLOAT32"}[kind] if mixed else kind
    anchors, inputs = values_of(detector, kind, score_kind, seed)
    data = model_of(detector, kind, score_kind, anchors)
    check(data, inputs, expected=defined(detector, run_litert(data, inputs)))


def test_boxes_that_are_not_numbers_are_survived() -> None:
    """LiteRT stops at a box whose ends are the wrong way round; a run here cannot fail."""
    detector = Detector(most_classes=3)
    anchors, (encodings, scores) = values_of(detector, "FLOAT32", "FLOAT32", 0)
    encodings[0, ::2] = np.nan
    scores[0, 1::3] = np.nan
    anchors[::5] *= -1
    for regular in (False, True):
        data = model_of(replace(detector, regular=regular), "FLOAT32", "FLOAT32", anchors)
        count = run_native(data, [encodings, scores])[3][0]
        assert 0 <= count <= detector.most


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("num_classes", 7, "scores are of 4 classes"),
        ("num_classes", 0, "num_classes is 0"),
        ("max_detections", 0, "must be positive"),
        ("max_detections", 2**31 - 1, "larger than the memory limit"),
        ("max_classes_per_detection", -1, "must be positive"),
        ("detections_per_class", 0, "must be positive"),
        ("nms_iou_threshold", 0.0, "nms_iou_threshold must be above 0"),
        ("nms_iou_threshold", float("nan"), "nms_iou_threshold must be above 0"),
        ("y_scale", 0.0, "y_scale must be a number other than 0"),
        ("w_scale", float("inf"), "w_scale must be a number other than 0"),
    ],
)
def test_refuses_senseless_options(option: str, value: float, sentence: str) -> None:
    detector = Detector()
    anchors, inputs = values_of(detector, "FLOAT32", "FLOAT32", 0)
    data = model_of(detector, "FLOAT32", "FLOAT32", anchors, {**detector.options, option: value})
    with pytest.raises(NativeError, match=sentence):
        run_native(data, inputs)


@pytest.mark.parametrize("options", [b"", b"\x00", b"not a flexbuffer at all", bytes(range(256))])
def test_refuses_options_that_cannot_be_read(options: bytes) -> None:
    detector = Detector()
    anchors, inputs = values_of(detector, "FLOAT32", "FLOAT32", 0)
    with pytest.raises(NativeError, match="num_classes is 0"):
        run_native(model_of(detector, "FLOAT32", "FLOAT32", anchors, options), inputs)


def test_refuses_shapes_that_do_not_fit() -> None:
    detector = Detector()
    anchors, inputs = values_of(detector, "FLOAT32", "FLOAT32", 0)
    with pytest.raises(NativeError, match="anchors"):
        run_native(model_of(detector, "FLOAT32", "FLOAT32", anchors[:-1]), inputs)


# ---- NON_MAX_SUPPRESSION_V4 and V5 ----


def suppression(boxes: int, most: int, overlap: float, score: float, sigma: float | None) -> bytes:
    model = Model()
    numbers = [overlap, score] + ([] if sigma is None else [sigma])
    inputs = [
        model.input((boxes, 4), "FLOAT32"),
        model.input((boxes,), "FLOAT32"),
        model.constant(np.array(most), "INT32"),
        *(model.constant(np.array(number), "FLOAT32") for number in numbers),
    ]
    scores = [] if sigma is None else [model.tensor((most,), "FLOAT32")]
    outputs = [model.tensor((most,), "INT32"), *scores, model.tensor((), "INT32")]
    version = "V4" if sigma is None else "V5"
    model.operator(f"NON_MAX_SUPPRESSION_{version}", inputs, outputs, f"NonMaxSuppression{version}Options")
    return model.finish(outputs)


@given(
    boxes=st.integers(1, 60),
    most=st.integers(1, 70),
    overlap=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0, 1.5]),
    score=st.sampled_from([-1.0, 0.0, 0.3, 0.7]),
    sigma=st.sampled_from([None, 0.0, 0.1, 0.5, 3.0]),
    levels=st.integers(2, 1000),
    seed=SEEDS,
)
@examples()
def test_non_max_suppression(
    boxes: int, most: int, overlap: float, score: float, sigma: float | None, levels: int, seed: int
) -> None:
    """Corners on a grid, in any order: some boxes have no area and some are equal."""
    rng = np.random.default_rng(seed)
    corners = (rng.integers(0, 8, (boxes, 4)) / 8).astype(np.float32)
    scores = (rng.integers(0, levels, boxes) / levels).astype(np.float32)
    check(suppression(boxes, most, overlap, score, sigma), [corners, scores], within=1e-6)


def test_non_max_suppression_survives_what_is_not_a_number() -> None:
    corners = np.random.default_rng(0).uniform(size=(20, 4)).astype(np.float32)
    corners[::3] = np.nan
    scores = np.full(20, 0.5, np.float32)
    scores[1::4] = np.nan
    for overlap, score, sigma in ((0.5, 0.1, 0.5), (np.nan, np.nan, np.nan), (0.5, -np.inf, np.inf)):
        count = run_native(suppression(20, 10, overlap, score, sigma), [corners, scores])[2]
        assert 0 <= count <= 10


@pytest.mark.parametrize("sigma", [None, 0.5])
def test_non_max_suppression_of_no_box_is_refused_in_a_sentence(sigma: float | None) -> None:
    """The status was that of an error that nobody had written."""
    values = [np.zeros((5, 4), np.float32), np.zeros(5, np.float32)]
    for _ in range(4):
        with pytest.raises(NativeError, match="gives several tensors, and one of no elements"):
            run_native(suppression(5, 0, 0.5, 0.1, sigma), values)


def test_non_max_suppression_needs_a_size() -> None:
    model = Model()
    floats = [model.constant(np.array(0.5), "FLOAT32") for _ in range(2)]
    inputs = [model.input((5, 4), "FLOAT32"), model.input((5,), "FLOAT32"), model.input((), "INT32"), *floats]
    outputs = [model.tensor((5,), "INT32"), model.tensor((), "INT32")]
    model.operator("NON_MAX_SUPPRESSION_V4", inputs, outputs, "NonMaxSuppressionV4Options")
    values = [np.zeros((5, 4), np.float32), np.zeros(5, np.float32), np.array(3, np.int32)]
    with pytest.raises(NativeError, match="input 2 is computed during a run"):
        run_native(model.finish(outputs), values)
