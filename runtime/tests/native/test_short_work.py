"""What holds Python's lock while it runs: nothing whose time its work does not bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgequant_runtime._engines._native import NativeModel, computes_float16
from edgequant_runtime._model_file import FLOAT16, read_model_file

from .single_op import VALID, Model
from .test_detection import Detector, model_of, suppression, values_of


def opened(data: bytes) -> NativeModel:
    return NativeModel(read_model_file(data))


def largest(count: int) -> bytes:
    model = Model()
    inputs = [model.input((count,), "FLOAT32"), model.constant(np.array(count), "INT32")]
    outputs = [model.tensor((count,), "FLOAT32"), model.tensor((count,), "INT32")]
    model.operator("TOPK_V2", inputs, outputs, "TopKV2Options")
    return model.finish(outputs)


def detector() -> bytes:
    anchors, _ = values_of(Detector(), "FLOAT32", "FLOAT32", 0)
    return model_of(Detector(), "FLOAT32", "FLOAT32", anchors)


@pytest.mark.parametrize(
    "data",
    [suppression(4, 4, 0.5, 0.0, None), suppression(4, 4, 0.5, 0.0, 0.5), detector(), largest(4)],
    ids=["NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "TFLite_Detection_PostProcess", "TOPK_V2"],
)
def test_what_sorts_or_compares_all_with_all_is_not_short(data: bytes) -> None:
    assert not opened(data).is_short


@pytest.mark.skipif(computes_float16(), reason="this CPU computes with float16")
def test_an_imitation_of_float16_is_not_short() -> None:
    file = read_model_file(largest_of_two())
    assert NativeModel(file).is_short
    file.precision = FLOAT16
    assert not NativeModel(file).is_short


def largest_of_two() -> bytes:
    model = Model()
    inputs, y = [model.input((4,), "FLOAT32") for _ in range(2)], model.tensor((4,), "FLOAT32")
    model.operator("MAXIMUM", inputs, [y], "MaximumMinimumOptions")
    return model.finish([y])


def pooled(side: int) -> bytes:
    model = Model()
    x, y = model.input((1, side, side, 1), "FLOAT32"), model.tensor((1, 1, 1, 1), "FLOAT32")
    options: dict[str, Any] = {"padding": VALID, "strideW": 1, "strideH": 1, "filterWidth": side, "filterHeight": side}
    model.operator("MAX_POOL_2D", [x], [y], "Pool2DOptions", **options)
    return model.finish([y])


def in_buckets(boundaries: int) -> bytes:
    model = Model()
    x, y = model.input((1000,), "FLOAT32"), model.tensor((1000,), "INT32")
    model.operator("BUCKETIZE", [x], [y], "BucketizeOptions", boundaries=np.arange(boundaries, dtype=np.float32))
    return model.finish([y])


def in_segments(count: int) -> bytes:
    model = Model()
    inputs = [model.input((8,), "FLOAT32"), model.input((8,), "INT32"), model.constant(np.array(count), "INT32")]
    y = model.tensor((count,), "FLOAT32")
    model.operator("UNSORTED_SEGMENT_SUM", inputs, [y], "UnsortedSegmentSumOptions")
    return model.finish([y])


@pytest.mark.parametrize(
    ("data", "least"),
    [(pooled(1000), 1000 * 1000 // 4), (in_buckets(255), 8 * 1000), (in_segments(100_000), 100_000)],
    ids=["a window past 256 pixels", "a search in many buckets", "many segments of few values"],
)
def test_work_grows_with_what_is_done(data: bytes, least: int) -> None:
    assert sum(opened(data).work()) >= least
