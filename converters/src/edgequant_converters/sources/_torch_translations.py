"""ATen operators that PyTorch's own ONNX export lacks, or writes as one operator for each place of a window."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx_ir
import torch
from numpy.typing import NDArray
from onnxscript import opset20 as op

from ._torch_rnn import rnn

Value = Any  # onnx_ir.Value, which the exporter passes


def rrelu(x: Value, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None) -> Value:
    """Leaky ReLU with the mean of the slopes, as a trained network computes it."""
    return op.LeakyRelu(x, alpha=(lower + upper) / 2)


def adaptive_average(x: Value, output_size: Sequence[int]) -> Value:
    """Mean of each window; x is (N, C, spatial...), or without N."""
    outer, sizes = _split(x, output_size)
    windows = [_window(size, count) for size, count in zip(sizes, output_size, strict=True)]
    if all(count == 1 for count in output_size):
        return op.ReduceMean(x, _ints(range(outer, outer + len(sizes))), keepdims=1)
    if outer == 2 and all(size % count == 0 for size, count in zip(sizes, output_size, strict=True)):
        kernel = [size // count for size, count in zip(sizes, output_size, strict=True)]
        return op.AveragePool(x, kernel_shape=kernel, strides=kernel)
    for place, (places, counted) in enumerate(windows):
        after = sizes[place + 1 :]
        if counted.shape[1] > 1:
            share = counted / counted.sum(1, keepdims=True)
            taps = op.Gather(x, _ints(places.reshape(-1)), axis=outer + place)
            taps = op.Reshape(taps, _ints([0] * (outer + place) + [*places.shape, *after]))
            weighted = op.Mul(taps, _floats(share.reshape(*share.shape, *[1] * len(after))))
            x = op.ReduceSum(weighted, _ints([outer + place + 1]), keepdims=0)
    return x


def adaptive_maximum(x: Value, output_size: Sequence[int]) -> tuple[Value, Value]:
    """Largest value of each window of (N, C, spatial...), or without N, and where it lies in the flattened image."""
    outer, sizes = _split(x, output_size)
    if all(size % count == 0 for size, count in zip(sizes, output_size, strict=True)) and outer == 2:
        kernel = [size // count for size, count in zip(sizes, output_size, strict=True)]
        values, where = op.MaxPool(x, kernel_shape=kernel, strides=kernel)
        if x.shape[0] == 1 == x.shape[1]:
            return values, where
        return values, op.Mod(where, _ints([prod(sizes)]))  # ONNX counts through all channels, torch within one
    places = _places(sizes, output_size)
    image = op.Reshape(x, _ints([0] * outer + [prod(sizes)]))
    taps = op.Reshape(op.Gather(image, _ints(places.reshape(-1)), axis=-1), _ints([0] * outer + list(places.shape)))
    first = np.arange(places.shape[0]) * places.shape[1]
    chosen = op.Add(op.ArgMax(taps, axis=-1, keepdims=0), _ints(first))
    where = op.Gather(_ints(places.reshape(-1)), chosen, axis=0)
    shape = _ints([0] * outer + list(output_size))
    return op.Reshape(op.ReduceMax(taps, _ints([-1]), keepdims=0), shape), op.Reshape(where, shape)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.aten.adaptive_avg_pool2d.default: adaptive_average,
    torch.ops.aten.adaptive_avg_pool3d.default: adaptive_average,
    torch.ops.aten.adaptive_max_pool2d.default: adaptive_maximum,
    torch.ops.aten.adaptive_max_pool3d.default: adaptive_maximum,
    torch.ops.aten.rnn_relu.input: rnn("Relu"),
    torch.ops.aten.rnn_tanh.input: rnn("Tanh"),
    torch.ops.aten.rrelu.default: rrelu,
}


def _split(x: Value, output_size: Sequence[int]) -> tuple[int, list[int]]:
    """Return how many axes come before the spatial ones, and the sizes of these."""
    outer = len(x.shape) - len(output_size)
    return outer, [int(size) for size in x.shape[outer:]]


def _places(sizes: Sequence[int], output_size: Sequence[int]) -> NDArray[np.int64]:
    """Return where in the flattened image the taps of each window lie: (windows, taps)."""
    flat = np.zeros((1, 1), np.int64)
    for size, count in zip(sizes, output_size, strict=True):
        places, _ = _window(size, count)
        joined = flat[:, None, :, None] * size + places[None, :, None, :]
        flat = joined.reshape(flat.shape[0] * count, -1)
    return flat


def _window(size: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the places (count, taps) that each window takes, its last one again where it is short, and which count."""
    start = np.arange(count) * size // count
    end = -(-(np.arange(count) + 1) * size // count)
    places = start[:, None] + np.arange((end - start).max())
    return np.minimum(places, end[:, None] - 1), (places < end[:, None]).astype(np.float32)


def _ints(values: Any) -> Value:
    return _constant(np.asarray(list(values), np.int64))


def _floats(values: NDArray[Any]) -> Value:
    return _constant(values.astype(np.float32))


def _constant(values: NDArray[Any]) -> Value:
    tensor: Any = onnx_ir.Tensor(values)
    return op.Constant(value=tensor)
