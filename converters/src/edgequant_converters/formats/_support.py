"""Who has which format: PyTorch, LiteRT, ONNX by their own names for it, and what ARM cores compute in it."""

from dataclasses import dataclass

from ._catalogue import NumberFormat


@dataclass(frozen=True, slots=True)
class ArmFeature:
    """A CPU feature that computes in a format."""

    feature: str
    """The architecture's name for it."""
    hwcap: str
    """How Linux on a 64-bit ARM lists it in /proc/cpuinfo."""
    gives: str


@dataclass(frozen=True, slots=True)
class Support:
    """The names a format has, None where it has none, and a remark on what can be done with it there."""

    torch: str | None
    litert: str | None
    onnx: str | None
    arm: tuple[ArmFeature, ...]
    torch_note: str = ""
    litert_note: str = ""
    onnx_note: str = ""


NEON = ArmFeature("AdvSIMD (NEON)", "asimd", "vector arithmetic")
NEON_64 = ArmFeature("AdvSIMD (NEON)", "asimd", "vector add, shift and compare; no multiply")
DOT_PRODUCT = ArmFeature("FEAT_DotProd", "asimddp", "dot products of four, 32-bit sums")
INT8_MATRIX = ArmFeature("FEAT_I8MM", "i8mm", "2x8 by 8x2 matrix products, 32-bit sums")
SATURATING = ArmFeature("AdvSIMD (NEON)", "asimd", "saturating add (SQADD)")
DOUBLING_HIGH = ArmFeature("AdvSIMD (NEON)", "asimd", "saturating add and multiply (SQADD, SQDMULH)")
ROUNDING_DOUBLING = ArmFeature("FEAT_RDM", "asimdrdm", "rounding multiply-accumulate (SQRDMLAH)")
HALF = ArmFeature("FEAT_FP16", "asimdhp", "vector arithmetic")
HALF_CONVERSION = ArmFeature("AdvSIMD (NEON)", "asimd", "conversion to and from fp32")
HALF_PRODUCTS = ArmFeature("FEAT_FHM", "asimdfhm", "products added to fp32 sums")
BRAIN = ArmFeature("FEAT_BF16", "bf16", "dot and matrix products, fp32 sums; conversion")
FP8_CONVERSION = ArmFeature("FEAT_FP8", "f8cvt", "conversion to and from fp16 and bf16")
FP8_DOT = ArmFeature("FEAT_FP8DOT4", "f8dp4", "dot products of four, fp32 sums")

STORAGE = "storage and casts; no sums or matrix products on CPUs"
FEW_OPERATORS = "few operators"
IN_THE_SCHEMA = "in the file format; no CPU kernels"
AS_INTEGERS = "integers of scale 2^-n"

_SUPPORT = {
    "fp64": Support("float64", "FLOAT64", "DOUBLE", (NEON,), litert_note=FEW_OPERATORS),
    "fp32": Support("float32", "FLOAT32", "FLOAT", (NEON,)),
    "fp16": Support(
        "float16", "FLOAT16", "FLOAT16", (HALF_CONVERSION, HALF, HALF_PRODUCTS), litert_note="weights, widened at load"
    ),
    "bf16": Support("bfloat16", "BFLOAT16", "BFLOAT16", (BRAIN,), litert_note=IN_THE_SCHEMA, onnx_note="opset 13"),
    "fp8-e4m3fn": Support(
        "float8_e4m3fn", "FLOAT8_E4M3FN", "FLOAT8E4M3FN", (FP8_CONVERSION, FP8_DOT), STORAGE, IN_THE_SCHEMA, "opset 19"
    ),
    "fp8-e5m2": Support(
        "float8_e5m2", "FLOAT8_E5M2", "FLOAT8E5M2", (FP8_CONVERSION, FP8_DOT), STORAGE, IN_THE_SCHEMA, "opset 19"
    ),
    "int64": Support("int64", "INT64", "INT64", (NEON_64,), litert_note="indices and shapes"),
    "uint64": Support("uint64", "UINT64", "UINT64", (NEON_64,), FEW_OPERATORS, FEW_OPERATORS),
    "int32": Support("int32", "INT32", "INT32", (NEON,), litert_note="biases of int8 layers, indices"),
    "uint32": Support("uint32", "UINT32", "UINT32", (NEON,), FEW_OPERATORS, FEW_OPERATORS),
    "int16": Support(
        "int16", "INT16", "INT16", (NEON,), litert_note="activations of int16x8", onnx_note="quantization from opset 21"
    ),
    "uint16": Support(
        "uint16", "UINT16", "UINT16", (NEON,), FEW_OPERATORS, FEW_OPERATORS, "quantization from opset 21"
    ),
    "int8": Support("int8", "INT8", "INT8", (NEON, DOT_PRODUCT, INT8_MATRIX), litert_note="weights and activations"),
    "uint8": Support(
        "uint8", "UINT8", "UINT8", (NEON, DOT_PRODUCT, INT8_MATRIX), litert_note="inputs, outputs, older models"
    ),
    "int4": Support(
        "int4", "INT4", "INT4", (), "a name; no casts and no arithmetic", "weights, two in a byte", "opset 21"
    ),
    "q31": Support(None, None, None, (DOUBLING_HIGH, ROUNDING_DOUBLING), *[AS_INTEGERS] * 3),
    "q15": Support(None, None, None, (DOUBLING_HIGH, ROUNDING_DOUBLING), *[AS_INTEGERS] * 3),
    "q7": Support(None, None, None, (SATURATING,), *[AS_INTEGERS] * 3),
}


def support_of(number_format: NumberFormat) -> Support:
    """Return who has a format, and what ARM cores do with it."""
    return _SUPPORT[number_format.name]
