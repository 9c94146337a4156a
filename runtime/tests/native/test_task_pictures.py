"""Pictures on their way into a model: sizes, fits, colours and numbers, against formulas in numpy and Pillow."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgequant_runtime import InputError, Task
from edgequant_runtime._engines._library import Error
from edgequant_runtime._task._library import Frame, task_library

from .conftest import examples
from .heads import identity
from .single_op import Quantized

FORMATS = ("rgb", "bgr", "grey", "yuv420", "nv12", "yuv420-full", "nv12-full")
FITS = ("stretch", "crop", "letterbox")


def frame_of(kind: str, width: int, height: int, content: bytes) -> Frame:
    frame, error = Frame(), Error()
    held = ctypes.create_string_buffer(content, len(content))
    status = task_library().eq_frame_of(
        ctypes.addressof(held),
        len(content),
        FORMATS.index(kind),
        width,
        height,
        ctypes.byref(frame),
        ctypes.byref(error),
    )
    assert status == 0, error.message
    frame.held = held
    return frame


def resize(frame: Frame, fit: str, width: int, height: int, channels: int = 3, fill: int = 0) -> NDArray[np.uint8]:
    pixels = np.full((height, width, channels), 77, np.uint8)
    error = Error()
    status = task_library().eq_frame_resize(
        ctypes.byref(frame), FITS.index(fit), fill, width, height, channels, pixels.ctypes.data, ctypes.byref(error)
    )
    assert status == 0, error.message
    return pixels


def picture(seed: int, width: int, height: int, channels: int = 3) -> NDArray[np.uint8]:
    """Large shapes and some noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None]
    waves = 127 + 90 * np.sin(x / 7 + np.arange(channels)) * np.cos(y / 5)
    return (waves + generator.normal(size=(height, width, channels)) * 20).clip(0, 255).astype(np.uint8)


@given(
    seed=st.integers(0, 2**32 - 1),
    source=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    target=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    channels=st.sampled_from([1, 3]),
)
@examples()
def test_stretched_as_pillow_does_it(
    seed: int, source: tuple[int, int], target: tuple[int, int], channels: int
) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = picture(seed, *source, channels)
    kind = "rgb" if channels == 3 else "grey"
    ours = resize(frame_of(kind, *source, pixels.tobytes()), "stretch", *target, channels)
    theirs = image.fromarray(pixels if channels == 3 else pixels[..., 0]).resize(target, image.Resampling.BILINEAR)
    difference = np.abs(ours.astype(int) - np.asarray(theirs).reshape(ours.shape).astype(int))
    assert difference.max() <= 2
    assert difference.mean() <= 0.6


def test_the_same_size_is_the_same_picture() -> None:
    pixels = picture(1, 33, 21)
    for fit in FITS:
        np.testing.assert_array_equal(resize(frame_of("rgb", 33, 21, pixels.tobytes()), fit, 33, 21), pixels)
    swapped = resize(frame_of("bgr", 33, 21, pixels.tobytes()), "stretch", 33, 21)
    np.testing.assert_array_equal(swapped, pixels[..., ::-1])


def test_cropped_is_the_middle_stretched() -> None:
    pixels = picture(2, 90, 40)
    cropped = resize(frame_of("rgb", 90, 40, pixels.tobytes()), "crop", 20, 20)
    middle = np.ascontiguousarray(pixels[:, 25:65])
    inner = resize(frame_of("rgb", 40, 40, middle.tobytes()), "stretch", 20, 20)
    np.testing.assert_array_equal(cropped[:, 2:-2], inner[:, 2:-2])  # at the edges the crop sees what lies beside it


def test_letterboxed_is_stretched_between_bars() -> None:
    pixels = picture(3, 60, 30)
    boxed = resize(frame_of("rgb", 60, 30, pixels.tobytes()), "letterbox", 20, 20, fill=114)
    np.testing.assert_array_equal(boxed[5:15], resize(frame_of("rgb", 60, 30, pixels.tobytes()), "stretch", 20, 10))
    assert (boxed[:5] == 114).all()
    assert (boxed[15:] == 114).all()


def colours_of(y: Any, u: Any, v: Any, full: bool) -> NDArray[Any]:
    """ITU-R BT.601."""
    light = y.astype(float) if full else (y.astype(float) - 16) * 255 / 219
    red, blue = (v.astype(float) - 128), (u.astype(float) - 128)
    if not full:
        red, blue = red * 255 / 224, blue * 255 / 224
    return np.stack([light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue], -1).clip(
        0, 255
    )


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("size", [(16, 12), (15, 11)])
def test_video_has_the_colours_of_bt601(size: tuple[int, int], full: bool) -> None:
    width, height = size
    half = (height + 1) // 2, (width + 1) // 2
    generator = np.random.default_rng(4)
    y = generator.integers(0, 256, (height, width)).astype(np.uint8)
    u, v = (np.full(half, value, np.uint8) for value in (90, 170))
    suffix = "-full" if full else ""
    planar = resize(
        frame_of("yuv420" + suffix, width, height, y.tobytes() + u.tobytes() + v.tobytes()), "stretch", *size
    )
    pairs = np.stack([u, v], -1)
    semi = resize(frame_of("nv12" + suffix, width, height, y.tobytes() + pairs.tobytes()), "stretch", *size)
    np.testing.assert_array_equal(planar, semi)
    assert np.abs(planar - colours_of(y, np.uint8(90), np.uint8(170), full)).max() <= 1.5
    grey = resize(
        frame_of("yuv420" + suffix, width, height, y.tobytes() + u.tobytes() + v.tobytes()), "stretch", *size, 1
    )
    assert np.abs(grey[..., 0] - colours_of(y, np.uint8(128), np.uint8(128), full)[..., 0]).max() <= 1.5


@pytest.mark.parametrize("text", ["640x480", "640x480:png", "0x480:rgb", "-1x3:rgb", "99999x3:rgb", "640x480:rgb ", ""])
def test_what_is_no_frame_is_told(text: str) -> None:
    error = Error()
    assert task_library().eq_frame_parse(text.encode(), ctypes.byref(Frame()), ctypes.byref(error)) == 1
    assert b"give WIDTHxHEIGHT:FORMAT" in error.message


def values_of(task: Task, pixels: NDArray[np.uint8]) -> NDArray[Any]:
    """What the model was given, which its output repeats."""
    answer = task.run(pixels)
    scores = np.zeros(pixels.size, np.float32)
    for item in answer.classes:  # type: ignore[attr-defined]
        scores[item.index] = item.score
    return scores.reshape(pixels.shape)


def task_for(model: bytes, **settings: Any) -> Task:
    output = {"kind": "classes", "top": 1000, "activation": "none", "least_score": 0}
    return Task(model, {"task": 1, "input": {"kind": "image", **settings}, "output": output})


def test_pixels_become_numbers_by_mean_and_std() -> None:
    pixels = picture(5, 9, 8)
    task = task_for(identity((1, 8, 9, 3)), mean=[-1, -2, -3], std=[10, 20, 30])
    expected = (pixels.astype(np.float32) - np.float32([-1, -2, -3])) / np.float32([10, 20, 30])
    np.testing.assert_array_equal(values_of(task, pixels), expected)


def test_the_order_of_colours_and_of_dimensions() -> None:
    pixels = picture(6, 9, 8)
    numbers = {"mean": 0, "std": 1}
    swapped = task_for(identity((1, 8, 9, 3)), colour="bgr", **numbers)
    np.testing.assert_array_equal(values_of(swapped, pixels), pixels[..., ::-1])
    planes = task_for(identity((1, 3, 8, 9)), **numbers)
    assert planes.to_dict()["input"]["layout"] == "nchw"
    np.testing.assert_array_equal(values_of(planes, pixels).reshape(3, 8, 9), pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("scale", "zero_point"),
    [(1 / 255, -128), (1 / 127.5, 0), (1.0, -128), (0.0079, -1)],
    ids=["0..1", "-1..1", "bytes", "about"],
)
def test_inputs_of_eight_bits_take_the_bytes(scale: float, zero_point: int) -> None:
    task = task_for(identity((1, 8, 8, 1), Quantized(scale, zero_point)))
    pixels = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)
    given = task._engine.input_view(0)
    task.run(pixels)
    np.testing.assert_array_equal(given.reshape(8, 8), pixels.astype(int) - 128)


def test_a_quantized_input_is_rounded_as_the_session_does_it() -> None:
    from edgequant_runtime import quantize

    model = identity((1, 8, 9, 3), Quantized(0.0173, -7))
    task = task_for(model, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    pixels = picture(7, 9, 8)
    given = task._engine.input_view(0)
    task.run(pixels)
    mean, std = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])
    expected = quantize((pixels.astype(np.float32) - mean) / std, task._engine.inputs[0])
    np.testing.assert_array_equal(given[0], expected)


def ppm(header: bytes, size: int) -> bytes:
    return header + bytes(range(256)) * (size // 256) + bytes(range(size % 256))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"P6", "header is damaged"),
        (b"P6\n2 2\n255", "header is damaged"),
        (ppm(b"P6\n2 2\n255\n", 11), "cut off: 11 of its 12 bytes"),
        (ppm(b"P6\n2 2\n65535\n", 24), "greatest value is 65535"),
        (ppm(b"P6\n0 2\n255\n", 12), "header is damaged"),
        (ppm(b"P6\n99999999999 2\n255\n", 12), "header is damaged"),
        (ppm(b"P6\n# no end", 0), "header is damaged"),
        (ppm(b"P5\n16385 1\n255\n", 16385), "header is damaged"),
    ],
)
def test_damaged_pictures_are_told(content: bytes, sentence: str, tmp_path: Any) -> None:
    (tmp_path / "x.ppm").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        task_for(identity((1, 8, 8, 3))).run(tmp_path / "x.ppm")


def test_pictures_from_files(tmp_path: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = picture(8, 9, 8)
    task = task_for(identity((1, 8, 9, 3)))
    (tmp_path / "x.ppm").write_bytes(b"P6 # made by hand\n9 # wide\n8\n255\n" + pixels.tobytes())
    image.fromarray(pixels).save(tmp_path / "x.png")
    answers = [task.run(tmp_path / name) for name in ("x.ppm", "x.png")]
    assert answers[0] == answers[1] == task.run(pixels)
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match="cannot be used"):
        task.run(tmp_path / "x.png")
    with pytest.raises(InputError, match="cannot be read"):
        task.run(tmp_path / "absent.png")
    with pytest.raises(InputError, match="A picture is uint8"):
        task.run(np.zeros((8, 9, 3), np.float32))


@given(st.binary(max_size=60), st.sampled_from([b"", b"P6\n2 1\n255\n", b"P5 3 3 255 "]))
@examples()
def test_any_bytes_are_a_picture_or_refused(content: bytes, begin: bytes) -> None:
    error, frame = Error(), Frame()
    data = begin + content
    status = task_library().eq_frame_read_pnm(data, len(data), ctypes.byref(frame), ctypes.byref(error))
    assert status == 0 or error.message
    if status == 0:
        assert resize(frame, "letterbox", 4, 4).shape == (4, 4, 3)
