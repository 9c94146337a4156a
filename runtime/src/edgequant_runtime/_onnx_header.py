"""The few facts of an .onnx file that are needed before ONNX Runtime opens it, read without the onnx package.

An .onnx file is a protocol buffer `ModelProto`: a row of fields, each a tag (field number and wire type) and a value.
Reading it takes microseconds even for a large model, because the graph, field 7, is skipped by its length.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

IR_VERSION, GRAPH, METADATA_PROPS = 1, 7, 14
METADATA_KEY, METADATA_VALUE = 1, 2
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5


def read_onnx_metadata(model: BinaryIO) -> dict[str, str]:
    """Return the metadata entries of an ONNX model; raises ValueError if the stream is no whole ModelProto."""
    metadata: dict[str, str] = {}
    seen = set()
    for number, value in _fields(model, wanted=(METADATA_PROPS,)):
        seen.add(number)
        if number == METADATA_PROPS:
            entry = dict(_fields(io.BytesIO(value), wanted=(METADATA_KEY, METADATA_VALUE)))
            metadata[_text(entry.get(METADATA_KEY, b""))] = _text(entry.get(METADATA_VALUE, b""))
    if not {IR_VERSION, GRAPH} <= seen:
        raise ValueError("an ONNX model has an ir_version and a graph")
    return metadata


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _fields(stream: BinaryIO, wanted: tuple[int, ...]) -> Iterator[tuple[int, bytes]]:
    """Yield each field's number, with its bytes if it is wanted and has a length, else with b""."""
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    while stream.tell() < end:
        tag = _varint(stream)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a field has no number")
        length = _length(stream, wire_type)
        if stream.tell() + length > end:
            raise ValueError("a field ends beyond the end of the file")
        if number in wanted:
            yield number, stream.read(length)
        else:
            stream.seek(length, io.SEEK_CUR)
            yield number, b""


def _length(stream: BinaryIO, wire_type: int) -> int:
    """Return how many bytes of the field are still to come."""
    if wire_type == _LENGTH_DELIMITED:
        return _varint(stream)
    if wire_type == _VARINT:
        _varint(stream)
        return 0
    if wire_type in (_FIXED32, _FIXED64):
        return 4 if wire_type == _FIXED32 else 8
    raise ValueError(f"a field has the unknown wire type {wire_type}")


def _varint(stream: BinaryIO) -> int:
    """Read a base-128 integer of at most 64 bits."""
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise ValueError("the file ends inside a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number is longer than 64 bits")
