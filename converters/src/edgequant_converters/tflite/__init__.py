"""The .tflite file: read, normalise, rename and write it."""

from ._file import ModelT, model_bytes, read_model, write_model
from ._signature import rename_io

__all__ = ["ModelT", "model_bytes", "read_model", "rename_io", "write_model"]
