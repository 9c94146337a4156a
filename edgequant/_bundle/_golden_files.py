"""Goldens as files: written here, and held against the manifest when a bundle is opened."""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import DamagedBundleError
from ._manifest import Golden, Manifest, TensorFile

Arrays = dict[str, NDArray[Any]]


def write_golden(folder: Path, number: int, kind: str, inputs: Arrays, outputs: Arrays) -> Golden:
    """Write the arrays to `folder`/goldens/<number>, in their order."""
    (folder / "goldens" / str(number)).mkdir(parents=True)
    return Golden(kind, _written(folder, number, "input", inputs), _written(folder, number, "output", outputs))


def _written(folder: Path, number: int, role: str, arrays: Arrays) -> tuple[TensorFile, ...]:
    files = []
    for index, (name, values) in enumerate(arrays.items()):
        path = f"goldens/{number}/{role}-{index}.npy"
        with (folder / path).open("wb") as file:
            np.lib.format.write_array(file, np.ascontiguousarray(values), version=(1, 0), allow_pickle=False)
        digest = hashlib.sha256(bytes_of(values)).hexdigest()
        files.append(TensorFile(name, path, values.dtype.name, values.shape, digest))
    return tuple(files)


def bytes_of(values: NDArray[Any]) -> bytes:
    """Return the values' bytes in C order."""
    return np.ascontiguousarray(values).tobytes()


def check_goldens(folder: Path, manifest: Manifest) -> None:
    """See that every golden has the type, shape and values that the manifest tells; raises DamagedBundleError."""
    for golden in manifest.goldens:
        for tensor in (*golden.inputs, *golden.outputs):
            if not _is_as_told(folder / tensor.path, tensor):
                raise DamagedBundleError(f"{tensor.path} has another type, shape or values than the manifest says.")


def _is_as_told(path: Path, tensor: TensorFile) -> bool:
    with path.open("rb") as file:
        try:
            if np.lib.format.read_magic(file) != (1, 0):
                return False
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):  # the header is a Python literal
            return False
        rest = path.stat().st_size - file.tell()
        if (shape, is_fortran, dtype) != (tensor.shape, False, np.dtype(tensor.dtype)):
            return False
        return rest == math.prod(shape) * dtype.itemsize and (
            hashlib.file_digest(file, "sha256").hexdigest() == tensor.data_sha256
        )
