"""The signatures of a .tflite file, the names under which its graphs are known, and its notes, read without an engine.

A flatbuffer's tables are described in _engines/_tflite_bounds.py. Field numbers as in TensorFlow Lite's schema.fbs.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from ._model_file import ModelFile

MODEL_GRAPHS, MODEL_METADATA, MODEL_SIGNATURES, SIGNATURE_KEY, SIGNATURE_GRAPH = 2, 6, 7, 2, 4
METADATA_NAME = 0
GRAPH_INPUTS, GRAPH_OUTPUTS = 1, 2

_Data = Union[bytes, mmap.mmap]


def read_signatures(file: ModelFile) -> list[tuple[str, int]]:
    """Return each signature's name and the number of its graph, 0 for the main one; empty if the list is damaged."""
    try:
        with _data_of(file) as data:
            return list(_signatures(data))
    except (struct.error, OSError):
        return []


def begins_anew(file: ModelFile) -> bool:
    """Tell whether the file says that its variable tensors hold nothing from one run to the next; it must be sound."""
    with _data_of(file) as data:
        return any(
            _text(data, entry, METADATA_NAME) == b"edgequant.begins_anew" for entry in _tables(data, MODEL_METADATA)
        )


def read_edges(file: ModelFile, graph: int) -> tuple[list[int], list[int]]:
    """Return which tensors are the inputs and the outputs of a graph, in its order; the file must be sound."""
    with _data_of(file) as data:
        graphs = pointed(data, uint_at(data, 0), MODEL_GRAPHS) or 0
        entry = graphs + 4 + 4 * graph
        table = entry + uint_at(data, entry)
        return _numbers(data, table, GRAPH_INPUTS), _numbers(data, table, GRAPH_OUTPUTS)


@contextmanager
def _data_of(file: ModelFile) -> Iterator[_Data]:
    if file.path is None:
        yield file.content or b""
        return
    with open(file.path, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _numbers(data: _Data, table: int, field: int) -> list[int]:
    vector = pointed(data, table, field)
    return [] if vector is None else [uint_at(data, vector + 4 + 4 * i) for i in range(uint_at(data, vector))]


def _signatures(data: _Data) -> Iterator[tuple[str, int]]:
    for signature in _tables(data, MODEL_SIGNATURES):
        graph = field_of(data, signature, SIGNATURE_GRAPH)
        name = _text(data, signature, SIGNATURE_KEY)
        yield name.decode("utf-8", errors="replace"), 0 if graph is None else uint_at(data, graph)


def _tables(data: _Data, field: int) -> Iterator[int]:
    """Yield where the tables are that a list of the model has."""
    vector = pointed(data, uint_at(data, 0), field)
    if vector is None:
        return
    for index in range(uint_at(data, vector)):
        entry = vector + 4 + 4 * index
        yield entry + uint_at(data, entry)


def _text(data: _Data, table: int, field: int) -> bytes:
    text = pointed(data, table, field)
    return b"" if text is None else data[text + 4 : text + 4 + uint_at(data, text)]


def field_of(data: _Data, table: int, number: int) -> int | None:
    """Return where a table's field is, or None if it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    (size,) = struct.unpack_from("<H", data, table - back)
    if 4 + 2 * number + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", data, table - back + 4 + 2 * number)
    return table + offset if offset else None


def pointed(data: _Data, table: int, number: int) -> int | None:
    """Return where what a table's field points at is."""
    field = field_of(data, table, number)
    return None if field is None else field + uint_at(data, field)


def uint_at(data: _Data, position: int) -> int:
    (number,) = struct.unpack_from("<I", data, position)
    return int(number)
