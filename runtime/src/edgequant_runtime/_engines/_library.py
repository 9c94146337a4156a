"""The C library behind the engine `native`, as csrc/include/edgequant.h declares it.

The structures here, and those that few sessions need in _structures.py, must be that header's; a test compares their
sizes and offsets with what the compiler says.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import c_bool, c_char, c_char_p, c_float, c_int32, c_size_t, c_uint64, c_void_p
from functools import cache
from typing import Any

from edgequant_runtime._errors import EngineError, ModelError

MAX_RANK = 8

# An address that byref() or addressof() gave. POINTER(Error) and the like would be checked, but a type for each takes
# longer to make than a small model to open.
_TO_STRUCTURE = c_void_p

ARGUMENT, FILE, MODEL, UNSUPPORTED, LIMIT, MEMORY, NO_SESSION = range(1, 8)

LIBRARY_VARIABLE = "EDGEQUANT_LIBRARY"
"""An environment variable: path of a library to load instead of the one that was installed with this package."""


class UnsupportedModelError(ModelError):
    """The model is valid, but has operators, types or options that the native engine does not run."""


class Error(ctypes.Structure):
    """eq_error."""

    _fields_ = (("status", c_int32), ("message", c_char * 2044))


class TensorDescription(ctypes.Structure):
    """eq_tensor_info."""

    _fields_ = (
        ("name", c_char_p),
        ("type", c_int32),
        ("rank", c_int32),
        ("shape", c_int32 * MAX_RANK),
        ("shape_signature", c_int32 * MAX_RANK),
        ("scale", c_float),
        ("zero_point", c_int32),
        ("bytes", c_size_t),
    )


class ModelOptions(ctypes.Structure):
    """eq_model_options."""

    _fields_ = (
        ("memory_limit", c_uint64),
        ("kernels", c_char_p),
        ("custom_operators", c_void_p),
        ("custom_operator_count", c_int32),
        ("signature", c_char_p),
        ("precision", c_int32),
    )


class Work(ctypes.Structure):
    """eq_model_work."""

    _fields_ = (("fast", c_uint64), ("slow", c_uint64), ("floats", c_uint64), ("open_ended", c_uint64))


class SessionOptions(ctypes.Structure):
    """eq_session_options."""

    _fields_ = (("threads", c_int32), ("profile", c_bool), ("input_shapes", _TO_STRUCTURE))


# None: the arguments are given as C values already, which saves a tenth of the smallest models' latency.
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...] | None]] = {
    "eq_version": (c_char_p, ()),
    "eq_model_open_file": (c_int32, (c_char_p, _TO_STRUCTURE, _TO_STRUCTURE, _TO_STRUCTURE)),
    "eq_model_open_memory": (c_int32, (c_char_p, c_size_t, _TO_STRUCTURE, _TO_STRUCTURE, _TO_STRUCTURE)),
    "eq_model_check_file": (c_int32, (c_char_p, _TO_STRUCTURE)),
    "eq_model_check_memory": (c_int32, (c_char_p, c_size_t, _TO_STRUCTURE)),
    "eq_model_close": (None, (c_void_p,)),
    "eq_model_input_count": (c_int32, (c_void_p,)),
    "eq_model_input_info": (c_int32, (c_void_p, c_int32, _TO_STRUCTURE, _TO_STRUCTURE)),
    "eq_model_layers_past_float16": (c_int32, (c_void_p,)),
    "eq_model_measure": (None, (c_void_p, _TO_STRUCTURE)),
    "eq_kernels_name": (c_char_p, (c_int32,)),
    "eq_session_open": (c_int32, (c_void_p, _TO_STRUCTURE, _TO_STRUCTURE, _TO_STRUCTURE)),
    "eq_session_close": (None, (c_void_p,)),
    "eq_session_input_count": (c_int32, (c_void_p,)),
    "eq_session_output_count": (c_int32, (c_void_p,)),
    "eq_session_input_info": (c_int32, (c_void_p, c_int32, _TO_STRUCTURE, _TO_STRUCTURE)),
    "eq_session_output_info": (c_int32, (c_void_p, c_int32, _TO_STRUCTURE, _TO_STRUCTURE)),
    "eq_session_input_data": (c_void_p, (c_void_p, c_int32)),
    "eq_session_output_data": (c_void_p, (c_void_p, c_int32)),
    "eq_session_run": (c_int32, None),
    "eq_session_reset": (None, (c_void_p,)),
    "eq_session_memory": (None, (c_void_p, _TO_STRUCTURE)),
    "eq_session_profile": (c_int32, (c_void_p, _TO_STRUCTURE, c_int32)),
}  # fmt: skip


@cache
def uninterrupted_run() -> Any:
    """Return eq_session_run() as a function during which no other Python thread runs."""
    run = ctypes.PyDLL(library_path()).eq_session_run
    run.restype = c_int32
    return run


@cache
def library() -> ctypes.CDLL:
    """Load the library, once; raises EngineError if it is missing or does not run here."""
    path = library_path()
    try:
        # CDLL lets other Python threads run during every call.
        loaded = ctypes.CDLL(path)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise EngineError(f"The library of the engine 'native' cannot be loaded: {error}.") from error
    return loaded


def check(status: int, error: Error, what: str) -> None:
    """Raise the exception for a status other than 0; `what` begins the sentence that `error` ends."""
    if status == 0:
        return
    message = error.message.decode("utf-8", errors="replace").rstrip(".")
    exceptions = {FILE: ModelError, MODEL: ModelError, LIMIT: ModelError, UNSUPPORTED: UnsupportedModelError}
    raise exceptions.get(status, EngineError)(f"{what}: {message}.")


def library_path() -> str:
    """Return the library that the environment names, or else the installed one; raises EngineError if there is none."""
    if named := os.environ.get(LIBRARY_VARIABLE):
        return named
    # Beside this module, or where an editable install put it: the package's path has both folders. That is also what
    # importlib.resources.files() would say, whose import takes longer than opening a model.
    package = sys.modules[__package__ or __name__.rpartition(".")[0]]
    for folder in package.__path__:
        path = os.path.join(folder, "libedgequant.so")
        if os.path.isfile(path):
            return path
    raise EngineError(
        "The library of the engine 'native' is missing: install the wheel that 'edgequant wheel' builds, "
        f"or name a library in {LIBRARY_VARIABLE}."
    )
