"""Fourier transforms: products with matrices of cosines and sines."""

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Builder, Tensor, normal_axes

from ._node import Node
from ._registry import lowers

_Matrix = NDArray[np.float64]


@lowers("DFT")
def fourier(node: Node, build: Builder) -> Tensor:
    """Transform an axis of a tensor whose last axis is the real part, or real and imaginary part."""
    x = node.input(0)
    axis = normal_axes([_axis(node)], x.rank)[0]
    inverse, onesided = bool(node.get("inverse", 0)), bool(node.get("onesided", 0))
    size = x.shape[axis]
    length = int(node.constant(1).item()) if node.has_input(1) else 2 * (size - 1) if inverse and onesided else size
    matrix = _matrix(size, length, x.shape[-1], inverse=inverse, onesided=onesided)
    order = [i for i in range(x.rank - 1) if i != axis] + [axis, x.rank - 1]
    rows = build.transpose(x, order)
    rows = build.reshape(rows, (*rows.shape[:-2], size * x.shape[-1]))
    made = build.fully_connected(rows, build.constant(matrix, np.float32))
    parts = 1 if inverse and onesided else 2
    made = build.reshape(made, (*made.shape[:-1], matrix.shape[0] // parts, parts))
    return build.transpose(made, [order.index(i) for i in range(x.rank)])


def _axis(node: Node) -> int:
    if node.has_input(2):
        return int(node.constant(2).item())
    return int(node.get("axis", 1 if node.opset < _AXIS_FROM_THE_BACK else -2))


_AXIS_FROM_THE_BACK = 20


def _matrix(size: int, length: int, parts: int, *, inverse: bool, onesided: bool) -> _Matrix:
    """Return the matrix from (size, parts) to (frequencies, 2), or to (length, 1) for a real signal."""
    used = min(size, length // 2 + 1 if inverse and onesided else length)
    count = length // 2 + 1 if onesided and not inverse else length
    angles = 2 * np.pi * np.outer(np.arange(count), np.arange(used)) / length
    cosine, sine = np.cos(angles), np.sin(angles) * (-1 if inverse else 1)
    block = np.zeros((count, 2, size, 2))
    block[:, 0, :used, 0], block[:, 0, :used, 1] = cosine, sine
    block[:, 1, :used, 0], block[:, 1, :used, 1] = -sine, cosine
    if inverse:
        block /= length
    if inverse and onesided:  # the other half of the frequencies mirrors this one: it adds the same real parts
        twice = np.where((np.arange(size) == 0) | (2 * np.arange(size) == length), 1, 2)
        block = block[:, :1] * twice[:, None]
    return np.asarray(block[..., :parts].reshape(block.shape[0] * block.shape[1], size * parts))


@lowers("STFT")
def short_fourier(node: Node, build: Builder) -> Tensor:
    """Transform overlapping frames of a signal (batch, length, parts): a convolution with the windowed matrix."""
    x, step = node.input(0), int(node.constant(1).item())
    window = node.constant(2) if node.has_input(2) else None
    frame = int(node.constant(3).item()) if node.has_input(3) else len(window) if window is not None else None
    if frame is None:
        node.refuse("neither window nor frame_length is given")
    signal = x if x.rank == _WITH_PARTS else build.reshape(x, (*x.shape, 1))
    batch, length, parts = signal.shape
    matrix = _matrix(frame, frame, parts, inverse=False, onesided=bool(node.get("onesided", 1)))
    kernel = matrix.reshape(-1, 1, frame, parts)
    if window is not None:
        kernel = kernel * window[:, None]
    frames = (length - frame) // step + 1
    inputs = [
        build.reshape(signal, (batch, 1, length, parts)),
        build.constant(kernel, np.float32),
        build.constant(np.zeros(len(kernel)), np.float32),
    ]
    shape = (batch, 1, frames, len(kernel))
    made = build.op("CONV_2D", inputs, shape, padding="VALID", strideH=1, strideW=step)
    return build.reshape(made, (batch, frames, len(kernel) // 2, 2))


_WITH_PARTS = 3
