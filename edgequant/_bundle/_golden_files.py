"""Goldens as files: written here, and held against the manifest when a bundle is opened."""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import DamagedBundleError
from ._manifest import Golden, Manifest, TensorFile, tensor_path

Arrays = dict[str, NDArray[Any]]

_ALIGNMENT = 64
_CHUNK = 2**20


def write_golden(folder: Path, number: int, kind: str, inputs: Arrays, outputs: Arrays) -> Golden:
    """Write the arrays to `folder`/goldens/<number>, in their order."""
    (folder / "goldens" / str(number)).mkdir(parents=True)
    return Golden(kind, _written(folder, number, "input", inputs), _written(folder, number, "output", outputs))


def _written(folder: Path, number: int, role: str, arrays: Arrays) -> tuple[TensorFile, ...]:
    files = []
    for index, (name, values) in enumerate(arrays.items()):
        path, content = tensor_path(number, role, index), bytes_of(values)
        (folder / path).write_bytes(_header(values.dtype.name, values.shape) + content)
        files.append(TensorFile(name, path, values.dtype.name, values.shape, hashlib.sha256(content).hexdigest()))
    return tuple(files)


def bytes_of(values: NDArray[Any]) -> bytes:
    """Return the values' bytes in C order."""
    return np.ascontiguousarray(values).tobytes()


def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return what a .npy file of version 1.0 has before its values.

    Written here and not by numpy, whose versions pad differently: a reader then knows each byte, and parses none.
    """
    text = f"{{'descr': '{np.dtype(dtype).str}', 'fortran_order': False, 'shape': {shape}, }}"
    fixed = len(b"\x93NUMPY\1\0") + 2
    size = math.ceil((fixed + len(text) + 1) / _ALIGNMENT) * _ALIGNMENT - fixed
    return b"\x93NUMPY\1\0" + size.to_bytes(2, "little") + text.ljust(size - 1).encode("ascii") + b"\n"


def check_goldens(folder: Path, manifest: Manifest) -> None:
    """See that every golden has the type, shape and values that the manifest tells; raises DamagedBundleError."""
    for golden in manifest.goldens:
        for tensor in golden.inputs:
            _check(folder / tensor.path, tensor)
        for tensor in golden.outputs:
            if not _check(folder / tensor.path, tensor):
                raise DamagedBundleError(f"{tensor.path} has values that are not finite, which prove nothing.")


def _check(path: Path, tensor: TensorFile) -> bool:
    """Return whether all values are finite."""
    dtype, header = np.dtype(tensor.dtype), _header(tensor.dtype, tensor.shape)
    digest, is_finite = hashlib.sha256(), True
    with path.open("rb") as file:
        is_as_told = file.read(len(header)) == header
        is_as_told &= path.stat().st_size == len(header) + math.prod(tensor.shape) * dtype.itemsize
        while is_as_told and (chunk := file.read(_CHUNK)):
            digest.update(chunk)
            is_finite &= dtype.kind != "f" or bool(np.isfinite(np.frombuffer(chunk, dtype)).all())
    if not is_as_told or digest.hexdigest() != tensor.data_sha256:
        raise DamagedBundleError(f"{tensor.path} has another type, shape or values than the manifest says.")
    return is_finite
