"""Weights that an .onnx file keeps in files beside it, from where they may come, and reading them.

The file names its data, and nobody but the file says where: a path out of the folder would make some other file's
bytes part of the converted model. So the data has to lie in the model's folder. The exception is how Hugging Face's
cache lays models out: `models--*/snapshots/REVISION/model.onnx` and its data are links to `models--*/blobs/SHA`.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import numpy as np
import onnx
from onnx import TensorProto
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from ._errors import SourceError

_LONGEST_NAME = 255  # bytes, in every usual file system
_LIMIT = 2 << 30  # bytes; protobuf's limit for one message, which the model becomes


def load_external_weights(model: onnx.ModelProto, path: Path) -> None:
    """Read every tensor that is kept outside of the .onnx file at `path` into `model`; raises SourceError."""
    extents = [(tensor, *_extent(tensor, path)) for tensor in external_tensors(model)]
    if sum(length for *_, length in extents) > _LIMIT:
        raise SourceError(f"{path.name} has more than 2 GB of weights, which edgequant does not convert.")
    for tensor, file, offset, length in extents:
        try:
            with file.open("rb") as data:
                data.seek(offset)
                tensor.raw_data = data.read(length)
        except OSError as error:
            raise SourceError(f"{file} cannot be read: {error.strerror}.") from error
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def external_size(model: onnx.ModelProto, path: Path) -> int:
    """Return how many bytes the files beside the model have; those that are missing count nothing."""
    locations = {_info(tensor, path).location for tensor in external_tensors(model)}
    files = {locate(path, location) for location in locations}
    return sum(file.stat().st_size for file in files if file.is_file())


def locate(path: Path, location: str) -> Path:
    """Return the file that the .onnx file at `path` calls `location`.

    Raises SourceError if it is absolute, leads out of the model's folder, or is a link to anything but that folder, the
    folder of the file that the model itself is a link to, or the blobs of the Hugging Face cache that holds the model.
    """
    parts = PureWindowsPath(location)  # which knows both kinds of slash
    strange = any(part == ".." or len(part.encode()) > _LONGEST_NAME for part in parts.parts)
    if not location or "\0" in location or parts.anchor or strange:
        raise SourceError(
            f"{path.name} keeps its weights in {location[:80]!r}, which names no file of its own folder: save it "
            "again with onnx.save(model, file, save_as_external_data=True, location='weights.bin')."
        )
    file = path.parent / location
    real = Path(os.path.realpath(file))  # Path.resolve raises where links go round in a circle
    homes = [path.parent, Path(os.path.realpath(path)).parent, *_hugging_face_blobs(path)]
    if not any(real.is_relative_to(os.path.realpath(home)) for home in homes):
        raise SourceError(
            f"{path.name} keeps its weights in {location}, a link to {real}, outside of the model's folder: put the "
            "file itself beside the model, in the link's place."
        )
    return real


def external_tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Yield the tensors of all graphs and functions, attributes included, whose data is in another file."""
    tensors = [*_graph_tensors(model.graph), *(t for f in model.functions for t in _node_tensors(f.node))]
    yield from (tensor for tensor in tensors if uses_external_data(tensor))


def _graph_tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: "list[onnx.NodeProto]") -> Iterator[TensorProto]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for graph in (attribute.g, *attribute.graphs):
            yield from _graph_tensors(graph)


def _extent(tensor: TensorProto, path: Path) -> tuple[Path, int, int]:
    """Return the file of a tensor's data, where in it the data begins, and its length, all in bytes."""
    info = _info(tensor, path)
    file = locate(path, info.location)
    if not file.is_file():
        raise SourceError(
            f"{path.name} keeps its weights in {info.location}, which is missing: put it beside the model."
        )
    offset, needed = info.offset or 0, _bytes_of(tensor, path)
    if info.length not in (None, needed) or offset + needed > file.stat().st_size:
        raise SourceError(
            f"{path.name}: the data of {tensor.name} is not in {info.location} as the model says, so one of the two is "
            "damaged or of another version: copy both again."
        )
    return file, offset, needed


def _bytes_of(tensor: TensorProto, path: Path) -> int:
    count = 1
    for size in tensor.dims:
        count *= max(int(size), 0)
    if tensor.data_type in (TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1):
        return (count + 1) // 2
    try:
        return count * np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize
    except KeyError as error:
        raise SourceError(f"{path.name} is damaged: {tensor.name} has no type that ONNX knows.") from error


def _info(tensor: TensorProto, path: Path) -> ExternalDataInfo:
    try:
        return ExternalDataInfo(tensor)
    except ValueError as error:  # a position that is no number, or below 0
        raise SourceError(f"{path.name} is damaged: it says nowhere where the data of {tensor.name} begins.") from error


def _hugging_face_blobs(path: Path) -> list[Path]:
    """Return the blobs of the cache that holds the model, as models--NAME/snapshots/REVISION/..."""
    folder = path.absolute().parent
    return [
        p.parent.parent / "blobs"
        for p in (folder, *folder.parents)
        if p.parent.name == "snapshots" and p.parent.parent.name.startswith("models--")
    ]
