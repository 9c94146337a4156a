"""Arrays whose first axis counts samples: in memory, in a .npy file, or in the members of a .npz file.

Files are read with plain reads, one sample at a time: a memory map would be simpler, but its pages count as this
process's memory. Nothing is ever unpickled.
"""

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from edgequant_runtime.archives import ARCHIVE_DAMAGE
from numpy.lib import format as npy
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError
from edgequant_converters._reason import reason

from ._fit import InputFit


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def sample_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize


class ArraysInMemory:
    """Arrays by input name, already in memory."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], fits: Sequence[InputFit]) -> None:
        self._arrays = {fit.spec.name: arrays[fit.spec.name] for fit in fits}
        headers = {name: _Header(array.shape, array.dtype) for name, array in self._arrays.items()}
        self.count = _check(headers, fits, "The data")

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        for index in range(self.count):
            yield {name: array[index] for name, array in self._arrays.items()}


class NpyFile:
    """A .npy file, for a model with one input."""

    def __init__(self, path: Path, fits: Sequence[InputFit]) -> None:
        if len(fits) != 1:
            names = ", ".join(fit.spec.name for fit in fits)
            raise CalibrationError(
                f"{path.name} holds one array, but the model's inputs are {names}: save a .npz with one array each."
            )
        self._path, self._name = path, fits[0].spec.name
        with _reading(path) as file:
            self._header = _read_header(file, path.name)
            left = path.stat().st_size - file.tell()
        self.count = _check({self._name: self._header}, fits, path.name)
        if left < self.count * self._header.sample_bytes:
            whole = left // self._header.sample_bytes
            raise CalibrationError(f"{path.name} is truncated: {whole} of its {self.count} samples are whole.")

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        with _reading(self._path) as file:
            _read_header(file, self._path.name)
            for _ in range(self.count):
                yield {self._name: _read_sample(file, self._header)}


class NpzFile:
    """A .npz file, compressed or not: one array under any name for one input, else one array per input name."""

    def __init__(self, path: Path, fits: Sequence[InputFit]) -> None:
        self._path = path
        self._headers = {}
        with _reading(path) as file, zipfile.ZipFile(file) as archive:
            self._members = _members_by_input(archive, path, fits)
            for name, member in self._members.items():
                with archive.open(member) as stream:
                    self._headers[name] = _read_header(stream, f"{path.name}[{member.removesuffix('.npy')}]")
        self.count = _check(self._headers, fits, path.name)

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        with _reading(self._path) as file, zipfile.ZipFile(file) as archive, ExitStack() as stack:
            streams = {name: stack.enter_context(archive.open(m)) for name, m in self._members.items()}
            for stream in streams.values():
                _read_header(stream, self._path.name)
            for _ in range(self.count):
                yield {name: _read_sample(stream, self._headers[name]) for name, stream in streams.items()}


def _members_by_input(archive: zipfile.ZipFile, path: Path, fits: Sequence[InputFit]) -> dict[str, str]:
    stored = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
    wanted = [fit.spec.name for fit in fits]
    if len(wanted) == len(stored) == 1:
        return {wanted[0]: next(iter(stored.values()))}
    missing = [name for name in wanted if name not in stored]
    if missing:
        raise CalibrationError(
            f"{path.name} has no array named {', '.join(missing)}: it holds {', '.join(sorted(stored)) or 'none'}, and "
            f"the model's inputs are {', '.join(wanted)}."
        )
    return {name: stored[name] for name in wanted}


def _read_header(file: IO[bytes], what: str) -> _Header:
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise CalibrationError(f"{what} holds records, not plain numbers: save an array of float32.")
    shape, fortran_order, dtype = readers[version](file)
    if dtype.hasobject:
        raise CalibrationError(f"{what} holds pickled Python objects, which are never loaded: save plain numbers.")
    if fortran_order and len(shape) > 1:
        raise CalibrationError(
            f"{what} is in Fortran order, which cannot be read sample by sample: save np.ascontiguousarray(array)."
        )
    if any(n < 0 for n in shape):
        raise ValueError(f"the header claims the shape {shape}")
    return _Header(tuple(shape), dtype)


def _read_sample(file: IO[bytes], header: _Header) -> NDArray[Any]:
    data = file.read(header.sample_bytes)
    if len(data) != header.sample_bytes:
        raise EOFError("it is truncated")
    return np.frombuffer(data, dtype=header.dtype).reshape(header.shape[1:])


def _check(headers: Mapping[str, _Header], fits: Sequence[InputFit], what: str) -> int:
    """Check every array against its input, before any sample is read; return the number of samples."""
    counts = {}
    for fit in fits:
        header = headers[fit.spec.name]
        fit.check_dtype(header.dtype)
        if not header.shape:
            raise CalibrationError(f"{what} holds a single number: its first axis must count samples.")
        fit.check_shape(header.shape[1:])
        counts[fit.spec.name] = header.shape[0]
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count} for '{name}'" for name, count in counts.items())
        raise CalibrationError(f"{what} has different numbers of samples per input ({listed}): they must agree.")
    count = next(iter(counts.values()))
    if count == 0:
        raise CalibrationError(f"{what} holds zero samples: give at least one (about 100 are a good calibration).")
    return count


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    """Open a data file, and turn whatever its damage raises into a CalibrationError."""
    try:
        with path.open("rb") as file:
            yield file
    except ARCHIVE_DAMAGE as error:
        if path.exists() and path.stat().st_size == 0:
            raise CalibrationError(f"{path.name} is empty (0 bytes): save it again.") from error
        raise CalibrationError(
            f"{path.name} is not a readable {path.suffix} file ({reason(error)}): save it again."
        ) from error
