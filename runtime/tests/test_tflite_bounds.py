from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequant_runtime._engines._tflite_bounds import check_bounds

SMALL = ["float", "int8", "int8_float_io", "uint8", "two_inputs", "two_signatures", "data_dependent"]


@pytest.mark.parametrize("name", SMALL)
def test_whole_files_pass_and_cut_off_ones_do_not(models, name):
    path = models / f"{name}.tflite"
    whole = path.read_bytes()
    check_bounds(path)
    check_bounds(whole)
    for length in range(1, len(whole) - 3):  # up to 3 bytes at the end are padding
        with pytest.raises(ValueError, match="points beyond its end"):
            check_bounds(whole[:length])


def test_real_networks(shared):
    for path in sorted((shared / "models").glob("*.tflite")):
        whole = path.read_bytes()
        check_bounds(whole)
        for length in (1000, len(whole) // 2, len(whole) - 4):
            with pytest.raises(ValueError, match="points beyond its end"):
                check_bounds(whole[:length])


@given(st.binary(max_size=200))
def test_garbage_only_ever_raises_value_error(data):
    try:
        check_bounds(data)
    except ValueError as error:
        assert str(error)
