"""The view itself: typed, frozen, and the same for LiteRT and ONNX."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

BITS = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float8_e4m3fn": 8, "float8_e5m2": 8,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "int4": 4, "int2": 2,
    "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8, "uint4": 4, "uint2": 2,
    "bool": 8, "complex64": 64, "complex128": 128,
}  # fmt: skip
"""Bits per element. Types that are not listed (strings, resources) count as zero bytes."""

FLOAT_DTYPES = frozenset({"float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"})


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a model.

    `shape` has -1 where the size is free and is None where it is unknown. `scales` is empty for a tensor that is not
    quantized, has one entry for one scale over the whole tensor, and one entry per slice of `quantized_axis` (or per
    block, in row-major order) otherwise: real = scale * (integer - zero point). `is_parameter` marks the trained ones
    among the constants: weights and biases, not shapes, axes, scales or zero points.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    is_constant: bool = False
    is_parameter: bool = False
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    quantized_axis: int | None = None

    @property
    def elements(self) -> int:
        """Number of elements; a free size counts as 1, an unknown shape as 0."""
        return 0 if self.shape is None else math.prod(1 if n < 0 else n for n in self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the elements, 4-bit and 2-bit ones packed; free and unknown sizes as in `elements`."""
        return math.ceil(self.elements * BITS.get(self.dtype, 0) / 8)

    @property
    def is_float(self) -> bool:
        """Whether the elements are floating-point numbers."""
        return self.dtype in FLOAT_DTYPES


@dataclass(frozen=True, slots=True)
class Op:
    """An operator: its type in the format's own words (CONV_2D, Conv), and positions in `ModelGraph.tensors`.

    `name` is the name of the first output tensor (LiteRT), or the node's own name if it has one (ONNX). `macs` is the
    number of multiply-accumulates of one run at batch 1 where the batch is free; 0 for ops without a weight or matrix
    product. Inputs that are left out do not appear in `inputs`.
    """

    type: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int


@dataclass(frozen=True, slots=True)
class ModelGraph:
    """A model file as a list of tensors and a list of ops in the order of execution.

    The ops of inner graphs (branches and loop bodies) follow those of the main graph, and count once. `inputs` and
    `outputs` are positions in `tensors`; these tensors bear the names by which the model is called.
    `activation_peak_bytes` is the largest sum of the activations that are alive at the same time, in the file's op
    order: what an engine needs that neither computes in place nor fuses ops, so a real arena can be somewhat smaller
    for that, and is larger for alignment, fragmentation and scratch buffers.
    """

    format: Literal["litert", "onnx"]
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    file_bytes: int
    weight_bytes: int
    """Bytes of all constants; tensors that share a buffer count once."""
    activation_peak_bytes: int

    def check(self) -> None:
        """Raise ValueError if a position is that of no tensor, or a shape has a size below -1."""
        positions = [*self.inputs, *self.outputs, *(i for op in self.ops for i in (*op.inputs, *op.outputs))]
        if positions and max(positions) >= len(self.tensors):
            raise ValueError(f"there is no tensor {max(positions)}")
        for tensor in self.tensors:
            if tensor.shape is not None and min(tensor.shape, default=0) < -1:
                raise ValueError(f"the tensor {tensor.name} has a size of {min(tensor.shape)}")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(op.macs for op in self.ops)

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        return sum(tensor.elements for tensor in self.tensors if tensor.is_parameter)

    @property
    def op_counts(self) -> dict[str, int]:
        """Number of ops of each type, most frequent first."""
        return dict(Counter(op.type for op in self.ops).most_common())

    @property
    def weight_dtypes(self) -> dict[str, int]:
        """Bytes of the trained values in each dtype, largest first."""
        sizes: Counter[str] = Counter()
        for tensor in self.tensors:
            if tensor.is_parameter:
                sizes[tensor.dtype] += tensor.bytes
        return dict(sizes.most_common())

    @property
    def activation_dtypes(self) -> dict[str, int]:
        """Number of activations of each dtype, most frequent first."""
        return dict(Counter(tensor.dtype for tensor in self.tensors if not tensor.is_constant).most_common())

    @property
    def unknown_shapes(self) -> int:
        """Number of tensors whose shape is not known; with any, MACs and memory are lower bounds."""
        return sum(tensor.shape is None for tensor in self.tensors)
