"""The C library's structures for what few sessions do: free sizes, profiles and measures of memory.

They are apart from _library.py because to define one takes as long as to run a small layer.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int32, c_uint64

from ._library import MAX_RANK


class Shape(ctypes.Structure):
    """eq_shape."""

    _fields_ = (("rank", c_int32), ("dims", c_int32 * MAX_RANK))


class Step(ctypes.Structure):
    """eq_profile_step."""

    _fields_ = (
        ("operators", c_char_p),
        ("first_operator", c_int32),
        ("runs", c_uint64),
        ("nanoseconds", c_uint64),
        ("macs", c_uint64),
    )


class Memory(ctypes.Structure):
    """eq_memory."""

    _fields_ = (("packed_weights", c_uint64), ("arena", c_uint64), ("plan", c_uint64))
