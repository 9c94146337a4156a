"""The user's side of the TensorFlow worker: start it, ask it, and turn what happens into an answer or an error."""

import tempfile
from collections.abc import Sequence
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


class TensorFlowProcess:
    """TensorFlow in a process of its own, for one network, whose name in messages is `description`.

    Use it with `with`: it ends with the block. Raises UnsupportedError if TensorFlow is not installed.
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
        self._home = tempfile.TemporaryDirectory(prefix="edgequant-")
        try:
            self._process = WorkerProcess(_WORKER, _environment(self._home.name))
        except SessionError as error:
            self._home.cleanup()
            raise SourceError(f"TensorFlow cannot be started: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()
        self._home.cleanup()

    def ask(
        self, request: dict[str, Any], arrays: Sequence[NDArray[Any]] = ()
    ) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """Send a request (see `_tensorflow_worker/__main__.py`) and return the answer, a document and arrays.

        Raises SourceError or UnsupportedError with the worker's sentence, and SourceError if it dies or hangs.
        """
        try:
            answer, values = self._process.ask(
                {**request, "description": self._description}, arrays, seconds=LIMIT_SECONDS
            )
        except WorkerDeath as death:
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
