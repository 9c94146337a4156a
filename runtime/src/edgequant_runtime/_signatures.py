"""The signatures of a .tflite file: the names under which its graphs are known, read without an engine.

A flatbuffer's tables are described in _engines/_tflite_bounds.py. Field numbers as in TensorFlow Lite's schema.fbs.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from ._model_file import ModelFile

MODEL_SIGNATURES, SIGNATURE_KEY, SIGNATURE_GRAPH = 7, 2, 4

_Data = Union[bytes, mmap.mmap]


def read_signatures(file: ModelFile) -> list[tuple[str, int]]:
    """Return each signature's name and the number of its graph, 0 for the main one; empty if the list is damaged."""
    try:
        if file.path is None:
            return list(_signatures(file.content or b""))
        with open(file.path, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return list(_signatures(data))
    except (struct.error, OSError):
        return []


def _signatures(data: _Data) -> Iterator[tuple[str, int]]:
    model = _uint(data, 0)
    vector = _pointed(data, model, MODEL_SIGNATURES)
    if vector is None:
        return
    for index in range(_uint(data, vector)):
        entry = vector + 4 + 4 * index
        signature = entry + _uint(data, entry)
        key, graph = _pointed(data, signature, SIGNATURE_KEY), _field(data, signature, SIGNATURE_GRAPH)
        name = b"" if key is None else data[key + 4 : key + 4 + _uint(data, key)]
        yield name.decode("utf-8", errors="replace"), 0 if graph is None else _uint(data, graph)


def _field(data: _Data, table: int, number: int) -> int | None:
    """Return where a table's field is, or None if it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    (size,) = struct.unpack_from("<H", data, table - back)
    if 4 + 2 * number + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", data, table - back + 4 + 2 * number)
    return table + offset if offset else None


def _pointed(data: _Data, table: int, number: int) -> int | None:
    """Return where what a table's field points at is."""
    field = _field(data, table, number)
    return None if field is None else field + _uint(data, field)


def _uint(data: _Data, position: int) -> int:
    (number,) = struct.unpack_from("<I", data, position)
    return int(number)
