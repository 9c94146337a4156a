"""Samples from Python objects."""

import numpy as np
import pytest
from edgequant_runtime import TensorInfo

from edgequant_converters import CalibrationError
from edgequant_converters.calibration import open_data

FLOAT32 = np.dtype(np.float32)
ONE = [TensorInfo("x", (-1, 2), FLOAT32)]
TWO = [TensorInfo("x", (1, 2), FLOAT32), TensorInfo("y", (1, 3), FLOAT32)]


@pytest.mark.parametrize("item", [[1.0, 2.0], np.array([1, 2]), np.array([[1.0, 2.0]]), (np.array([1.0, 2.0]),),
                                  {"x": [1, 2], "label": 3}])  # fmt: skip
def test_a_sample_may_be_an_array_a_tuple_of_one_or_a_mapping(item):
    (sample,) = open_data([item], ONE)
    np.testing.assert_array_equal(sample["x"], np.array([[1, 2]], np.float32))


def test_several_inputs_come_in_order_or_by_name():
    x, y = np.ones(2), np.zeros(3)
    for item in ((x, y), {"y": y, "x": x}):
        (sample,) = open_data([item], TWO)
        assert list(sample) == ["x", "y"]
        assert sample["y"].shape == (1, 3)


def test_a_mapping_of_arrays_is_read_like_an_npz():
    data = open_data({"x": np.ones((5, 2)), "y": np.ones((5, 3))}, TWO)
    assert data.count == len(list(data)) == 5
    with pytest.raises(CalibrationError, match="no array named y: it has x"):
        open_data({"x": np.ones((5, 2))}, TWO)


def test_a_list_can_be_iterated_again_and_a_generator_cannot():
    data = open_data([np.ones(2)] * 3, ONE)
    assert data.count == len(list(data)) == len(list(data)) == 3
    once = open_data((np.ones(2) for _ in range(3)), ONE)
    assert once.count is None
    assert len(list(once)) == 3
    with pytest.raises(CalibrationError, match="generator that was used already"):
        list(once)


def test_a_generator_that_refills_its_buffer_gives_different_samples():
    def refill():
        buffer = np.empty(2, np.float32)
        for n in range(3):
            buffer[:] = n
            yield buffer

    assert [float(s["x"][0, 0]) for s in open_data(refill(), ONE)] == [0.0, 1.0, 2.0]


class NotAnArray:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("a tensor that requires grad")


@pytest.mark.parametrize(
    ("item", "specs", "sentence"),
    [
        ((np.ones(2),), TWO, "A sample is 1 arrays, but the model has 2 inputs"),
        (np.ones(2), TWO, "A sample is one ndarray, but the model has 2 inputs"),
        ({"z": np.ones(2)}, ONE, "no array named x: it has z"),
        ([[1.0], [1.0, 2.0]], ONE, "is not an array"),
        (NotAnArray(), ONE, "is not an array: a tensor that requires grad"),
        (np.ones((32, 2)), ONE, "give its samples one by one"),
        ("text", ONE, "holds text"),
        ([None, 1.0], ONE, "holds Python objects"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused(item, specs, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        list(open_data([item], specs))


def test_zero_samples_and_objects_that_are_no_data_are_refused():
    with pytest.raises(CalibrationError, match="zero samples"):
        list(open_data([], ONE))
    with pytest.raises(CalibrationError, match="type int cannot be read"):
        open_data(5, ONE)  # type: ignore[arg-type]
    with pytest.raises(CalibrationError, match="give a mapping by name"):
        open_data(np.ones((3, 2)), TWO)


def test_samples_of_one_batch_must_have_one_shape():
    with pytest.raises(CalibrationError, match="Samples 0 to 1 have different shapes"):
        list(open_data([np.ones((3, 2)), np.ones((4, 2))], [TensorInfo("x", (2, -1, 2), FLOAT32)]))


def test_inputs_that_fill_a_batch_differently_are_refused():
    specs = [TensorInfo("x", (4, 2), FLOAT32), TensorInfo("state", (2, 4, 3), FLOAT32)]
    with pytest.raises(CalibrationError, match="disagree on how many samples fill a batch"):
        list(open_data([(np.ones(2), np.ones((2, 4, 3)))] * 4, specs))
    (run,) = open_data([(np.ones((4, 2)), np.ones((2, 4, 3)))], specs)
    assert run["state"].shape == (2, 4, 3)
