"""One way to run a model, whatever the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

from ._engines import open_engine
from ._errors import EngineError, InputError, ModelError, SessionError
from ._model_file import FLOAT16, FLOAT32, TFLITE, read_model_file
from ._threads import checked_threads
from ._turns import Turns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ._engines._engine import Engine
    from ._engines._native import NativeEngine
    from ._model_file import Model
    from ._profile import ProfileStep
    from ._shapes import InputShapes
    from ._tensor_info import TensorInfo


class Session:
    """A model, opened in an engine and ready to run.

    Args:
        model: path of a .tflite or .onnx file, or its bytes.
        engine: "native" or "litert" (.tflite), "onnxruntime" (.onnx), or "auto", which goes by the file's content. For
            an int8 .tflite model "auto" is "native", and on AArch64 for others too; elsewhere it is "litert" for one
            with much float32 in it, and everywhere for one with something that the native engine does not run.
        threads: threads for one inference, 1 to 256; None takes every core that this process may use.
        profile: measure every step, see profile(); the engine is "native" then.
        input_shapes: shapes to begin with, by input name, for a model that leaves sizes free and cannot be planned with
            1 for them, which they are otherwise. Inputs that are not named keep that.
        signature: the name of the signature to run, for a .tflite file that has several: its graph, under its names.
            None runs the first graph. What one signature's variables remember, a session of another does not know.
        precision: "float32", or "float16" for layers of floats of a .tflite model to compute with that in the native
            engine: faster on a CPU that has such arithmetic, as a Raspberry Pi 5, and less exact. Another CPU imitates
            it, many times slower, with the same bits; `fallback_reason` says so. Inputs and outputs stay as they are.

    Attributes:
        inputs: what the model takes, in its own order.
        outputs: what it gives. The names are those of the signature that was asked for, or of the only one that a
            .tflite model has, otherwise the tensors'.
        engine: the engine's name.
        fallback_reason: a sentence on why "auto" took "litert" and not "native", which is also logged (INFO, to the
            logger "edgequant_runtime"), or that float16 is imitated or cannot hold the weights of some layers; None if
            nothing of it is so.
        imitates_float16: whether this CPU has no arithmetic for the precision that was asked for.
        threads: the number of threads.
        signature: the name of the .tflite file's signature that is run: what was asked for, or that of its first graph,
            or None.
        signatures: the names of all that the file has.

    Raises ModelError if the model cannot be opened, EngineError if the engine is unknown, not installed or does not
    run this kind of model, and InputError if `input_shapes` do not fit; all are SessionErrors.

    Threads may share a session: run(), run_bytes(), invoke(), reset() and profile() each have it to themselves, one
    after the other. Views are outside of that: to write one, invoke() and read another are three steps, between which
    other threads may do theirs. clone() gives each thread a session of its own, and runs at the same time.

    """

    def __init__(
        self,
        model: Model,
        *,
        engine: str = "auto",
        threads: SupportsIndex | None = None,
        profile: bool = False,
        input_shapes: InputShapes | None = None,
        signature: str | None = None,
        precision: str = FLOAT32,
    ) -> None:
        self.threads = checked_threads(threads)
        self._file = read_model_file(model)
        if precision not in (FLOAT32, FLOAT16):
            raise EngineError(f"There is no precision '{precision}': choose {FLOAT32} or {FLOAT16}.")
        self._file.precision = precision
        self._choose(signature)
        opened = open_engine(self._file, engine, self.threads, profile, input_shapes)
        self.engine, self.fallback_reason = opened.name, opened.fallback_reason
        self.imitates_float16 = opened.imitates_float16
        self._is_profiled = profile
        self._own(opened.engine)

    def _choose(self, signature: str | None) -> None:
        if signature is None or signature in self.signatures:
            self._file.signature = signature
            return
        have = ", ".join(repr(name) for name in self.signatures) or "none"
        raise ModelError(f"There is no signature '{signature}': {self._file.name} has {have}.")

    def _own(self, engine: Engine) -> None:
        # The native engine sees a fork itself; the others would wait for ever for threads that are not there.
        self._accepted: list[tuple[tuple[int, ...], np.dtype[Any]]] | None = None  # by the last run(raw=True)
        self._array: type[NDArray[Any]] | None = None  # numpy's type, once it is imported
        self._engine, self._turn = engine, Turns(may_fork=self.engine == "native" or self.threads == 1)

    def clone(self) -> Session:
        """Return another session on the same model, as this one was when it was opened.

        The two can run at the same time, each in a thread. The native engine shares the model's file and its packed
        weights between them, ONNX Runtime everything but inputs and outputs, its threads included; LiteRT opens the
        file a second time, whose pages are shared, and packs its weights again. What one session's variables remember
        is its own. Raises SessionError if the model cannot be opened again.
        """
        twin = Session.__new__(type(self))
        twin.threads, twin.engine, twin.fallback_reason = self.threads, self.engine, self.fallback_reason
        twin.imitates_float16 = self.imitates_float16
        twin._file, twin._is_profiled = self._file, self._is_profiled
        with self._turn.lock:
            twin._own(self._engine.clone())
        return twin

    @cached_property
    def inputs(self) -> list[TensorInfo]:
        """What the model takes, in its own order."""
        from ._tensor_info import told_apart

        with self._turn.lock:
            return told_apart(self._engine.inputs)

    @cached_property
    def outputs(self) -> list[TensorInfo]:
        """What the model gives, in its own order."""
        from ._tensor_info import told_apart

        with self._turn.lock:
            return told_apart(self._engine.outputs)

    @cached_property
    def _output_names(self) -> list[str]:
        return [info.name for info in self.outputs]

    @property
    def signature(self) -> str | None:
        """The name of the signature that is run, if not chosen that of the first graph; None if there is none."""
        if self._file.signature is not None:
            return self._file.signature
        return next((name for name, graph in self._signatures if graph == 0), None)

    @property
    def precision(self) -> str:
        """What layers of floats compute with: "float32" or "float16"."""
        return self._file.precision

    @property
    def signatures(self) -> tuple[str, ...]:
        """The names of all signatures of a .tflite file."""
        return tuple(name for name, _ in self._signatures)

    @cached_property
    def _signatures(self) -> list[tuple[str, int]]:
        from ._signatures import read_signatures

        return read_signatures(self._file) if self._file.format == TFLITE else []

    def run(self, inputs: ArrayLike | Mapping[str, ArrayLike], *, raw: bool = False) -> dict[str, NDArray[Any]]:
        """Run one inference and return the outputs by name; they are copies.

        Args:
            inputs: one array for a model with one input, or arrays by input name. Shapes are the model's; where the
                model leaves a size free (-1), such as the batch, any size from 1 up will do, and the model is resized
                to it. A size that the model fixes cannot be changed.
            raw: False: a quantized input takes real values as floats, which are quantized (rounded half to even,
                saturated), and a quantized output is returned as float32. True: quantized inputs and outputs are the
                model's own integers, and every dtype must be exactly the model's. Inputs that are not quantized take
                any float type for floats, and any integer type for integers if the values fit.

        Raises InputError if the inputs do not fit, or contain NaN for a quantized input; EngineError if the engine
        fails.

        """
        if raw and type(inputs) is self._array and [(inputs.shape, inputs.dtype)] == self._accepted:
            values = [inputs]  # as in the last run: small networks would notice what else is looked at
        else:
            values = self._model_values(inputs, raw)
        with self._turn.lock:
            given = self._engine.run(values)
        if raw:
            return dict(zip(self._output_names, given))
        _, _, dequantize = self._conversions
        return {
            info.name: dequantize(value, info) if info.is_quantized else value
            for info, value in zip(self.outputs, given)
        }

    def _model_values(self, inputs: ArrayLike | Mapping[str, ArrayLike], raw: bool) -> list[NDArray[Any]]:
        by_name, model_values, _ = self._conversions
        values: list[NDArray[Any]] = by_name(inputs, self.inputs)
        kinds = [(value.shape, value.dtype) for value in values]
        if not raw or kinds != self._accepted:
            values = [model_values(value, info, raw) for value, info in zip(values, self.inputs)]
            self._accepted = kinds if raw else None
        return values

    def run_bytes(self, *inputs: bytes | bytearray | memoryview) -> tuple[bytes, ...]:
        """Run one inference from the bytes of the inputs to those of the outputs, both in the model's own order.

        They are the model's own integers or floats, row by row. With the native engine this needs no numpy and imports
        none, which on a small board takes longer than everything else. Free sizes are those of the last run(), or at
        first those of `input_shapes`, or 1.

        Raises InputError for another number of inputs or bytes; EngineError if the engine fails.
        """
        given = [data if type(data) is bytes else _bytes(data) for data in inputs]
        with self._turn.lock:
            return self._engine.run_bytes(given)

    def input_view(self, name: str) -> NDArray[Any]:
        """Return the engine's own memory for an input, of the model's own type: write there, then call invoke().

        Free sizes are those of the last run(), or at first those of `input_shapes`, or 1. The view stays good until a
        run() with another shape; LiteRT refuses such a run() as long as views are held. Write every input before each
        invoke(): an engine may reuse the memory for something else.
        """
        index = _index(name, self.inputs, "input")
        with self._turn.lock:
            return self._engine.input_view(index)

    def output_view(self, name: str) -> NDArray[Any]:
        """Return the engine's own memory for an output, of the model's own type: read it after invoke().

        The next inference overwrites it. If the output's size is free, ask anew after each invoke(). Raises
        SessionError if the output has no memory of its own yet or never has.
        """
        index = _index(name, self.outputs, "output")
        with self._turn.lock:
            return self._engine.output_view(index)

    def invoke(self) -> None:
        """Run one inference on what the input views hold; raises EngineError if the engine fails."""
        at_once = self._engine.invoke_at_once
        if at_once is not None:
            status = at_once()
            if status == 0:
                return
            cast("NativeEngine", self._engine).check_at_once(status)
        with self._turn.lock:  # and not by hand, faster: an interrupt between two lines would leave it taken
            self._engine.invoke()

    def reset(self) -> None:
        """Forget what earlier runs left: give the variables of a streaming model their first values.

        A model without variables is left as it is; no ONNX model has any. LiteRT opens a model with named variables
        (VAR_HANDLE) again, so hold no views then: raises SessionError if there are some.
        """
        with self._turn.lock:
            self._engine.reset()

    def profile(self) -> tuple[ProfileStep, ...]:
        """Return what each step of the model cost so far, in the order in which they run.

        Counting begins anew when the inputs change their shape. Raises SessionError if the session was not opened with
        profile=True.
        """
        if not self._is_profiled:
            raise SessionError("This session measures no profile: open it with profile=True.")
        with self._turn.lock:
            return cast("NativeEngine", self._engine).profile()

    @cached_property
    def _conversions(self) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        """What turns a caller's arrays into the model's and back, which imports numpy."""
        import numpy as np

        from ._inputs import by_name, model_values
        from ._quantization import dequantize

        self._array = np.ndarray
        return by_name, model_values, dequantize


def _bytes(data: bytes | bytearray | memoryview) -> bytes:
    try:
        return memoryview(data).tobytes()
    except TypeError as error:
        raise InputError(f"An input is given as bytes, not as {type(data).__name__}.") from error


def _index(name: str, infos: Sequence[TensorInfo], kind: str) -> int:
    for index, info in enumerate(infos):
        if info.name == name:
            return index
    raise InputError(f"There is no {kind} '{name}': the model has {', '.join(repr(info.name) for info in infos)}.")
