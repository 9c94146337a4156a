"""Try a .tflite file from someone else in a process of its own: LiteRT may crash or hang on a damaged one.

Run as `python -m edgequant_converters.tflite._probe FILE`: exit code 0 if one inference on zeros works, else 1 and the
reason on standard output.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
from edgequant_runtime import EngineError, ModelError, check_tflite

from edgequant_converters._errors import SourceError

_TIMEOUT = 300  # seconds; one inference of a large model by reference kernels takes tens of seconds


def refuse_damaged(path: str | os.PathLike[str]) -> None:
    """Raise SourceError, which names the file, if the native engine's reader finds it damaged: see `check_tflite`."""
    try:
        with suppress(EngineError):  # without the native engine's library a process of its own must do
            check_tflite(path)
    except ModelError as error:
        raise SourceError(str(error)) from error


def check_runs(path: str | os.PathLike[str]) -> None:
    """Raise SourceError, which names the file, if LiteRT cannot load the model and run one inference, however it fails.

    LiteRT does not see a damaged file.
    """
    refuse_damaged(path)
    name = Path(path).name
    command = [sys.executable, "-P", "-m", "edgequant_converters.tflite._probe", os.fspath(path)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{name}: LiteRT did not finish one inference in {_TIMEOUT} seconds.") from error
    if result.returncode < 0:
        raise SourceError(f"{name} is damaged: LiteRT crashed on it; copy or download it again.")
    if result.returncode:
        reason = result.stdout.strip() or "it gave no reason"
        raise SourceError(f"{name} cannot be run by LiteRT: {reason}")


def _probe(path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():  # their memory holds whatever was there before
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()


def _main() -> int:
    try:
        _probe(Path(sys.argv[1]))
    except Exception as error:  # LiteRT raises RuntimeError and ValueError, with its reason on the first line
        sys.stdout.write(str(error).strip().split("\n")[0])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
