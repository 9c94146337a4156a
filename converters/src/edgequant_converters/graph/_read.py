"""Open a model file as a graph."""

import os
from pathlib import Path

from edgequant_converters._errors import ConverterError, SourceError
from edgequant_converters._reason import reason

from ._model import ModelGraph

MODEL_SUFFIXES = (".tflite", ".onnx")


def read_graph(path: str | os.PathLike[str]) -> ModelGraph:
    """Read a .tflite or .onnx file; nothing in it is run.

    Raises SourceError for a file that is missing, empty, damaged, or neither of the two.
    """
    from ._litert import read_litert
    from ._onnx import read_onnx

    file = Path(path)
    if not file.exists():
        raise SourceError(f"{file} does not exist: give a .tflite or .onnx model.")
    if not file.is_file():
        raise SourceError(f"{file} is not a file: give a .tflite or .onnx model.")
    if file.suffix.lower() not in MODEL_SUFFIXES:
        raise SourceError(f"{file.name} is neither .tflite nor .onnx: convert it first with `edgequant convert`.")
    if file.stat().st_size == 0:
        raise SourceError(f"{file.name} is empty (0 bytes): copy or convert it again.")
    reader = read_litert if file.suffix.lower() == ".tflite" else read_onnx
    try:
        graph = reader(file)
        graph.check()
    except ConverterError:
        raise
    except Exception as error:  # IndexError, struct.error, UnicodeDecodeError, RecursionError, MemoryError ...
        # Well-formed as a container, but its parts refer to what is not there.
        raise SourceError(f"{file.name} is damaged: its graph does not hold together ({reason(error)}).") from error
    return graph
