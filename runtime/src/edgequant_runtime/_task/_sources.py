"""Pictures and sounds as the library takes them: PPM, PGM and WAV by itself, everything else with Pillow."""

from __future__ import annotations

import os
from ctypes import addressof, byref, c_size_t, c_void_p, create_string_buffer
from typing import TYPE_CHECKING, Any

from edgequant_runtime._engines._library import Error
from edgequant_runtime._errors import InputError

from ._library import GREY, RGB, Frame, Sound, task_library

if TYPE_CHECKING:
    from array import array

    from numpy.typing import NDArray

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Return a file's bytes; raises InputError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{os.fsdecode(path)} cannot be read: {error.strerror or error}.") from error


def frame_of_file(path: str | os.PathLike[str]) -> tuple[Frame, object]:
    """Return a picture as a frame, and what holds its bytes; raises InputError, which says how to convert it."""
    content = read_file(path)
    if content[:2] in (b"P5", b"P6"):
        frame, error = Frame(), Error()
        status = task_library().eq_frame_read_pnm(content, len(content), byref(frame), byref(error))
        refuse(status, error, os.path.basename(os.fsdecode(path)))
        return frame, content
    return frame_of_array(_decoded(path))


def _decoded(path: str | os.PathLike[str]) -> NDArray[Any]:
    name = os.path.basename(os.fsdecode(path))
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise InputError(
            f"{name} is no PPM or PGM file, and other pictures need Pillow: install pillow, or convert it."
        ) from error
    import numpy as np

    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            return np.asarray(upright.convert("L" if upright.mode in ("1", "L") else "RGB"))
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, and more
        raise InputError(f"The picture {name} cannot be used: {error}.") from error


def frame_of_array(pixels: NDArray[Any]) -> tuple[Frame, object]:
    """Return (height, width, 3) or (height, width) bytes as a frame, and what holds them."""
    import numpy as np

    values = np.ascontiguousarray(pixels)
    if values.dtype != np.uint8 or values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3)):
        raise InputError(
            f"A picture is uint8 of the shape (height, width, 3) or (height, width), not {values.dtype} {values.shape}."
        )
    frame, error = Frame(), Error()
    kind = RGB if values.ndim == 3 and values.shape[2] == 3 else GREY
    address = c_void_p(values.ctypes.data)
    height, width = values.shape[:2]
    status = task_library().eq_frame_of(address, values.nbytes, kind, width, height, byref(frame), byref(error))
    refuse(status, error, "The picture")
    return frame, values


def samples_of_wav(path: str | os.PathLike[str], rate: int) -> array[int]:
    """Return a WAV file's samples, int16 of one channel, `rate` a second; raises InputError if that cannot be."""
    from array import array

    name, content = os.path.basename(os.fsdecode(path)), read_file(path)
    sound, error = Sound(), Error()
    status = task_library().eq_sound_read_wav(content, len(content), byref(sound), byref(error))
    refuse(status, error, name)
    if not sound.data:
        raise InputError(f"{name} is cut off before its samples.")
    count = sound.bytes // (abs(sound.bits) // 8 * sound.channels)
    samples = array("h", bytes(2 * count))
    held = create_string_buffer(content[sound.offset :], len(content) - sound.offset)
    if count:
        task_library().eq_sound_to_int16(byref(sound), addressof(held), count, samples.buffer_info()[0])
    return samples if sound.rate == rate else _resampled(samples, sound.rate, rate, name)


def _resampled(samples: array[int], given: int, wanted: int, name: str) -> array[int]:
    """Return a whole sound of another rate: a second of `given` samples becomes one of `wanted`."""
    from array import array

    resampler, error, used = c_void_p(), Error(), c_size_t()
    refuse(task_library().eq_resampler_open(given, wanted, byref(resampler), byref(error)), error, name)
    room = -(-len(samples) * wanted // given)
    result = array("h", bytes(2 * room))
    into, source = result.buffer_info()[0], samples.buffer_info()[0]
    made = 0
    if samples:
        made = task_library().eq_resampler_run(resampler, source, len(samples), byref(used), into, room)
    task_library().eq_resampler_run(resampler, None, 0, byref(used), into + 2 * made, room - made)
    task_library().eq_resampler_close(resampler)
    return result


def refuse(status: int, error: Error, what: str) -> None:
    """Raise InputError for a status other than 0; `what` begins the sentence that `error` ends."""
    if status:
        message = error.message.decode("utf-8", errors="replace").rstrip(".")
        raise InputError(f"{what}: {message}.")
