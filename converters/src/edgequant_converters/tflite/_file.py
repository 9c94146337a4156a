"""Reading and writing .tflite flatbuffers through the schema that LiteRT ships."""

import os
from pathlib import Path
from typing import Any, TypeAlias

from edgequant_converters._errors import SourceError
from edgequant_converters._files import replacing

ModelT: TypeAlias = Any
"""`ai_edge_litert.schema_py_generated.ModelT`, the mutable form of a .tflite file (it ships no type information)."""

IDENTIFIER = b"TFL3"
_BUFFER_ALIGNMENT = 16  # bytes; schema.fbs: Buffer.data has force_align: 16


def read_model(source: str | os.PathLike[str] | bytes) -> ModelT:
    """Read a .tflite file (or its bytes) as a mutable object with every buffer's data in place.

    Raises SourceError for a missing, empty, truncated or damaged file, and for one that is not a .tflite at all.
    Only the flatbuffer itself is read here: `refuse_damaged` and LiteRT itself look at what it describes.
    """
    name = "The model" if isinstance(source, bytes) else Path(source).name
    data = source if isinstance(source, bytes) else _read_bytes(Path(source))
    if not data:
        raise SourceError(f"{name} is empty: give a .tflite model.")
    if data[4:8] != IDENTIFIER:
        raise SourceError(f"{name} is not a .tflite model: its first bytes lack the 'TFL3' mark.")
    return _parse(data, name)


def model_bytes(model: ModelT) -> bytes:
    """Return `model` as the bytes of a .tflite file; weights start at multiples of 16 bytes."""
    from ai_edge_litert.tools import flatbuffer_utils

    plain = model.buffers
    model.buffers = [_AlignedBuffer(buffer) for buffer in plain]
    try:
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    finally:
        model.buffers = plain


def write_model(model: ModelT, path: str | os.PathLike[str]) -> None:
    """Write `model` as a .tflite file, in one step: a failure leaves the old file. Raises OutputError."""
    data = model_bytes(model)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


class _AlignedBuffer:
    """Packs like the schema's BufferT, but aligns the data, which the generated Python writer forgets to do."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer

    def Pack(self, builder: Any) -> int:  # noqa: N802 (the flatbuffers object API's name)
        if self._buffer.data is not None:
            builder.Prep(_BUFFER_ALIGNMENT, len(self._buffer.data))
        return int(self._buffer.Pack(builder))


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error


def _parse(data: bytes, name: str) -> ModelT:
    from ai_edge_litert.tools import flatbuffer_utils

    try:
        return flatbuffer_utils.read_model_from_bytearray(data)
    except Exception as error:  # struct.error, IndexError, ValueError, TypeError ...: whichever offset is wrong
        raise SourceError(f"{name} is damaged or cut short: copy or download it again.") from error
