"""The .tflite file: read, check, normalise, rename and write it."""

from ._attached import attached_files, carry_attached_files
from ._damage import refuse_damaged
from ._file import ModelT, model_bytes, read_model, write_model
from ._normalise import normalise
from ._quantized import quantized_parts
from ._schema import operator_name, type_name
from ._signature import io_names, rename_io

__all__ = [
    "ModelT",
    "attached_files",
    "carry_attached_files",
    "io_names",
    "model_bytes",
    "normalise",
    "operator_name",
    "quantized_parts",
    "read_model",
    "refuse_damaged",
    "rename_io",
    "type_name",
    "write_model",
]
