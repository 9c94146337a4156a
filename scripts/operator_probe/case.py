"""A model of one operator in the making, with values for its inputs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "runtime" / "tests" / "native"))
from single_op import Model, Quantized  # noqa: E402

LITERT: dict[str, list[int]] = json.loads((ROOT / "edgequant" / "_engine_limits" / "litert.json").read_text())[
    "operators"
]

# The columns of the table: types of the operator's first input, or of what it makes where it has no other.
TYPES = (
    "FLOAT32", "FLOAT16", "BFLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "BOOL", "INT4",
)  # fmt: skip
SHAPE = (2, 4, 5, 6)
# Scale and zero point that a tensor gets in each type unless a case says otherwise; plain numbers have none.
IN = {"INT8": (0.05, 3), "UINT8": (0.05, 131), "INT16": (0.0005, 0), "INT4": (0.3, 0)}
OUT = {"INT8": (0.06, -4), "UINT8": (0.06, 124), "INT16": (0.0006, 0), "INT4": (0.4, 0)}
# Integers that stand for themselves: small, so that products and powers fit.
PLAIN = {"INT32": (-20, 20), "INT64": (-20, 20), "UINT32": (0, 40), "UINT16": (0, 40)}

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A model and values for its inputs."""

    data: bytes
    inputs: list[Array]


class NoSuchModelError(Exception):
    """A type that a case cannot be made of."""


class One:
    """A model of the operator `name` in the making: inputs, constants, outputs, then `case`."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.model = Model()
        self.rng = np.random.default_rng(7)
        self.inputs: list[Array] = []
        self.scales = True  # whether tensors of small integers are quantized

    def quantized(self, kind: str, table: dict[str, tuple[float, int]]) -> Quantized | None:
        return Quantized(*table[kind]) if kind in table and self.scales else None

    def values(self, shape: Sequence[int], kind: str, low: float | None, high: float | None) -> Array:
        if kind in ("FLOAT32", "FLOAT16", "BFLOAT16", "FLOAT64"):
            values = self.rng.normal(size=shape) * 2 if low is None else self.rng.uniform(low, high or 1, shape)
            return values.astype({"FLOAT32": np.float32, "FLOAT64": np.float64}.get(kind, np.float16))
        if kind == "BOOL":
            return self.rng.integers(0, 2, shape).astype(np.bool_)
        dtype = np.dtype("int8" if kind == "INT4" else kind.lower())
        first, last = (-8, 7) if kind == "INT4" else PLAIN.get(kind, (np.iinfo(dtype).min, np.iinfo(dtype).max))
        if low is not None:
            first, last = int(low), int(low if high is None else high)
        return self.rng.integers(first, last, shape, endpoint=True, dtype=dtype)

    def x(
        self, shape: Sequence[int] = SHAPE, kind: str | None = None, *, low: float | None = None,
        high: float | None = None, q: Quantized | None = None, same: bool = False,
    ) -> int:  # fmt: skip
        """An input; `same`: quantized as the outputs are."""
        kind = kind or self.kind
        if kind in ("BFLOAT16", "INT4"):
            raise NoSuchModelError  # numpy has no values for it
        self.inputs.append(self.values(shape, kind, low, high))
        return self.model.input(shape, kind, q or self.quantized(kind, OUT if same else IN))

    def given(self, values: Any, kind: str = "INT32") -> int:
        """An input with these values."""
        self.inputs.append(np.array(values, np.dtype(kind.lower() if kind != "BOOL" else "bool")))
        return self.model.input(self.inputs[-1].shape, kind)

    def w(self, shape: Sequence[int], kind: str | None = None, q: Quantized | None = None, low: float | None = None,
          high: float | None = None) -> int:  # fmt: skip
        """A constant with random values."""
        kind = kind or self.kind
        return self.model.constant(self.values(shape, kind, low, high), kind, q or self.quantized(kind, IN))

    def c(self, values: Any, kind: str = "INT32", q: Quantized | None = None) -> int:
        """A constant with these values."""
        return self.model.constant(values, kind, q or self.quantized(kind, OUT))

    def y(self, shape: Sequence[int] = SHAPE, kind: str | None = None, q: Quantized | None = None) -> int:
        """An output."""
        kind = kind or self.kind
        return self.model.tensor(shape, kind, q or self.quantized(kind, OUT))

    def case(
        self, inputs: Sequence[int], outputs: Sequence[int] | int, options: str | None = None, **fields: Any
    ) -> Case:
        outputs = [outputs] if isinstance(outputs, int) else list(outputs)
        version = fields.pop("version", LITERT.get(self.name, [1, 1])[1])
        self.model.operator(self.name, inputs, outputs, options, version=version, **fields)
        return Case(self.model.finish(outputs), self.inputs)


Maker = Callable[[One], Case]


def fixed(kind: str, scale: float, zero_point: int) -> Quantized | None:
    """The quantization that an operator asks of its int8 output, in this type."""
    if kind in ("INT8", "UINT8"):
        return Quantized(scale, zero_point + (128 if kind == "UINT8" else 0))
    return Quantized(2.0**-15) if kind == "INT16" else None
