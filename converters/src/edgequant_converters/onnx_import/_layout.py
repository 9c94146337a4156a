"""Between ONNX's images, channels first, and LiteRT's, channels last."""

from edgequant_converters.ir import Builder, Tensor


def to_channels_last(build: Builder, x: Tensor) -> Tensor:
    """Return (N, C, spatial...) as (N, spatial..., C)."""
    return build.transpose(x, (0, *range(2, x.rank), 1))


def to_channels_first(build: Builder, x: Tensor) -> Tensor:
    """Return (N, spatial..., C) as (N, C, spatial...)."""
    return build.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1)))
