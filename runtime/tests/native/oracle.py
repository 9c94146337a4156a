"""Run a model in LiteRT and in this project's engine, and compare bits.

    check(data)                                  # default LiteRT, inputs from seed 0, every kernel set, 1 and 2 threads
    check(data, inputs=[x], resolver="reference")  # LiteRT's reference kernels
    check_close(data)                            # floats, whose last bits LiteRT has otherwise on each CPU
    run_native(data, [x], threads=2, kernels="scalar")

The engine's library is the one that EDGEQUANT_LIBRARY names, or the installed one.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edgequant_runtime._engines._library import Error, ModelOptions, SessionOptions, TensorDescription, library
from edgequant_runtime._engines._structures import Shape

Array = NDArray[Any]

RESOLVERS = {
    "default": OpResolverType.AUTO,  # XNNPACK where it takes the operator, LiteRT's optimized kernels elsewhere
    "optimized": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": OpResolverType.BUILTIN_REF,
}
_TYPES = {
    0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 8: np.complex64,
    9: np.int8, 12: np.uint64, 15: np.uint32, 16: np.uint16,
}  # fmt: skip


def seeded_inputs(data: bytes, seed: int = 0) -> list[Array]:
    """Values over each input's whole type, one in eight of them extreme; floats are normal."""
    rng = np.random.default_rng(seed)
    return [_seeded(rng, detail["shape"], detail["dtype"]) for detail in _interpreter(data).get_input_details()]


def _seeded(rng: np.random.Generator, shape: Any, dtype: Any) -> Array:
    if np.issubdtype(dtype, np.complexfloating):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        return rng.normal(size=shape).astype(dtype)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    values = rng.integers(low, high, shape, endpoint=True, dtype=dtype)
    extremes = rng.choice(np.array([low, high], dtype), shape)
    return np.where(rng.integers(0, 8, shape) == 0, extremes, values).astype(dtype)


def _interpreter(data: bytes, resolver: str = "default", threads: int = 1) -> Any:
    return Interpreter(model_content=data, experimental_op_resolver_type=RESOLVERS[resolver], num_threads=threads)


def run_litert(data: bytes, inputs: Sequence[Array], resolver: str = "default") -> list[Array]:
    """LiteRT's outputs, in the model's order, with one of RESOLVERS; takes inputs of other shapes than the file's."""
    interpreter = _interpreter(data, resolver)
    for detail, value in zip(interpreter.get_input_details(), inputs):
        if tuple(detail["shape"]) != value.shape:
            interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


class NativeError(Exception):
    """The engine's status and sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@functools.cache
def kernel_sets() -> tuple[str, ...]:
    """The kernel sets that this machine runs, slowest first."""
    names: list[str] = []
    while name := library().eq_kernels_name(len(names)):
        names.append(name.decode())
    return tuple(names)


def _call(name: str, *arguments: Any) -> None:
    error = Error()
    if getattr(library(), name)(*arguments, ctypes.byref(error)):
        raise NativeError(error.status, error.message.decode())


class NativeSession:
    """An open session of the engine, for inputs of these shapes: `with NativeSession(data, [x]) as s: s.run([x])`."""

    def __init__(
        self,
        data: bytes,
        inputs: Sequence[Array],
        threads: int = 1,
        kernels: str | None = None,
        custom_operators: Sequence[ctypes.Structure] = (),
    ) -> None:
        _keep_for_fuzzing(data)
        self._model, self._session = ctypes.c_void_p(), ctypes.c_void_p()
        self._kept = data, custom_operators  # are not copied
        options = ModelOptions(0, kernels.encode() if kernels else None)
        if custom_operators:
            given = (type(custom_operators[0]) * len(custom_operators))(*custom_operators)
            options.custom_operators, options.custom_operator_count = ctypes.addressof(given), len(given)
        shapes = (Shape * max(1, len(inputs)))(*[_shape(value) for value in inputs])
        session_options = SessionOptions(threads, False, ctypes.addressof(shapes))
        try:
            _call(
                "eq_model_open_memory",
                ctypes.c_char_p(data),
                ctypes.c_size_t(len(data)),
                ctypes.byref(options),
                ctypes.byref(self._model),
            )
            _call("eq_session_open", self._model, ctypes.byref(session_options), ctypes.byref(self._session))
        except NativeError:
            self.__exit__()
            raise

    def __enter__(self) -> NativeSession:
        return self

    def __exit__(self, *_: object) -> None:
        library().eq_session_close(self._session)
        library().eq_model_close(self._model)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        for index, value in enumerate(inputs):
            view = _view(self._session, "input", index)
            assert view.shape == value.shape and view.dtype == value.dtype, (view.shape, view.dtype)
            view[...] = value
        _call("eq_session_run", self._session)
        count = library().eq_session_output_count(self._session)
        return [_view(self._session, "output", i).copy() for i in range(count)]

    def reset(self) -> None:
        """Variables get their initial values."""
        library().eq_session_reset(self._session)


def run_native(data: bytes, inputs: Sequence[Array], threads: int = 1, kernels: str | None = None) -> list[Array]:
    """The outputs that this project's engine gives; raises NativeError."""
    with NativeSession(data, inputs, threads, kernels) as session:
        return session.run(inputs)


def _keep_for_fuzzing(data: bytes) -> None:
    """The fuzzer starts from the models that the tests make: scripts/fuzz names a folder for them."""
    folder = os.environ.get("EDGEQUANT_CORPUS")
    if folder:
        (Path(folder) / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


def _shape(value: Array) -> Shape:
    return Shape(value.ndim, (ctypes.c_int32 * 8)(*value.shape))


def _view(session: ctypes.c_void_p, side: str, index: int) -> Array:
    info = TensorDescription()
    _call(f"eq_session_{side}_info", session, ctypes.c_int32(index), ctypes.byref(info))
    address = getattr(library(), f"eq_session_{side}_data")(session, ctypes.c_int32(index))
    memory = (ctypes.c_char * info.bytes).from_address(address)
    return np.frombuffer(memory, _TYPES[info.type]).reshape(info.shape[: info.rank])


def check(
    data: bytes,
    inputs: Sequence[Array] | None = None,
    *,
    resolver: str = "default",
    equivalent: bytes | None = None,
    threads: Iterable[int] = (1, 2),
    kernels: Iterable[str] | None = None,
    seed: int = 0,
    expected: Sequence[Array] | None = None,
    within: float = 0,
) -> None:
    """Fail unless the engine gives LiteRT's bits, with every kernel set and number of threads.

    `equivalent` is a model for LiteRT to run in place of `data`, which it refuses; `expected` is what counts in place
    of LiteRT's outputs, where it has none or leaves some undefined. Floats may differ from LiteRT's by `within`, in
    parts of the output's largest magnitude; the engine's own are the same bits each time.
    """
    values = seeded_inputs(equivalent or data, seed) if inputs is None else inputs
    if expected is None:
        expected = run_litert(equivalent or data, values, resolver)
    first: list[Array] = []
    for name in kernel_sets() if kernels is None else kernels:
        for count in threads:
            found = run_native(data, values, count, name)
            assert len(found) == len(expected)
            first = first or found
            assert all(map(same_bits, found, first)), f"{name}, {count} threads: not what the engine gave before"
            for output, (ours, theirs) in enumerate(zip(found, expected)):
                assert same_bits(ours, theirs) or is_close(ours, theirs, within), (
                    f"{name}, {count} threads, output {output}: {difference(ours, theirs, resolver)}"
                )


def check_close(
    data: bytes, inputs: Sequence[Array] | None = None, *, equivalent: bytes | None = None, seed: int = 0
) -> None:
    """Fail unless float outputs are within 1e-5 of LiteRT's range, and the same bits with all kernels and threads."""
    check(data, inputs, equivalent=equivalent, seed=seed, within=1e-5)


def same_bits(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def is_close(ours: Array, theirs: Array, within: float) -> bool:
    """Whether two results, floats, differ by at most `within` of the largest magnitude of the second."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype or not np.issubdtype(ours.dtype, np.inexact):
        return False
    finite = np.isfinite(theirs)
    range_ = np.max(np.abs(theirs), initial=0, where=finite)
    is_near = np.abs(ours - theirs, where=finite, out=np.zeros(ours.shape)) <= within * range_
    return bool(np.all(np.where(finite, is_near, (ours == theirs) | ((ours != ours) & (theirs != theirs)))))


def difference(ours: Array, theirs: Array, oracle: str) -> str:
    """Where two results differ, and by how much, in one line."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"{ours.dtype}{list(ours.shape)}, LiteRT ({oracle}) has {theirs.dtype}{list(theirs.shape)}"
    where = np.argwhere(~((ours == theirs) | ((ours != ours) & (theirs != theirs))))
    if len(where) == 0:
        return "equal values of other bits (signs of zero, NaN)"
    first = [f"{place.tolist()}: {ours[tuple(place)]} not {theirs[tuple(place)]}" for place in where[:6]]
    most = np.max(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)))
    return f"{len(where)} of {ours.size} values differ from LiteRT ({oracle}), by up to {most:g}: " + ", ".join(first)
