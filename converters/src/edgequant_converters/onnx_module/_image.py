"""Resizing, and moving blocks between depth and space."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from numpy.typing import NDArray
from torch import Tensor

from ._node import Node
from ._registry import operator

# Output position -> input position, from (position, scale, input size, output size); the definition of Resize.
_POSITIONS: dict[str, Callable[[NDArray[Any], np.float32, int, int], NDArray[Any]]] = {
    "half_pixel": lambda x, scale, size, new: (x + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda x, scale, size, new: size / 2 * (1 - new / (scale * size)) + (x + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda x, scale, size, new: (x + 0.5) / scale - 0.5 if new > 1 else x * 0,
    "align_corners": lambda x, scale, size, new: x * (size - 1) / (new - 1) if new > 1 else x * 0,
    "asymmetric": lambda x, scale, size, new: x / scale,
}

_ROUNDINGS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


@operator("Resize", "Upsample")
def resize(node: Node, x: Tensor, *_: Tensor | None) -> Tensor:
    """Resize by nearest neighbour or (multi)linear interpolation; for images that is one LiteRT operator."""
    node.refuse("antialias", 0)
    node.refuse("exclude_outside", 0)
    node.refuse("keep_aspect_ratio_policy", "stretch")
    mode = node.get("mode", "nearest")
    coordinates = node.get("coordinate_transformation_mode", "half_pixel" if node.opset >= 11 else "asymmetric")
    if mode not in ("nearest", "linear") or coordinates not in _POSITIONS:
        node.unsupported(f"mode={mode} with coordinate_transformation_mode={coordinates}")
    rounding = node.get("nearest_mode", "round_prefer_floor" if node.opset >= 11 else "floor")
    scales, sizes = _target(node, x)
    native = _native_mode(mode, coordinates, rounding, x, scales, sizes)
    if native is not None:
        return F.interpolate(x, size=sizes[2:], **native)
    for axis, (scale, size) in enumerate(zip(scales, sizes, strict=True)):
        if size != x.shape[axis] or scale != 1.0:
            # In float32, because ONNX Runtime decides ties of the nearest mode so.
            grid = np.arange(size, dtype=np.float32)
            positions = _POSITIONS[coordinates](grid, np.float32(scale), x.shape[axis], size)
            x = _nearest(x, axis, _ROUNDINGS[rounding](positions)) if mode == "nearest" else _linear(x, axis, positions)
    return x


def _target(node: Node, x: Tensor) -> tuple[list[float], list[int]]:
    """Return scale and new size of every axis."""
    axes = [int(axis) % x.ndim for axis in node.get("axes", range(x.ndim))]
    scales, sizes = [1.0] * x.ndim, list(x.shape)
    if node.has_input(3):
        for axis, size in zip(axes, node.constant(3), strict=True):
            scales[axis], sizes[axis] = int(size) / x.shape[axis], int(size)
        return scales, sizes
    given = node.get("scales", None)
    given = node.constant(2 if node.opset >= 11 else 1) if given is None else given
    for axis, scale in zip(axes, given, strict=True):
        scales[axis], sizes[axis] = float(scale), int(np.floor(x.shape[axis] * float(scale)))
    return scales, sizes


def _native_mode(
    mode: str, coordinates: str, rounding: str, x: Tensor, scales: list[float], sizes: list[int]
) -> dict[str, Any] | None:
    """Return the arguments of F.interpolate that compute the same on (N, C, H, W) images, if there are any."""
    exact = all(size == scale * old for size, scale, old in zip(sizes, scales, x.shape, strict=True))
    if x.ndim != 4 or sizes[:2] != list(x.shape[:2]) or not exact:
        return None
    if mode == "nearest":
        return {"mode": "nearest"} if (coordinates, rounding) == ("asymmetric", "floor") else None
    if coordinates == "align_corners":
        return {"mode": "bilinear", "align_corners": True}
    same = coordinates in ("half_pixel", "half_pixel_symmetric") or (
        coordinates == "pytorch_half_pixel" and min(sizes[2:]) > 1
    )
    return {"mode": "bilinear", "align_corners": False} if same else None


def _nearest(x: Tensor, axis: int, positions: NDArray[Any]) -> Tensor:
    indices = np.clip(positions, 0, x.shape[axis] - 1).astype(np.int64)
    return x.index_select(axis, torch.tensor(indices.tolist()))


def _linear(x: Tensor, axis: int, positions: NDArray[Any]) -> Tensor:
    clipped = np.clip(positions, 0, x.shape[axis] - 1)
    low = np.floor(clipped).astype(np.int64)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    shape = [-1 if a == axis else 1 for a in range(x.ndim)]
    weight = torch.tensor((clipped - low).tolist(), dtype=x.dtype).reshape(shape)
    below, above = (x.index_select(axis, torch.tensor(i.tolist())) for i in (low, high))
    return below * (1 - weight) + above * weight


@operator("DepthToSpace")
def depth_to_space(node: Node, x: Tensor) -> Tensor:
    """Move blocks of channels into space; mode CRD is a pixel shuffle."""
    size = node.attributes["blocksize"]
    batch, channels, height, width = x.shape
    rest = channels // size**2
    if node.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, size)
    blocks = x.reshape(batch, size, size, rest, height, width).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(batch, rest, height * size, width * size)


@operator("SpaceToDepth")
def space_to_depth(node: Node, x: Tensor) -> Tensor:
    """Move blocks of space into channels."""
    size = node.attributes["blocksize"]
    batch, channels, height, width = x.shape
    blocks = x.reshape(batch, channels, height // size, size, width // size, size).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(batch, channels * size**2, height // size, width // size)
