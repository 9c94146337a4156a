"""The user's side of the TensorFlow worker: start it, ask it, and turn what happens into an answer or an error."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any, Self

from edgequant_runtime import SessionError
from edgequant_runtime.isolation import WorkerDeath, WorkerProcess
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._extras import how_to_install

_WORKER = "edgequant_converters._tensorflow_worker"

LIMIT_SECONDS = 3600.0
"""How long it may be silent: its converters write a large network in many minutes."""


class _Worker:
    """A worker and the folder that stands for the user's settings of Keras."""

    def __init__(self, description: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="edgequant-")
        try:
            self.process = WorkerProcess(_WORKER, _environment(self._home.name))
        except SessionError as error:
            self._home.cleanup()
            raise SourceError(f"TensorFlow cannot be started for {description}: {error}") from error

    def close(self) -> None:
        self.process.close()
        self._home.cleanup()


class ReusableTensorFlow:
    """A TensorFlow process for many networks, one after the other: starting it takes ten times what a small one does.

    It is started by the first that needs it within a block of `reused()`, and anew after a death; `close()` ends it.
    """

    def __init__(self) -> None:
        self._worker: _Worker | None = None

    @contextmanager
    def reused(self) -> Iterator[None]:
        """Let every `TensorFlowProcess` within the block be this one."""
        token = _shared.set(self)
        try:
            yield
        finally:
            _shared.reset(token)

    def worker(self, description: str) -> _Worker:
        """Return the worker, started if there is none."""
        if self._worker is None:
            self._worker = _Worker(description)
        return self._worker

    def close(self) -> None:
        """End the worker; the next network gets another."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()


_shared: ContextVar[ReusableTensorFlow | None] = ContextVar("the TensorFlow process that is shared", default=None)


class TensorFlowProcess:
    """TensorFlow in a process of its own, for one network, whose name in messages is `description`.

    Use it with `with`: it ends with the block, unless it is one that is reused (`ReusableTensorFlow`). Raises
    UnsupportedError if TensorFlow is not installed.
    """

    def __init__(self, description: str) -> None:
        missing = [name for name in ("tensorflow", "keras", "tf2onnx") if find_spec(name) is None]
        if missing:
            raise UnsupportedError(
                f"TensorFlow is needed for {description}, but {' and '.join(missing)} cannot be found: "
                f"{how_to_install('keras')}"
            )
        self._description = description

    def __enter__(self) -> Self:
        self._reusable = _shared.get()
        self._worker = (
            _Worker(self._description) if self._reusable is None else self._reusable.worker(self._description)
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._reusable is None:
            self._worker.close()

    def ask(
        self, request: dict[str, Any], arrays: Sequence[NDArray[Any]] = ()
    ) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """Send a request (see `_tensorflow_worker/__main__.py`) and return the answer, a document and arrays.

        Raises SourceError or UnsupportedError with the worker's sentence, and SourceError if it dies or hangs.
        """
        try:
            answer, values = self._worker.process.ask(
                {**request, "description": self._description}, arrays, seconds=LIMIT_SECONDS
            )
        except WorkerDeath as death:
            if self._reusable is not None:
                self._reusable.close()
            raise SourceError(
                f"TensorFlow {death} while converting {self._description}: try another format (.onnx or .tflite), and "
                "report it with the network."
            ) from death
        if "refusal" in answer:
            kind = UnsupportedError if answer["refusal"] == UnsupportedError.__name__ else SourceError
            raise kind(answer["message"])
        return answer, values


def _environment(keras_home: str) -> dict[str, str]:
    """Return what the worker's environment has: no setting of the user's for Keras or TensorFlow changes a result."""
    return {
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": keras_home,  # ~/.keras/keras.json may set another back end, float type or image layout
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # the same sums on every CPU
        "TF_USE_LEGACY_KERAS": "0",
        "PYTHONHASHSEED": "0",  # tf2onnx walks sets: the same bytes each time
    }
