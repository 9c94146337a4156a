"""Each operator in each type that docs/operator-coverage.md calls equal, with values of any seed.

The models are those of scripts/operator_probe. A few are drawn here, and all of them at night.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import is_close, run_litert, run_native, same_bits

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "operator-coverage.md"
UNDEFINED = {("DIV", "INT8"), ("DIV", "UINT8")}  # LiteRT shifts small quotients too far; docs/arithmetic.md
APPROXIMATE_FLOAT16 = 2**-8  # LiteRT computes some with float16 itself; ours are rounded once


def cells() -> list[tuple[str, str]]:
    """Return the rows and types that the page calls equal."""
    table = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if re.match(r"\| \w", line)]
    kinds = [kind.strip().upper() for kind in table[0][1:]]
    return [
        (row[0].strip(), kind)
        for row in table[1:]
        for kind, cell in zip(kinds, row[1:], strict=True)
        if cell.strip() == "equal" and (row[0].strip(), kind) not in UNDEFINED
    ]


def parts() -> list[Any]:
    """Return the modules of the probe, `case` first."""
    folders = [str(ROOT / "scripts"), str(Path(__file__).parent)]
    sys.path += folders
    try:
        names = ("case", "control", "elementwise", "matrix", "move")
        return [importlib.import_module(f"operator_probe.{name}") for name in names]
    finally:
        for folder in folders:
            sys.path.remove(folder)


def compare(row: str, kind: str, seed: int) -> None:
    """Run the cell's model with values of a seed in both engines."""
    case_module, *makers = parts()
    one = case_module.One(row.split()[0].rstrip(","), kind)
    one.rng = np.random.default_rng(seed)
    case = next(maker.CASES[row] for maker in makers if row in maker.CASES)(one)
    for ours, theirs in zip(run_native(case.data, case.inputs), run_litert(case.data, case.inputs), strict=True):
        within = APPROXIMATE_FLOAT16 if theirs.dtype == np.float16 else 1e-5
        assert same_bits(ours, theirs) or is_close(ours, theirs, within)


@given(cell=st.sampled_from(cells()), seed=st.integers(0, 2**32 - 1))
@examples()
def test_some_cells(cell: tuple[str, str], seed: int) -> None:
    compare(*cell, seed)


@pytest.mark.nightly
@pytest.mark.parametrize(("row", "kind"), cells())
@given(seed=st.integers(0, 2**32 - 1))
@examples(10)
def test_every_cell(row: str, kind: str, seed: int) -> None:
    compare(row, kind, seed)
