"""Three spatial axes as two: what a window covers along the first of them becomes channels."""

from edgequant_converters.ir import Builder, Tensor

from ._windows import Window


def depth_taps(build: Builder, maps: Tensor, window: Window, group: int = 1) -> Tensor:
    """Return (N, D, H, W, C) as (N, D', H, W, kernel * C): for each place along D the slices that its window covers.

    The channels lie by group, then tap, then channel of the group, so that a convolution of groups can follow.
    """
    padded = build.pad(maps, [(0, 0), (window.before[0], window.after[0]), (0, 0), (0, 0), (0, 0)])
    (places,) = window.places([padded.shape[1]])
    kernel, stride, dilation = window.kernel[0], window.strides[0], window.dilations[0]
    parts = []
    for tap in range(kernel):
        begin = tap * dilation
        end = begin + (places - 1) * stride + 1
        whole = begin == 0 and stride == 1 and end == padded.shape[1]
        parts.append(padded if whole else build.strided(padded, 1, begin, end, stride))
    joined = build.concat(parts, -1)
    if group == 1 or kernel == 1:
        return joined
    channels = maps.shape[-1]
    inner = channels // group
    order = [
        tap * channels + part * inner + channel
        for part in range(group)
        for tap in range(kernel)
        for channel in range(inner)
    ]
    return build.gather(joined, build.constant(order, "int32"), -1)
