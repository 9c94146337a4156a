"""Models opened in a worker: what a session is in this process, without its views."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, SupportsIndex

from edgequant_runtime._inputs import by_name
from edgequant_runtime._model_file import FLOAT32, read_model_file
from edgequant_runtime._profile import ProfileStep
from edgequant_runtime._shapes import by_input, first_shapes
from edgequant_runtime._threads import checked_threads

from ._inner import InnerTensors
from ._messages import Arrays
from ._opened_model import EngineWorker, OpenedModel, content_of, path_of
from ._process import WorkerDeath

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from edgequant_runtime._model_file import Model
    from edgequant_runtime._shapes import InputShapes


class EngineProcess:
    """A process in which engines run: what they open there is `IsolatedSession`s here.

    It gets ready in the background. If an engine dies, so do the sessions that are open; the next `open` starts
    another process. Use it with `with`: everything ends with the block. It also ends when nothing refers to it and
    its sessions any more, and when this process ends, however it does.
    """

    def __init__(self) -> None:
        self._worker = EngineWorker()

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all that is open in it."""
        self._worker.close()

    def open(
        self,
        model: Model,
        *,
        engine: str = "auto",
        threads: SupportsIndex | None = None,
        profile: bool = False,
        input_shapes: InputShapes | None = None,
        signature: str | None = None,
        precision: str = FLOAT32,
        name: str | None = None,
    ) -> IsolatedSession:
        """Open a model as `Session(...)` does, with the same arguments and errors; `name`: what these call the model.

        Raises EngineError too if the engine dies of the model, or does not open it in five minutes.
        """
        shapes = None if input_shapes is None else by_input(input_shapes)
        asked = {"engine": engine, "threads": checked_threads(threads), "profile": profile, "input_shapes": shapes}
        asked |= {"kind": "session", "signature": signature, "precision": precision}
        return IsolatedSession(self._running(), model, asked, name)

    def open_inner(
        self, model: Model, *, threads: int = 0, delegates: bool = True, name: str | None = None
    ) -> InnerTensors:
        """Open a model with LiteRT or ONNX Runtime, which every one of its tensors can be read from; see InnerTensors.

        `threads`: 0 leaves it to the engine. `delegates`: let LiteRT use XNNPACK. `name`: what errors call the model.
        Raises as `open` does.
        """
        asked = {"kind": "inner", "threads": threads, "delegates": delegates}
        return InnerTensors(self._running(), model, asked, name)

    def model_engines(self, model: Model) -> tuple[tuple[str, ...], str | None]:
        """Return what `edgequant_runtime.model_engines` and `native_slowness` do."""
        file = read_model_file(model)
        answer = self._ask({"do": "engines", **path_of(file)}, content_of(file), "native", f"reading {file.name}")
        return tuple(answer["engines"]), answer["slowness"]

    def optimize_onnx(self, model: str | os.PathLike[str], output: str | os.PathLike[str]) -> None:
        """Have ONNX Runtime write a model, both are paths, with constants folded and batch norms fused.

        Raises ModelError if it cannot be opened or written, and EngineError if ONNX Runtime dies of it.
        """
        file = read_model_file(model)
        request = {"do": "optimize", **path_of(file), "output": os.path.abspath(output)}
        self._ask(request, (), "onnxruntime", f"optimizing {file.name}")

    def _ask(self, request: dict[str, Any], arrays: Arrays, engine: str, doing: str) -> dict[str, Any]:
        try:
            return self._running().ask(request, arrays)[0]
        except WorkerDeath as death:
            raise death.to_error(engine, doing) from death

    def _running(self) -> EngineWorker:
        if not self._worker.is_alive:
            self._worker = EngineWorker()
        return self._worker


class IsolatedSession(OpenedModel):
    """A model in an engine of another process.

    Its attributes are those of a Session: inputs, outputs, engine, fallback_reason, threads, signature, signatures; and
    `first_shapes`, those with which the inputs began, in their order.
    """

    def _describe(self, answer: dict[str, Any]) -> None:
        self.engine: str = answer["engine"]
        self.fallback_reason: str | None = answer["fallback_reason"]
        self.threads: int = answer["threads"]
        self.signature: str | None = answer["signature"]
        self.signatures: tuple[str, ...] = tuple(answer["signatures"])
        self.first_shapes = first_shapes(self.inputs, answer["input_shapes"])

    def run(
        self, inputs: ArrayLike | Mapping[str, ArrayLike], *, raw: bool = False, anew: bool = False
    ) -> dict[str, NDArray[Any]]:
        """Run one inference as `Session.run` does, with the same arguments, outputs and errors; `anew` resets first.

        Raises EngineError too if the engine dies, or does not answer for five minutes.
        """
        answer, outputs = self._ask({"do": "run", "raw": raw, "anew": anew}, by_name(inputs, self.inputs), "running")
        return dict(zip(answer["names"], outputs))

    def time(self, inputs: ArrayLike | Mapping[str, ArrayLike]) -> int:
        """Return the nanoseconds of one `Session.invoke()` on the model's own values, after a run that is not counted.

        Raises as `run` does.
        """
        answer, _ = self._ask({"do": "time"}, by_name(inputs, self.inputs), "running")
        return int(answer["nanoseconds"])

    def reset(self) -> None:
        """Forget what earlier runs left, as `Session.reset` does."""
        self._ask({"do": "reset"}, (), "resetting")

    def profile(self) -> tuple[ProfileStep, ...]:
        """Return what each step of the model cost so far, as `Session.profile` does."""
        answer, _ = self._ask({"do": "profile"}, (), "profiling")
        return tuple(ProfileStep(*step) for step in answer["steps"])
