"""The C library's tasks, as csrc/include/edgequant_task.h declares them; a test compares the structures."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int16, c_int32, c_size_t, c_uint8, c_void_p
from functools import cache
from typing import Any

from edgequant_runtime._engines._library import library
from edgequant_runtime._errors import EngineError

RGB, GREY = 0, 2
IMAGE, AUDIO, VECTOR = range(3)
CLASSES, DETECTIONS, SEGMENTATION, KEYPOINTS, EMBEDDING, ANOMALY = range(6)


class Frame(ctypes.Structure):
    """eq_frame."""

    _fields_ = (
        ("format", c_int32),
        ("width", c_int32),
        ("height", c_int32),
        ("planes", c_void_p * 3),
        ("strides", c_size_t * 3),
    )


class Sound(ctypes.Structure):
    """eq_sound."""

    _fields_ = (
        ("rate", c_int32),
        ("channels", c_int32),
        ("bits", c_int32),
        ("data", c_void_p),
        ("bytes", c_size_t),
        ("offset", c_size_t),
        ("declared", c_size_t),
    )


class Info(ctypes.Structure):
    """eq_task_info."""

    _fields_ = (
        ("input", c_int32),
        ("output", c_int32),
        ("width", c_int32),
        ("height", c_int32),
        ("rate", c_int32),
        ("columns", c_int32),
        ("rows", c_int32),
        ("step", c_int32),
        ("label_count", c_int32),
    )


class Item(ctypes.Structure):
    """eq_answer_item."""

    _fields_ = (
        ("index", c_int32),
        ("label", c_char_p),
        ("score", c_float),
        ("left", c_float),
        ("top", c_float),
        ("right", c_float),
        ("bottom", c_float),
    )


class Point(ctypes.Structure):
    """eq_point."""

    _fields_ = (("x", c_float), ("y", c_float))


class AnswerStructure(ctypes.Structure):
    """eq_answer."""

    _fields_ = (
        ("kind", c_int32),
        ("count", c_int32),
        ("items", POINTER(Item)),
        ("mask", POINTER(c_uint8)),
        ("mask_width", c_int32),
        ("mask_height", c_int32),
        ("mask_left", c_float),
        ("mask_top", c_float),
        ("mask_right", c_float),
        ("mask_bottom", c_float),
        ("values", POINTER(c_float)),
        ("value_count", c_int32),
        ("is_anomaly", c_bool),
        ("threshold", c_float),
        ("points", POINTER(Point)),
        ("points_each", c_int32),
    )


_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "eq_frame_of": (c_int32, (c_void_p, c_size_t, c_int32, c_int32, c_int32, c_void_p, c_void_p)),
    "eq_frame_read_pnm": (c_int32, (c_char_p, c_size_t, c_void_p, c_void_p)),
    "eq_frame_parse": (c_int32, (c_char_p, c_void_p, c_void_p)),
    "eq_frame_bytes": (c_size_t, (c_int32, c_int32, c_int32)),
    "eq_frame_resize": (c_int32, (c_void_p, c_int32, c_uint8, c_int32, c_int32, c_int32, c_void_p, c_void_p)),
    "eq_sound_read_wav": (c_int32, (c_char_p, c_size_t, c_void_p, c_void_p)),
    "eq_sound_to_int16": (None, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "eq_resampler_open": (c_int32, (c_int32, c_int32, c_void_p, c_void_p)),
    "eq_resampler_close": (None, (c_void_p,)),
    "eq_resampler_run": (c_size_t, (c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_size_t)),
    "eq_task_open": (c_int32, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, c_void_p)),
    "eq_task_close": (None, (c_void_p,)),
    "eq_task_describe": (None, (c_void_p, c_void_p)),
    "eq_task_json": (c_size_t, (c_void_p, c_char_p, c_size_t)),
    "eq_task_image": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "eq_task_audio": (c_int32, (c_void_p, POINTER(c_int16), c_size_t, c_void_p, c_void_p, c_void_p)),
    "eq_task_vector": (c_int32, (c_void_p, POINTER(c_float), c_int32, c_void_p, c_void_p)),
    "eq_task_run": (c_int32, (c_void_p, POINTER(POINTER(AnswerStructure)), c_void_p)),
    "eq_task_reset": (None, (c_void_p,)),
    "eq_answer_json": (c_size_t, (c_void_p, c_char_p, c_size_t)),
}


@cache
def task_library() -> ctypes.CDLL:
    """Return the engine's library with the types of its tasks; raises EngineError if it has none."""
    loaded = library()
    try:
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise EngineError(
            "The library of the engine 'native' has no tasks: it is older than they are, or was built without them. "
            "Install a newer wheel, or build it with them."
        ) from error
    return loaded
