"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR against LiteRT, bit for bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import check
from .single_op import Model, Quantized

pytestmark = pytest.mark.slow

OPTIONS = {"RESIZE_BILINEAR": "ResizeBilinearOptions", "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions"}
SIZES = st.one_of(st.integers(1, 40), st.sampled_from([64, 100, 127]))
#: (align_corners, half_pixel_centers); LiteRT refuses both at once in its own bilinear kernel.
MODES = st.sampled_from([(False, False), (True, False), (False, True)])


def resize(operator: str, shape: tuple[int, ...], size: tuple[int, int], mode: tuple[bool, bool], kind: str) -> bytes:
    quantized = Quantized(0.1, 3 if "INT8" in kind else 0) if kind in ("INT8", "UINT8", "INT16") else None
    model = Model()
    x = model.input(shape, kind, quantized)
    y = model.tensor((shape[0], *size, shape[3]), kind, quantized)
    inputs = [x, model.constant(list(size), "INT32")]
    model.operator(operator, inputs, [y], OPTIONS[operator], version=3, alignCorners=mode[0], halfPixelCenters=mode[1])
    return model.finish([y])


@given(
    shape=st.tuples(st.integers(1, 2), SIZES, SIZES, st.integers(1, 40)),
    size=st.tuples(SIZES, SIZES),
    mode=MODES,
    kind=st.sampled_from(["INT8", "INT8", "UINT8", "INT16", "INT16"]),
    seed=st.integers(0, 2**32 - 1),
)
@examples()
def test_bilinear(shape: tuple[int, ...], size: tuple[int, int], mode: tuple[bool, bool], kind: str, seed: int) -> None:
    check(resize("RESIZE_BILINEAR", shape, size, mode, kind), seed=seed)


@given(
    shape=st.tuples(st.integers(1, 2), SIZES, SIZES, st.integers(1, 20)),
    size=st.tuples(SIZES, SIZES),
    mode=st.one_of(MODES, st.just((True, True))),
    kind=st.sampled_from(["INT8", "UINT8", "INT16", "INT32", "FLOAT32"]),
    seed=st.integers(0, 2**32 - 1),
)
@examples()
def test_nearest(shape: tuple[int, ...], size: tuple[int, int], mode: tuple[bool, bool], kind: str, seed: int) -> None:
    check(resize("RESIZE_NEAREST_NEIGHBOR", shape, size, mode, kind), seed=seed)
