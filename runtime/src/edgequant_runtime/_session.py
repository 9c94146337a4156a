"""One way to run a model, whatever the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

from ._engines import open_engine
from ._errors import InputError, SessionError
from ._model_file import read_model_file
from ._threads import checked_threads

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ._engines._native import NativeEngine
    from ._model_file import Model
    from ._profile import ProfileStep
    from ._tensor_info import TensorInfo


class Session:
    """A model, opened in an engine and ready to run.

    Args:
        model: path of a .tflite or .onnx file, or its bytes.
        engine: "native" or "litert" (.tflite), "onnxruntime" (.onnx), or "auto", which goes by the file's content. For
            a .tflite model with int8 operators "auto" is "native"; for one without them, or with something that the
            native engine does not run, it is "litert".
        threads: threads for one inference, 1 to 256; None takes every core that this process may use.
        profile: measure every step, see profile(); the engine is "native" then.

    Attributes:
        inputs: what the model takes, in its own order.
        outputs: what it gives. In a .tflite model with exactly one signature the names are the signature's, otherwise
            the tensors'.
        engine: the engine's name.
        fallback_reason: a sentence on why "auto" took "litert" and not "native", which is also logged (INFO, to the
            logger "edgequant_runtime"); None if it did not.
        threads: the number of threads.

    Raises ModelError if the model cannot be opened and EngineError if the engine is unknown, not installed or does not
    run this kind of model; both are SessionErrors. A session serves one thread at a time.

    """

    def __init__(
        self, model: Model, *, engine: str = "auto", threads: SupportsIndex | None = None, profile: bool = False
    ) -> None:
        self.threads = checked_threads(threads)
        opened = open_engine(read_model_file(model), engine, self.threads, profile)
        self.engine, self.fallback_reason = opened.name, opened.fallback_reason
        self._engine = opened.engine
        self._is_profiled = profile

    @cached_property
    def inputs(self) -> list[TensorInfo]:
        """What the model takes, in its own order."""
        return list(self._engine.inputs)

    @cached_property
    def outputs(self) -> list[TensorInfo]:
        """What the model gives, in its own order."""
        return list(self._engine.outputs)

    @cached_property
    def _shapes(self) -> list[tuple[int, ...]]:
        """The inputs' shapes in use."""
        return [self._engine.input_view(index).shape for index in range(len(self.inputs))]

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
        by_name, model_values, _ = self._conversions
        values = [model_values(v, info, raw) for v, info in zip(by_name(inputs, self.inputs), self.inputs)]
        self._resize([value.shape for value in values])
        for index, value in enumerate(values):
            self._engine.input_view(index)[...] = value
        self._engine.invoke()
        return {info.name: self._output(index, info, raw) for index, info in enumerate(self.outputs)}

    def run_bytes(self, *inputs: bytes | bytearray | memoryview) -> tuple[bytes, ...]:
        """Run one inference from the bytes of the inputs to those of the outputs, both in the model's own order.

        They are the model's own integers or floats, row by row. With the native engine this needs no numpy and imports
        none, which on a small board takes longer than everything else. Free sizes are 1, or what the last run() had.

        Raises InputError for another number of inputs or bytes; EngineError if the engine fails.
        """
        return self._engine.run_bytes([_bytes(data) for data in inputs])

    def input_view(self, name: str) -> NDArray[Any]:
        """Return the engine's own memory for an input, of the model's own type: write there, then call invoke().

        Free sizes are 1, or what the last run() had. The view stays good until a run() with another shape; LiteRT
        refuses such a run() as long as views are held. Write every input before each invoke(): an engine may reuse
        the memory for something else.
        """
        return self._engine.input_view(_index(name, self.inputs, "input"))

    def output_view(self, name: str) -> NDArray[Any]:
        """Return the engine's own memory for an output, of the model's own type: read it after invoke().

        The next inference overwrites it. If the output's size is free, ask anew after each invoke(). Raises
        SessionError if the output has no memory of its own yet or never has.
        """
        return self._engine.output_view(_index(name, self.outputs, "output"))

    def invoke(self) -> None:
        """Run one inference on what the input views hold; raises EngineError if the engine fails."""
        self._engine.invoke()

    def profile(self) -> tuple[ProfileStep, ...]:
        """Return what each step of the model cost so far, in the order in which they run.

        Counting begins anew when the inputs change their shape. Raises SessionError if the session was not opened with
        profile=True.
        """
        if not self._is_profiled:
            raise SessionError("This session measures no profile: open it with profile=True.")
        return cast("NativeEngine", self._engine).profile()

    def _resize(self, shapes: Sequence[tuple[int, ...]]) -> None:
        if list(shapes) != self._shapes:
            self._engine.resize(shapes)
            self._shapes = list(shapes)

    def _output(self, index: int, info: TensorInfo, raw: bool) -> NDArray[Any]:
        value = self._engine.output(index)
        return value if raw or not info.is_quantized else self._conversions[2](value, info)

    @cached_property
    def _conversions(self) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        """What turns a caller's arrays into the model's and back, which imports numpy."""
        from ._inputs import by_name, model_values
        from ._quantization import dequantize

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
