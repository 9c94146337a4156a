"""The user's side of the TensorFlow worker: start it, ask once, and turn what happens into an answer or an error."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from typing import Any

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._extras import how_to_install

_WORKER = [sys.executable, "-P", "-m", "edgequant_converters._tensorflow_worker"]


def run_tensorflow(request: dict[str, Any]) -> dict[str, Any]:
    """Send one request (see `_tensorflow_worker/__main__.py`) to a new worker and return its answer.

    Raises UnsupportedError if TensorFlow is not installed, SourceError or UnsupportedError with the worker's sentence,
    and SourceError with its last line if it dies.
    """
    missing = [name for name in ("tensorflow", "keras", "tf2onnx") if find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            f"TensorFlow is needed for {request['description']}, but {' and '.join(missing)} cannot be found: "
            f"{how_to_install('keras')}"
        )
    with tempfile.TemporaryDirectory(prefix="edgequant-") as home:
        worker = subprocess.run(
            _WORKER, input=json.dumps(request), capture_output=True, text=True, env=_environment(home), check=False
        )
    lines = worker.stdout.splitlines()
    if worker.returncode or not lines:
        raise SourceError(_last_words(request["description"], worker))
    answer: dict[str, Any] = json.loads(lines[-1])
    if "error" in answer:
        kind = UnsupportedError if answer["error"] == UnsupportedError.__name__ else SourceError
        raise kind(answer["message"])
    return answer


def _environment(keras_home: str) -> dict[str, str]:
    """Return the worker's environment: whatever the user set for Keras and TensorFlow does not change a conversion."""
    return os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": keras_home,  # ~/.keras/keras.json may set another back end, float type or image layout
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # the same sums on every CPU
        "TF_USE_LEGACY_KERAS": "0",
        "PYTHONHASHSEED": "0",  # tf2onnx walks sets: the same bytes each time
        "PYTHONWARNINGS": "ignore",
    }


def _last_words(description: str, worker: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in worker.stderr.splitlines() if line.strip()]
    reason = f" (its last words: {lines[-1][:300]})" if lines else ""
    if worker.returncode >= 0:
        return f"{description}: TensorFlow's process ended with exit code {worker.returncode}{reason}."
    name = signal.Signals(-worker.returncode).name
    if name == "SIGKILL":
        return f"{description}: TensorFlow's process was killed, most likely because the memory ran out."
    return f"{description}: TensorFlow's process crashed with {name}{reason}."
