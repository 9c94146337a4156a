"""Samples from .npy, .npz and arrays in memory: what comes out, and what is refused."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from edgequant_runtime import TensorInfo

from edgequant_converters import CalibrationError
from edgequant_converters.calibration import open_data

FLOAT32 = np.dtype(np.float32)
IMAGE = [TensorInfo("image", (-1, 4, 5, 3), FLOAT32)]
PAIR = [TensorInfo("a", (1, 2), FLOAT32), TensorInfo("b", (1, 3), np.dtype(np.int64))]


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 4, 5, 3)).astype(np.float32)


def save(path: Path, array: np.ndarray, *, compressed: bool = False) -> Path:
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        (np.savez_compressed if compressed else np.savez)(path, any_name=array)
    return path


@pytest.mark.parametrize(("suffix", "compressed"), [(".npy", False), (".npz", False), (".npz", True)])
def test_a_file_gives_its_samples_with_a_batch_axis_each_time(tmp_path, images, suffix, compressed):
    data = open_data(save(tmp_path / f"x{suffix}", images, compressed=compressed), IMAGE)
    assert data.count == 7
    for _ in range(2):
        samples = [sample["image"] for sample in data]
        assert [s.shape for s in samples] == [(1, 4, 5, 3)] * 7
        assert all(s.flags.c_contiguous and s.flags.writeable and s.dtype == np.float32 for s in samples)
        np.testing.assert_array_equal(np.concatenate(samples), images)


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4", "uint8", "int32", "bool"])
def test_real_numbers_of_any_kind_become_the_inputs_float(tmp_path, dtype):
    values = np.arange(14).reshape(7, 2).astype(dtype)
    data = open_data(save(tmp_path / "x.npy", values), [TensorInfo("x", (1, 2), FLOAT32)])
    np.testing.assert_array_equal(np.concatenate([s["x"] for s in data]), values.astype(np.float32))


def test_samples_may_carry_the_batch_axis_themselves(tmp_path, images):
    data = open_data(save(tmp_path / "x.npy", images[:, None]), IMAGE)
    np.testing.assert_array_equal(np.concatenate([s["image"] for s in data]), images)


def test_a_fixed_batch_groups_samples_and_leaves_the_incomplete_one_out():
    rows = np.arange(14, dtype=np.float32).reshape(7, 2)
    runs = [run["x"] for run in open_data(rows, [TensorInfo("x", (3, 2), FLOAT32)])]
    np.testing.assert_array_equal(np.stack(runs), rows[:6].reshape(2, 3, 2))


def test_fewer_samples_than_one_batch_are_refused():
    data = open_data(np.zeros((2, 2)), [TensorInfo("x", (3, 2), FLOAT32)])
    with pytest.raises(CalibrationError, match=r"holds 2 samples, but the model takes 3 at once"):
        list(data)


def test_an_input_without_axes_takes_one_number_per_sample():
    runs = [run["x"] for run in open_data(np.array([1.0, 2.0]), [TensorInfo("x", (), FLOAT32)])]
    assert [run.shape for run in runs] == [(), ()]
    assert [float(run) for run in runs] == [1.0, 2.0]


def test_a_free_axis_inside_takes_any_size():
    runs = [run["x"] for run in open_data(np.ones((2, 9, 4)), [TensorInfo("x", (1, -1, 4), FLOAT32)])]
    assert [run.shape for run in runs] == [(1, 9, 4)] * 2


def test_an_npz_feeds_several_inputs_by_name_and_ignores_other_arrays(tmp_path):
    a, b = np.ones((4, 2)), np.arange(12).reshape(4, 3)
    np.savez(tmp_path / "x.npz", b=b, a=a, labels=np.zeros(9))
    samples = list(open_data(tmp_path / "x.npz", PAIR))
    assert [list(sample) for sample in samples] == [["a", "b"]] * 4
    np.testing.assert_array_equal(np.concatenate([s["b"] for s in samples]), b)
    assert samples[0]["b"].dtype == np.int64


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((3, 4, 5)), r"has the shape \(4, 5\), but the model takes \(4, 5, 3\) per sample"),
        (np.zeros((3, 3, 4, 5)), "looks like NCHW .* wants NHWC"),
        (np.zeros((3, 8, 4, 5, 3)), "give its samples one by one"),
        (np.zeros((0, 4, 5, 3)), "zero samples"),
        (np.float32(1), "first axis must count samples"),
        (np.zeros((3, 4, 5, 3), complex), "takes float32, but the data holds complex128"),
        (np.full((3, 4, 5, 3), "a"), "holds text"),
        (np.zeros((3, 4, 5, 3), "M8[s]"), "holds dates"),
        (np.asfortranarray(np.zeros((3, 4, 5, 3))), "Fortran order"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_what_the_header_shows_to_be_wrong_is_refused_on_opening(tmp_path, array, sentence, suffix):
    with pytest.raises(CalibrationError, match=sentence):
        open_data(save(tmp_path / f"x{suffix}", array), IMAGE)


def test_channels_last_data_for_a_channels_first_model_is_recognised():
    with pytest.raises(CalibrationError, match=r"looks like NHWC .* wants NCHW"):
        open_data(np.zeros((2, 4, 5, 3)), [TensorInfo("x", (1, 3, 4, 5), FLOAT32)])


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.nan, "Sample 2 .* holds NaN"),
        (-np.inf, "Sample 2 .* infinite"),
        (1e300, "Sample 2 .* too large for float32"),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_value_that_is_not_finite_is_refused_with_its_sample(tmp_path, images, value, sentence, suffix):
    bad = images.astype(np.float64)
    bad[2, 1, 1, 1] = value
    with pytest.raises(CalibrationError, match=sentence):
        list(open_data(save(tmp_path / f"x{suffix}", bad), IMAGE))


def test_integers_must_be_whole_and_in_the_inputs_range():
    tokens = [TensorInfo("tokens", (1, 2), np.dtype(np.int8))]
    with pytest.raises(CalibrationError, match="takes int8, but the data holds float64: save whole numbers"):
        open_data(np.zeros((3, 2)), tokens)
    with pytest.raises(CalibrationError, match=r"Sample 1 .* spans 0 to 200, but int8 holds -128 to 127"):
        list(open_data(np.array([[1, 2], [0, 200]]), tokens))
    with pytest.raises(CalibrationError, match="spans 0 to 2, but bool holds 0 to 1"):
        list(open_data(np.array([[0, 2]]), [TensorInfo("mask", (1, 2), np.dtype(bool))]))


def test_missing_names_and_uneven_counts_of_an_npz_are_named(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros((4, 2)), c=np.zeros((4, 3)))
    with pytest.raises(CalibrationError, match="no array named b: it holds a, c, and the model's inputs are a, b"):
        open_data(tmp_path / "x.npz", PAIR)
    np.savez(tmp_path / "x.npz", a=np.zeros((4, 2)), b=np.zeros((5, 3), int))
    with pytest.raises(CalibrationError, match="4 for 'a', 5 for 'b'"):
        open_data(tmp_path / "x.npz", PAIR)


def test_one_array_cannot_feed_two_inputs(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    with pytest.raises(CalibrationError, match=r"the model's inputs are a, b: save a .npz"):
        open_data(tmp_path / "x.npy", PAIR)


@pytest.mark.parametrize("keep", [0, 5, 40, 100, 1000])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_truncated_file_is_refused(tmp_path, images, keep, suffix):
    path = save(tmp_path / f"x{suffix}", images)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CalibrationError, match=r"empty|truncated|not a readable"):
        list(open_data(path, IMAGE))


@pytest.mark.parametrize("position", range(0, 1800, 97))
@pytest.mark.parametrize("compressed", [True, False])
def test_a_flipped_byte_in_an_npz_is_an_error_or_harmless(tmp_path, images, position, compressed):
    path = save(tmp_path / "x.npz", images, compressed=compressed)
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 0xFF
    path.write_bytes(data)
    try:
        samples = list(open_data(path, IMAGE))
    except CalibrationError:
        return
    np.testing.assert_array_equal(np.concatenate([s["image"] for s in samples]), images)


class Bomb:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_are_refused_and_never_executed(tmp_path, suffix):
    sprung = tmp_path / "sprung"
    path = save(tmp_path / f"x{suffix}", np.array([Bomb(sprung)] * 3, dtype=object))
    with pytest.raises(CalibrationError, match="pickled Python objects, which are never loaded"):
        open_data(path, [TensorInfo("x", (1,), FLOAT32)])
    path.write_bytes(pickle.dumps(Bomb(sprung)))
    with pytest.raises(CalibrationError, match="not a readable"):
        open_data(path, [TensorInfo("x", (1,), FLOAT32)])
    assert not sprung.exists()


def test_a_header_that_claims_more_than_the_file_holds_is_refused(tmp_path, images):
    path = save(tmp_path / "x.npy", images)
    path.write_bytes(path.read_bytes().replace(b"(7, 4, 5, 3)", b"(9, 4, 5, 3)"))
    with pytest.raises(CalibrationError, match="truncated: 7 of its 9 samples are whole"):
        open_data(path, IMAGE)
    path.write_bytes(path.read_bytes().replace(b"(9, 4, 5, 3)", b"(-7,4, 5, 3)"))
    with pytest.raises(CalibrationError, match=r"not a readable .npy file"):
        open_data(path, IMAGE)


def test_an_encrypted_or_empty_npz_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w"):
        pass
    with pytest.raises(CalibrationError, match="no array named image: it holds none"):
        open_data(tmp_path / "x.npz", IMAGE)


def test_paths_that_are_no_data_are_refused(tmp_path):
    (tmp_path / "x.csv").write_text("1,2")
    with pytest.raises(CalibrationError, match=r"give a .npy, a .npz, an image or a folder of images"):
        open_data(tmp_path / "x.csv", IMAGE)
    with pytest.raises(CalibrationError, match="does not exist"):
        open_data(tmp_path / "absent.npy", IMAGE)
    with pytest.raises(CalibrationError, match="no inputs"):
        open_data(tmp_path / "x.csv", [])
