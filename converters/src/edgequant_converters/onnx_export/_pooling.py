"""Pools, and changes of an image's size."""

from edgequant_converters.ir import Operator

from ._elementwise import activated
from ._layers import windowed
from ._registry import refuse, writes
from ._writer import Writer


@writes("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
def pool(writer: Writer, operator: Operator) -> None:
    """Write a pool; averages count what is inside the image alone."""
    kernel = [operator.options.get("filterHeight", 1), operator.options.get("filterWidth", 1)]
    window, x = windowed(operator, kernel), writer.first(operator.given[0])
    window.pop("dilations")
    if operator.code == "MAX_POOL_2D":
        made = writer.node("MaxPool", [x], **window)
    elif operator.code == "AVERAGE_POOL_2D":
        made = writer.node("AveragePool", [x], **window)
    else:
        made = writer.node("Sqrt", [writer.node("AveragePool", [writer.node("Mul", [x, x])], **window)])
    writer.set(operator.output, activated(writer, made, operator), first=True)


@writes("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(writer: Writer, operator: Operator) -> None:
    """Write a change of size: where the sampled points lie is ONNX's coordinate transformation."""
    x, sizes = operator.given[0], operator.given[1]
    if not sizes.is_constant:
        raise refuse(operator, "a computed size")
    options = operator.options
    linear = operator.code == "RESIZE_BILINEAR"
    if options.get("alignCorners"):
        points = "align_corners"
    elif options.get("halfPixelCenters"):
        points = "half_pixel"
    else:
        points = "asymmetric"
    nearest = "round_prefer_ceil" if options.get("alignCorners") else "floor"
    if not linear and points == "half_pixel":
        # LiteRT takes floor((i + 0.5) * scale), ONNX's floor of half pixels is that less a half.
        nearest = "round_prefer_ceil"
    made = writer.node(
        "Resize", [writer.first(x), "", "", writer.ints(sizes.values)], mode="linear" if linear else "nearest",
        coordinate_transformation_mode=points, nearest_mode=nearest, axes=[2, 3],
    )  # fmt: skip
    writer.set(operator.output, made, first=True)


@writes("LOCAL_RESPONSE_NORMALIZATION")
def response(writer: Writer, operator: Operator) -> None:
    """Write a normalisation over neighbouring channels, of which LiteRT sums and ONNX averages the squares."""
    options = operator.options
    size = 2 * options.get("radius", 5) + 1
    made = writer.node(
        "LRN", [writer.first(operator.given[0])], size=size, alpha=float(options.get("alpha", 1.0)) * size,
        beta=float(options.get("beta", 0.5)), bias=float(options.get("bias", 1.0)),
    )  # fmt: skip
    writer.set(operator.output, made, first=True)
