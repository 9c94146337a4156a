"""Whether everything a .tflite file points at lies within the file.

`ai-edge-litert` verifies a file itself; `tflite-runtime` does not, and crashes on one that was cut off. This follows
every offset that it would follow before the first inference. Not checked: vectors inside the operators' own options,
and whether indices (of tensors, buffers, operator codes) are in range.

A flatbuffer is made of tables and vectors. A table starts with a signed distance back to its vtable: two sizes in
bytes (of the vtable, of the table), then one offset for each field, 0 where the field is absent. Vectors and tables
inside are reached through 32-bit distances, and a vector starts with its length. Everything is little-endian.
"""

from __future__ import annotations

import mmap
import struct
from typing import Union

# For each table, the fields that point somewhere: at a table (its name), a vector of tables ([name]), or a vector of
# plain values (the bytes of one). Field numbers and types as in TensorFlow Lite's schema.fbs.
_Target = Union[str, "list[str]", int]
_TABLES: dict[str, dict[int, _Target]] = {
    "Model": {1: ["OperatorCode"], 2: ["SubGraph"], 3: 1, 4: ["Buffer"], 5: 4, 6: ["Metadata"], 7: ["Signature"]},
    "OperatorCode": {1: 1},
    "SubGraph": {0: ["Tensor"], 1: 4, 2: 4, 3: ["Operator"], 4: 1},
    "Tensor": {0: 4, 3: 1, 4: "Quantization", 6: "Options", 7: 4},
    "Quantization": {0: 4, 1: 4, 2: 4, 3: 8},
    "Operator": {1: 4, 2: 4, 4: "Options", 5: 1, 7: 1, 8: 4},
    "Options": {},
    "Buffer": {0: 1},
    "Metadata": {0: 1},
    "Signature": {0: ["TensorMap"], 1: ["TensorMap"], 2: 1},
    "TensorMap": {0: 1},
}


def check_bounds(model: str | bytes) -> None:
    """Raise ValueError if the .tflite model, a path or its bytes, points beyond its end."""
    if isinstance(model, bytes):
        _Checker(model).table(0, "Model")
        return
    with open(model, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        _Checker(data).table(0, "Model")


class _Checker:
    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data

    def table(self, pointer: int, name: str) -> None:
        """Check the table that the 32-bit distance at `pointer` leads to, and all that it leads to."""
        start = pointer + self._number("<I", pointer)
        vtable = start - self._number("<i", start)
        vtable_size, table_size = self._number("<H", vtable), self._number("<H", vtable + 2)
        self._within(vtable, vtable_size)
        self._within(start, table_size)
        for field, target in _TABLES[name].items():
            entry = 4 + 2 * field
            offset = self._number("<H", vtable + entry) if entry + 2 <= vtable_size else 0
            if offset:
                self._follow(start + offset, target)

    def _follow(self, pointer: int, target: _Target) -> None:
        if isinstance(target, str):
            self.table(pointer, target)
            return
        vector = pointer + self._number("<I", pointer)
        length = self._number("<I", vector)
        self._within(vector + 4, length * (target if isinstance(target, int) else 4))
        if isinstance(target, list):
            for index in range(length):
                self.table(vector + 4 + 4 * index, target[0])

    def _number(self, kind: str, position: int) -> int:
        self._within(position, struct.calcsize(kind))
        (number,) = struct.unpack_from(kind, self._data, position)
        return int(number)

    def _within(self, start: int, size: int) -> None:
        if start < 0 or start + size > len(self._data):
            raise ValueError("it points beyond its end, so it is cut off or damaged")
