"""REDUCE_PROD, REDUCE_ANY and REDUCE_ALL, and reductions of int64, against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import check
from .single_op import Model
from .test_elementwise import SEEDS

pytestmark = pytest.mark.slow

CASES = [("REDUCE_ANY", "BOOL"), ("REDUCE_ALL", "BOOL"), ("REDUCE_PROD", "INT32"), ("REDUCE_PROD", "INT64")]
CASES += [(name, "INT64") for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")]


@pytest.mark.parametrize(("name", "kind"), CASES)
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=4), data=st.data(), keep=st.booleans(), seed=SEEDS)
@examples(2)
def test_reduction(name: str, kind: str, shape: list[int], data: st.DataObject, keep: bool, seed: int) -> None:
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    result = [1 if i in axes else size for i, size in enumerate(shape) if keep or i not in axes]
    model = Model()
    x, y = model.input(shape, kind), model.tensor(result, kind)
    version = {"REDUCE_PROD": 2, "REDUCE_MAX": 3, "REDUCE_MIN": 3}.get(name, 1)
    model.operator(name, [x, model.constant(axes, "INT32")], [y], "ReducerOptions", version=version, keepDims=keep)
    values = np.random.default_rng(seed).integers(0 if kind == "BOOL" else -3, 2 if kind == "BOOL" else 4, shape)
    check(model.finish([y]), [values.astype(kind.lower() if kind != "BOOL" else "bool")], kernels=("scalar",))
