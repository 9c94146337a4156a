"""What a .tflite file says about itself: TensorFlow Lite's metadata, with labels as files in a ZIP archive at its end.

Field numbers as in metadata_schema.fbs. The file is untrusted: what is damaged says nothing.
"""

from __future__ import annotations

import io
import json
import mmap
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Union

from edgequant_runtime._signatures import field_of, pointed, uint_at

if TYPE_CHECKING:
    from edgequant_runtime._model_file import ModelFile

    _Data = Union[bytes, mmap.mmap]

MODEL_BUFFERS, MODEL_METADATA = 4, 6
ENTRY_NAME, ENTRY_BUFFER, BUFFER_DATA = 0, 1, 0
METADATA_GRAPHS, GRAPH_INPUTS, GRAPH_OUTPUTS = 3, 2, 3
TENSOR_UNITS, TENSOR_FILES, UNIT_KIND, UNIT_OPTIONS, FILE_NAME = 4, 6, 0, 1, 0
NORMALIZATION, MEAN, STD = 1, 0, 1
MOST_LABELS_BYTES = 1 << 22


def complete(file: ModelFile, text: bytes | None, is_float: bool) -> tuple[bytes | None, list[str] | None]:
    """Return the task with the normalization that the model states, where it has none itself; and the model's labels.

    Of a model with integer inputs the normalization does not count: it takes a picture's bytes.
    """
    try:
        values: dict[str, Any] = {} if text is None else json.loads(text)
        given, output = values.get("input", {}), values.get("output", {})
        stated = read_metadata(file)
        if (
            is_float
            and "mean" not in given
            and "std" not in given
            and "mean" in stated
            and given.get("kind", "image") == "image"
        ):
            values = {"task": 1, **values, "input": {**given, "mean": stated["mean"], "std": stated["std"]}}
            text = json.dumps(values).encode()
        return text, None if "labels" in output else stated.get("labels")
    except (ValueError, AttributeError, TypeError, RecursionError):
        return text, None  # the C library says what is wrong with it


def read_metadata(file: ModelFile) -> dict[str, Any]:
    """Return `mean` and `std` of the first input and `labels` of an output, as far as the file states them."""
    try:
        if file.path is None:
            return _read(file.content or b"")
        with open(file.path, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _read(data)
    except (struct.error, OSError, ValueError, IndexError):
        return {}


def _read(data: _Data) -> dict[str, Any]:
    found: dict[str, Any] = {}
    metadata = _metadata(data)
    if metadata is None:
        return found
    for graph in _tables(metadata, uint_at(metadata, 0), METADATA_GRAPHS):
        for tensor in _tables(metadata, graph, GRAPH_INPUTS):
            found.update(_normalization(metadata, tensor))
            break
        names = [
            _text(metadata, associated, FILE_NAME)
            for tensor in _tables(metadata, graph, GRAPH_OUTPUTS)
            for associated in _tables(metadata, tensor, TENSOR_FILES)
        ]
        labels = _labels(data, names)
        if labels:
            found["labels"] = labels
        break
    return found


def _metadata(data: _Data) -> bytes | None:
    model = uint_at(data, 0)
    buffers = list(_tables(data, model, MODEL_BUFFERS))
    for entry in _tables(data, model, MODEL_METADATA):
        if _text(data, entry, ENTRY_NAME) == "TFLITE_METADATA":
            place = field_of(data, entry, ENTRY_BUFFER)
            content = pointed(data, buffers[0 if place is None else uint_at(data, place)], BUFFER_DATA)
            return None if content is None else bytes(data[content + 4 : content + 4 + uint_at(data, content)])
    return None


def _normalization(data: bytes, tensor: int) -> dict[str, Any]:
    for unit in _tables(data, tensor, TENSOR_UNITS):
        kind, options = field_of(data, unit, UNIT_KIND), pointed(data, unit, UNIT_OPTIONS)
        if kind is not None and options is not None and data[kind] == NORMALIZATION:
            mean, std = _floats(data, options, MEAN), _floats(data, options, STD)
            if mean and std and all(std):
                return {"mean": mean, "std": std}
    return {}


def _labels(data: _Data, names: list[str]) -> list[str]:
    import zipfile

    from edgequant_runtime.archives import ARCHIVE_DAMAGE

    try:
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            for info in archive.infolist():
                if (info.filename in names or "label" in info.filename) and info.file_size <= MOST_LABELS_BYTES:
                    return archive.read(info).decode("utf-8", errors="replace").splitlines()
    except ARCHIVE_DAMAGE:
        pass
    return []


def _tables(data: _Data, table: int, number: int) -> Iterator[int]:
    vector = pointed(data, table, number)
    for index in range(0 if vector is None else uint_at(data, vector)):
        entry = vector + 4 + 4 * index  # type: ignore[operator]
        yield entry + uint_at(data, entry)


def _text(data: _Data, table: int, number: int) -> str:
    place = pointed(data, table, number)
    return "" if place is None else bytes(data[place + 4 : place + 4 + uint_at(data, place)]).decode(errors="replace")


def _floats(data: bytes, table: int, number: int) -> list[float]:
    place = pointed(data, table, number)
    if place is None or uint_at(data, place) > 16:
        return []
    return list(struct.unpack_from(f"<{uint_at(data, place)}f", data, place + 4))
