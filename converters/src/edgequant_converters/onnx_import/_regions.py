"""Where in an image to sample: grids of affine maps, and regions of interest."""

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers


@lowers("AffineGrid")
def affine_grid(node: Node, build: Builder) -> Tensor:
    """Return where each output pixel is in the input, by theta (N, axes, axes + 1): (N, spatial..., axes)."""
    theta, size = node.input(0), [int(n) for n in node.constant(1)]
    spatial = size[2:]
    corners = node.get("align_corners", 0)
    lines = [np.linspace(-1, 1, n) if corners else (2 * np.arange(n) + 1) / n - 1 for n in spatial]
    grids = np.meshgrid(*lines, indexing="ij")  # theta takes x first: the last axis
    points = np.stack([*[grid.ravel() for grid in reversed(grids)], np.ones(grids[0].size)], axis=-1)
    made = build.batch_matmul(build.constant(points[None], np.float32), build.transpose(theta, (0, 2, 1)))
    return build.reshape(made, (size[0], *spatial, len(spatial)))


@lowers("RoiAlign")
def align_regions(node: Node, build: Builder) -> Tensor:
    """Sample regions (R, 4) of images (N, C, H, W) on a grid, and take the mean of each bin.

    Bilinear samples of an axis are weights of its pixels: two products with matrices that the regions give.
    """
    x, regions, batch = node.input(0), node.input(1), node.input(2)
    samples = node.get("sampling_ratio", 0)
    if samples == 0:
        node.refuse("sampling_ratio=0, a number of samples that depends on the regions")
    node.only("mode", "avg")
    half_pixel = node.get("coordinate_transformation_mode", "half_pixel" if node.opset >= _HALF_PIXEL else "")
    offset = 0.5 if half_pixel == "half_pixel" else 0.0
    bins = (node.get("output_height", 1), node.get("output_width", 1))
    scaled = build.mul(regions, build.like(node.get("spatial_scale", 1.0), regions))
    scaled = build.sub(scaled, build.like(offset, scaled)) if offset else scaled
    weights = [
        _weights(build, scaled, axis, count, samples, x.shape[2 + axis], least=not offset)
        for axis, count in enumerate(bins)
    ]
    images = build.gather(x, batch, 0)
    rows, columns = (build.reshape(w, (w.shape[0], 1, *w.shape[1:])) for w in weights)
    return build.batch_matmul(build.batch_matmul(rows, images), build.transpose(columns, (0, 1, 3, 2)))


_HALF_PIXEL = 16  # the opset from which the offset of half a pixel is the default


def _weights(build: Builder, regions: Tensor, axis: int, bins: int, samples: int, size: int, *, least: bool) -> Tensor:
    """Return how much of each pixel of an axis is in each bin, the mean of its samples: (R, bins, size)."""
    count = regions.shape[0]
    first, last = (build.slice(regions, (0, column), (count, 1)) for column in (1 - axis, 3 - axis))
    extent = build.sub(last, first)
    if least:
        extent = build.binary("MAXIMUM", extent, build.like(1.0, extent))
    steps = (np.arange(bins * samples) + 0.5) / (bins * samples)
    places = build.add(build.mul(extent, build.constant(steps[None], np.float32)), first)
    is_outside = build.op(
        "LOGICAL_OR",
        [
            build.binary("LESS", places, build.like(-1.0, places)),
            build.binary("GREATER", places, build.like(float(size), places)),
        ],
        places.shape,
        "BOOL",
    )
    inside = build.binary("MINIMUM", build.unary("RELU", places), build.like(float(size - 1), places))
    inside = build.select(is_outside, build.like(-2.0, inside), inside)  # next to no pixel
    inside = build.reshape(inside, (count, bins * samples, 1))
    away = build.unary("ABS", build.sub(inside, build.constant(np.arange(size)[None, None], np.float32)))
    weights = build.unary("RELU", build.sub(build.like(1.0, away), away))
    return build.reduce("MEAN", build.reshape(weights, (count, bins, samples, size)), [2], keep=False)
