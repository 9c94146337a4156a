"""Convolutions and products of matrices."""

from collections.abc import Sequence
from math import prod
from typing import Any

from edgequant_converters.ir import Operator, Tensor, window_size

from ._elementwise import activated
from ._registry import refuse, writes
from ._writer import Writer


@writes("CONV_2D", "DEPTHWISE_CONV_2D")
def convolution(writer: Writer, operator: Operator) -> None:
    """Write a convolution, weights (M, C / group, height, width)."""
    x, weights = operator.given[:2]
    depthwise = operator.code == "DEPTHWISE_CONV_2D"
    order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
    group = x.shape[3] if depthwise else x.shape[3] // weights.shape[3]
    window = windowed(operator, weights.shape[1:3])
    inputs = [writer.first(x), writer.permuted(weights, order), *_bias(writer, operator, 2)]
    writer.set(
        operator.output, activated(writer, writer.node("Conv", inputs, group=group, **window), operator), first=True
    )


@writes("CONV_3D")
def convolution_3d(writer: Writer, operator: Operator) -> None:
    """Write a convolution over three axes; LiteRT's weights are (depth, height, width, C, M)."""
    x, weights = operator.given[:2]
    options = operator.options
    strides = [options.get(f"stride{axis}", 1) for axis in "DHW"]
    dilations = [options.get(f"dilation{axis}Factor", 1) for axis in "DHW"]
    pads = same_pads(x.shape[1:4], weights.shape[:3], strides, dilations) if _is_same(operator) else [0] * 6
    inputs = [writer.first(x), writer.permuted(weights, (4, 3, 0, 1, 2)), *_bias(writer, operator, 2)]
    made = writer.node(
        "Conv", inputs, group=x.shape[4] // weights.shape[3], strides=strides, dilations=dilations, pads=pads
    )
    writer.set(operator.output, activated(writer, made, operator), first=True)


@writes("TRANSPOSE_CONV")
def transposed(writer: Writer, operator: Operator) -> None:
    """Write a transposed convolution; its first input is the output's shape, which says what is cut off."""
    _, weights, x = operator.given[:3]
    options, sizes = operator.options, operator.output.shape[1:3]
    strides = [options.get("strideH", 1), options.get("strideW", 1)]
    if min(x.shape[1:3]) < 0:
        raise refuse(operator, "a free size")
    whole = [(n - 1) * s + k for n, s, k in zip(x.shape[1:3], strides, weights.shape[1:3], strict=True)]
    cut = [max(full - size, 0) for full, size in zip(whole, sizes, strict=True)]
    before = [amount // 2 for amount in cut] if _is_same(operator) else [0, 0]
    inputs = [writer.first(x), writer.permuted(weights, (3, 0, 1, 2)), *_bias(writer, operator, 3)]
    made = writer.node(
        "ConvTranspose", inputs, strides=strides,
        pads=[*before, *(amount - first for amount, first in zip(cut, before, strict=True))],
        output_padding=[max(size - full, 0) for full, size in zip(whole, sizes, strict=True)],
    )  # fmt: skip
    writer.set(operator.output, activated(writer, made, operator), first=True)


@writes("FULLY_CONNECTED")
def fully_connected(writer: Writer, operator: Operator) -> None:
    """Write a Gemm, or over more axes than two a MatMul and an Add."""
    x, weights = operator.given[:2]
    bias = _bias(writer, operator, 2)
    made, columns = operator.output, weights.shape[1]
    if made.rank == 2 or made.quantization is not None:
        rows = writer.value(x) if x.shape == (*x.shape[:1], columns) else writer.reshaped(x, (-1, columns))
        product = writer.node("Gemm", [rows, writer.value(weights), *bias], transB=1)
    else:
        product = writer.node("MatMul", [writer.value(x), writer.permuted(weights, (1, 0))])
        product = writer.node("Add", [product, *bias]) if bias else product
    flat = made.rank != 2 and made.quantization is not None
    writer.set(made, activated(writer, product, operator), reshape=flat)


@writes("BATCH_MATMUL")
def batch_matmul(writer: Writer, operator: Operator) -> None:
    """Write a product of the last two axes."""
    x, y = operator.given
    sides = [
        writer.permuted(side, (*range(side.rank - 2), side.rank - 1, side.rank - 2)) if turned else writer.value(side)
        for side, turned in ((x, operator.options.get("adjX")), (y, operator.options.get("adjY")))
    ]
    writer.set(operator.output, writer.node("MatMul", sides))


@writes("EMBEDDING_LOOKUP")
def embedding(writer: Writer, operator: Operator) -> None:
    """Write rows of a table."""
    rows, table = operator.given
    writer.set(operator.output, writer.node("Gather", [writer.value(table), writer.value(rows)], axis=0))


def windowed(operator: Operator, kernel: Sequence[int]) -> dict[str, Any]:
    """Return the attributes of an operator with a window over two axes."""
    options = operator.options
    strides = [options.get("strideH", 1), options.get("strideW", 1)]
    dilations = [options.get("dilationHFactor", 1), options.get("dilationWFactor", 1)]
    sizes = operator.given[0].shape[1:3]
    if not _is_same(operator):
        return {"kernel_shape": list(kernel), "strides": strides, "dilations": dilations}
    padding: dict[str, Any] = (
        {"auto_pad": "SAME_UPPER"} if min(sizes) < 0 else {"pads": same_pads(sizes, kernel, strides, dilations)}
    )
    return {"kernel_shape": list(kernel), "strides": strides, "dilations": dilations, **padding}


def same_pads(
    sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> list[int]:
    """Return the padding that SAME means: all amounts before the axes, then all behind them."""
    totals = [
        max((window_size(size, k, stride, same=True) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    return [*(total // 2 for total in totals), *(total - total // 2 for total in totals)]


def _is_same(operator: Operator) -> bool:
    return bool(operator.options.get("padding", "SAME") == "SAME")


def _bias(writer: Writer, operator: Operator, index: int) -> list[str]:
    bias: Tensor | None = operator.input(index)
    return [] if bias is None or prod(bias.shape) == 0 else [writer.value(bias)]
