"""The model of every operator has them all, and this machine's kernel sets agree on it; test_goldens.py emulates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import example_count
from .every_operator import OPERATORS, WITHOUT_INT8, every_operator
from .oracle import kernel_sets, run_native, same_bits

FOLDER = Path(__file__).parents[2] / "csrc" / "src" / "ops"


def test_the_model_has_every_operator_of_the_engine() -> None:
    texts = [path.read_text() for path in FOLDER.rglob("*.c")]
    lines = [line for text in texts for line in re.findall(r"^EQ_OPERATOR\((\w+), \w+, ([\w, ]+)\);$", text, re.M)]
    may_be_int8 = {name for name, types in lines if {"ANY", "INT8"} & set(types.split(", "))}
    assert may_be_int8 == OPERATORS.keys() | WITHOUT_INT8
    assert not OPERATORS.keys() & WITHOUT_INT8


@pytest.mark.parametrize("seed", range(example_count() // 5))
def test_kernel_sets_of_this_machine_agree(seed: int) -> None:
    data, inputs = every_operator(seed)
    expected = run_native(data, inputs, kernels="scalar")
    assert len(expected) == len(OPERATORS)
    for kernels in kernel_sets():
        found = run_native(data, inputs, kernels=kernels)
        assert not [name for name, a, b in zip(OPERATORS, expected, found) if not same_bits(a, b)], kernels
