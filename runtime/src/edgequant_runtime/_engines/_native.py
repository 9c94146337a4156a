"""The native engine: the C library of this package.

Inputs and outputs are the session's own memory in C, seen by numpy without a copy. It is freed when neither the engine
nor any view needs it. Numpy is imported when arrays are asked for: on a small board that takes longer than all else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from ctypes import addressof, byref, c_char, c_void_p
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from edgequant_runtime._errors import ModelError
from edgequant_runtime._model_file import FLOAT16, ModelFile

from ._base import check_bytes, lent_array
from ._library import (
    NO_SESSION,
    Error,
    ModelOptions,
    SessionOptions,
    TensorDescription,
    UnsupportedModelError,
    Work,
    check,
    library,
    uninterrupted_run,
)

if TYPE_CHECKING:
    from ctypes import Array
    from typing import TypeVar

    from numpy.typing import NDArray

    from edgequant_runtime._memory import MemoryUse
    from edgequant_runtime._profile import ProfileStep
    from edgequant_runtime._shapes import InputShapes
    from edgequant_runtime._tensor_info import TensorInfo

    _Given = TypeVar("_Given")
    _Made = TypeVar("_Made")

MOST_KERNEL_SETS = 16
"""More than any CPU has; there is no name past the last."""

SHORT_WORK = 1 << 17
"""Multiply-accumulates during which other Python threads may wait: far less than the 5 ms that each has for a turn."""

FAILED_RUN = "The engine 'native' failed while it ran the model"

# The numbers of the .tflite format.
_DTYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 8: "complex64", 9: "int8",
    12: "uint64", 15: "uint32", 16: "uint16",
}  # fmt: skip


def version() -> str:
    """Return the distribution and its version."""
    return f"edgequant-runtime {library().eq_version().decode()}"


def open_model(file: ModelFile, threads: int, input_shapes: InputShapes | None = None) -> NativeEngine:
    """Open a .tflite model; raises ModelError if it is damaged or has operators that this engine does not run."""
    return NativeEngine(NativeModel(file), threads, input_shapes=input_shapes)


def check_structure(file: ModelFile) -> None:
    """Raise ModelError, which says why, if a .tflite model must not be given to any engine.

    It is so if an offset, a length or an index in it is wrong, in any of its graphs, if a graph runs itself, or if a
    tensor would need more than 1 GiB. Operators that the native engine does not have are no reason. Takes about as
    long as reading the file's tables; the weights are not touched.

    Raises EngineError if the library of the native engine cannot be loaded.
    """
    error = Error()
    if file.path is not None:
        status = library().eq_model_check_file(os.fsencode(file.path), byref(error))
    else:
        content = file.content or b""
        status = library().eq_model_check_memory(content, len(content), byref(error))
    check(status, error, f"No engine can open {file.name}")


def computes_float16() -> bool:
    """Return whether this CPU has arithmetic on float16, and kernels for it."""
    return any(library().eq_kernels_name(index) == b"dotprod" for index in range(MOST_KERNEL_SETS))


class _Handle:
    """Something that C opened, closed when nobody needs it any more."""

    handle = c_void_p()  # nothing, until it is opened

    def __init__(self, close: Any) -> None:
        self.handle = c_void_p()
        self._close = close

    def __del__(self) -> None:
        if self.handle.value is not None:
            self._close(self.handle)


class NativeModel(_Handle):
    """An opened model, with weights packed for this CPU; its sessions keep it alive in C.

    Args:
        file: the model.
        kernels: the name of a kernel set, for tests and measurements; None takes the best that this CPU runs, or for
            the precision float16, where it has no arithmetic on that, "scalar".

    """

    def __init__(self, file: ModelFile, kernels: str | None = None) -> None:
        super().__init__(library().eq_model_close)
        self.name = file.name
        # A model in memory is not copied: whoever holds the C model holds the bytes.
        self.content = file.content or b""
        is_float16 = file.precision == FLOAT16
        self._imitates_float16 = is_float16 and not computes_float16()
        if kernels is None and self._imitates_float16:
            kernels = "scalar"
        options = ModelOptions(0, None if kernels is None else kernels.encode())
        options.precision = int(is_float16)
        if file.signature is not None:
            options.signature = file.signature.encode()
        error = Error()
        if file.path is not None:
            path = os.fsencode(file.path)
            status = library().eq_model_open_file(path, byref(options), byref(self.handle), byref(error))
        else:
            size = len(self.content)
            place = byref(self.handle)
            status = library().eq_model_open_memory(self.content, size, byref(options), place, byref(error))
        check(status, error, f"The engine 'native' cannot open {file.name}")

    def work(self) -> tuple[int, int, int]:
        """Return the work of an inference: what is fast everywhere, layers of floats, and what is slow everywhere."""
        work = self._measured()
        return int(work.fast), int(work.floats), int(work.slow)

    def _measured(self) -> Work:
        work = Work()
        library().eq_model_measure(self.handle, byref(work))
        return work

    @cached_property
    def is_short(self) -> bool:
        """Whether an inference, with the file's input shapes, is over before others would miss their turn."""
        if self._imitates_float16:
            return False
        work = self._measured()
        return bool(work.open_ended == 0 and work.fast + work.floats + work.slow <= SHORT_WORK)

    def layers_past_float16(self) -> int:
        """Return how many layers compute with float32 where float16 was asked for, as it cannot hold their weights."""
        return int(library().eq_model_layers_past_float16(self.handle))

    def inputs(self) -> list[TensorInfo]:
        """Return what the model takes: names, shapes and types."""
        descriptions = [TensorDescription() for _ in range(library().eq_model_input_count(self.handle))]
        error = Error()
        for index, description in enumerate(descriptions):
            status = library().eq_model_input_info(self.handle, index, byref(description), byref(error))
            check(status, error, f"Its input {index}")
        return [_tensor_info(description) for description in descriptions]


class _NativeSession(_Handle):
    """A C session; arrays of its memory keep it alive, and it the model."""

    def __init__(self, model: NativeModel, options: SessionOptions, what: str) -> None:
        super().__init__(library().eq_session_close)
        self.model = model
        error = Error()
        check(library().eq_session_open(model.handle, byref(options), byref(self.handle), byref(error)), error, what)


class NativeEngine:
    """One session of a native model; another shape of the inputs is another session of the same model.

    Attributes:
        invoke_at_once: runs one inference and returns 0, or returns another number, which is for check_at_once().
            It needs no turn: Python lets no other thread run meanwhile, and while one has its turn it does nothing.
            None where an inference takes so long that others should run, and before the first invoke().

    """

    invoke_at_once: Callable[[], int] | None

    def __init__(
        self, model: NativeModel, threads: int, profile: bool = False, input_shapes: InputShapes | None = None
    ) -> None:
        self._library = library()
        self._model, self._threads, self._profiled, self._input_shapes = model, threads, profile, input_shapes
        # Two: who has a turn reads its own, whatever is tried meanwhile.
        self._error, self._error_at_once = Error(), Error()
        self._open(input_shapes)

    def _open(self, input_shapes: InputShapes | None) -> None:
        what = f"The engine 'native' cannot open {self._model.name}"
        if input_shapes is not None:
            from edgequant_runtime._shapes import first_shapes

            self._start(first_shapes(self._model.inputs(), input_shapes), what)
            return
        try:
            self._start(None, what)
        except ModelError as error:
            from edgequant_runtime._shapes import free_size_hint

            raise type(error)(f"{str(error).rstrip('.')}{free_size_hint(self._model.inputs())}.") from error

    def clone(self) -> NativeEngine:
        """Open another session of the same model, whose packed weights they share."""
        return NativeEngine(self._model, self._threads, self._profiled, self._input_shapes)

    def reset(self) -> None:
        """Give the model's variables their first values."""
        self._gate.value = None
        try:
            self._library.eq_session_reset(self._session.handle)
        finally:
            self._gate.value = self._address

    @cached_property
    def inputs(self) -> Sequence[TensorInfo]:
        """What the model takes."""
        return [_tensor_info(description) for description in self._describe("input")]

    @cached_property
    def outputs(self) -> Sequence[TensorInfo]:
        """What it gives."""
        return [_tensor_info(description) for description in self._describe("output")]

    def resize(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Open a session for these input shapes; views of the old one stay good, but it is no longer run."""
        listed = ", ".join(str(shape) for shape in shapes)
        self._start(shapes, f"The engine 'native' cannot run inputs of the shape {listed}")

    def _start(self, shapes: Sequence[tuple[int, ...]] | None, what: str) -> None:
        wanted = None if shapes is None else _input_shapes(shapes)
        options = SessionOptions(self._threads, self._profiled, None if wanted is None else addressof(wanted))
        self._session = _NativeSession(self._model, options, what)
        # References that are made once: ctypes passes them on faster than it makes pointers of values in each call.
        session, error = byref(c_char.from_address(self._session.handle.value or 0)), byref(self._error)
        self._run = partial(self._library.eq_session_run, session, error)
        self._gate, self._address = c_void_p(), self._session.handle.value
        self.invoke_at_once, self._is_undecided = None, shapes is None and not self._profiled
        self._has_no_gate = not self._is_undecided
        for known in ("_inputs", "_outputs", "_copies", "_shapes", "_input_bytes", "_output_bytes"):
            self.__dict__.pop(known, None)

    @cached_property
    def _inputs(self) -> list[NDArray[Any]]:
        return [self._array("input", i, d) for i, d in enumerate(self._describe("input"))]

    @cached_property
    def _outputs(self) -> list[NDArray[Any]]:
        return [self._array("output", i, d) for i, d in enumerate(self._describe("output"))]

    @cached_property
    def _copies(self) -> list[Callable[[], NDArray[Any]]]:
        return [view.copy for view in self._outputs]

    @cached_property
    def _shapes(self) -> list[tuple[int, ...]]:
        return [view.shape for view in self._inputs]

    @cached_property
    def _input_bytes(self) -> list[Array[c_char]]:
        return self._bytes("input")

    @cached_property
    def _output_bytes(self) -> list[Array[c_char]]:
        return self._bytes("output")

    def _bytes(self, kind: str) -> list[Array[c_char]]:
        """Return the session's memory as arrays of bytes, whose `raw` copies in fewer instructions than memmove()."""
        data_of = getattr(self._library, f"eq_session_{kind}_data")
        places = [(data_of(self._session.handle, i), d.bytes) for i, d in enumerate(self._describe(kind))]
        return [(c_char * size).from_address(address) if size else (c_char * 0)() for address, size in places]

    def _describe(self, kind: str) -> list[TensorDescription]:
        session = self._session.handle
        descriptions = [TensorDescription() for _ in range(getattr(self._library, f"eq_session_{kind}_count")(session))]
        for index, description in enumerate(descriptions):
            describe = getattr(self._library, f"eq_session_{kind}_info")
            check(describe(session, index, byref(description), byref(self._error)), self._error, f"Its {kind} {index}")
        return descriptions

    def _array(self, kind: str, index: int, description: TensorDescription) -> NDArray[Any]:
        import numpy as np

        address = getattr(self._library, f"eq_session_{kind}_data")(self._session.handle, index)
        shape = tuple(description.shape[: description.rank])
        return lent_array(self._session, address, shape, np.dtype(_DTYPES[description.type]))

    def input_view(self, index: int) -> NDArray[Any]:
        """Return the session's memory for an input."""
        return self._inputs[index].view()

    def output_view(self, index: int) -> NDArray[Any]:
        """Return the session's memory for an output."""
        return self._outputs[index].view()

    def output(self, index: int) -> NDArray[Any]:
        """Return a copy of an output."""
        return self._outputs[index].copy()

    # Whoever has a turn closes the gate first: `invoke_at_once` gets a session that is NULL then, which C refuses.

    def invoke(self) -> None:
        """Run one inference."""
        if self._has_no_gate:  # nor a call of Python more, which costs as much as a layer of a small model
            status = self._run()
            if status:
                check(status, self._error, FAILED_RUN)
            return
        self._gate.value = None
        try:
            self._invoke()
        finally:
            self._gate.value = self._address
        if self._is_undecided:
            self._decide()

    def check_at_once(self, status: int) -> None:
        """Raise EngineError if an inference at once failed; otherwise nothing was run, and invoke() is to be called."""
        if status != NO_SESSION:
            check(status, self._error_at_once, FAILED_RUN)

    def _invoke(self) -> None:
        status = self._run()
        if status:
            check(status, self._error, FAILED_RUN)

    def _decide(self) -> None:
        self._is_undecided = False
        self._has_no_gate = not self._model.is_short or not getattr(sys, "_is_gil_enabled", lambda: True)()
        if not self._has_no_gate:
            self.invoke_at_once = partial(uninterrupted_run(), self._gate, byref(self._error_at_once))

    def run(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on values of the model's own types; return copies of the outputs."""
        return self._run_arrays(values) if self.invoke_at_once is None else self._behind_gate(self._run_arrays, values)

    def run_bytes(self, inputs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Run one inference from the bytes of the inputs to those of the outputs."""
        return self._run_bytes(inputs) if self.invoke_at_once is None else self._behind_gate(self._run_bytes, inputs)

    def _behind_gate(self, run: Callable[[_Given], _Made], values: _Given) -> _Made:
        self._gate.value = None
        try:
            return run(values)
        finally:
            self._gate.value = self._address

    def _run_arrays(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        for shape, place, value in zip(self._shapes, self._input_bytes, values):
            if value.shape != shape:
                self.resize([value.shape for value in values])
                return self._run_arrays(values)
            try:
                place.raw = value  # type: ignore[assignment]  # takes what has a buffer, in half of numpy's instructions
            except ValueError:  # the values are not adjacent
                place.raw = value.tobytes()
        status = self._run()
        if status:
            check(status, self._error, FAILED_RUN)
        return [copy() for copy in self._copies]

    def _run_bytes(self, inputs: Sequence[bytes]) -> tuple[bytes, ...]:
        places = self._input_bytes
        if len(inputs) != len(places):
            check_bytes(inputs, [len(place) for place in places])
        for place, data in zip(places, inputs):
            if len(data) != len(place):
                check_bytes(inputs, [len(place) for place in places])
            place.raw = data
        status = self._run()
        if status:
            check(status, self._error, FAILED_RUN)
        return tuple([place.raw for place in self._output_bytes])

    def profile(self) -> tuple[ProfileStep, ...]:
        """Return what each step cost so far; empty if the session does not measure."""
        from edgequant_runtime._profile import ProfileStep

        from ._structures import Step

        count = self._library.eq_session_profile(self._session.handle, None, 0)
        steps = (Step * count)()
        self._library.eq_session_profile(self._session.handle, steps, count)
        return tuple(ProfileStep(s.operators.decode(), s.first_operator, s.runs, s.nanoseconds, s.macs) for s in steps)

    def memory(self) -> MemoryUse:
        """Return what the model and this session have allocated."""
        from edgequant_runtime._memory import MemoryUse

        from ._structures import Memory

        used = Memory()
        self._library.eq_session_memory(self._session.handle, byref(used))
        return MemoryUse(used.packed_weights, used.arena, used.plan)


def _input_shapes(shapes: Sequence[tuple[int, ...]]) -> Array[Any]:
    from ._structures import Shape

    return (Shape * len(shapes))(*(Shape(len(shape), shape) for shape in shapes))


def _tensor_info(description: TensorDescription) -> TensorInfo:
    import numpy as np

    from edgequant_runtime._tensor_info import TensorInfo

    name = description.name.decode("utf-8", errors="replace")
    if description.type not in _DTYPES:  # bfloat16, int4
        raise UnsupportedModelError(
            f"The engine 'native' takes and gives types that numpy has, and {name!r} has another."
        )
    dtype = np.dtype(_DTYPES[description.type])
    quantized = description.scale > 0 and dtype.kind in "iu"
    return TensorInfo(
        name=name,
        shape=tuple(description.shape_signature[: description.rank]),
        dtype=dtype,
        scale=description.scale if quantized else None,
        zero_point=description.zero_point if quantized else None,
    )
