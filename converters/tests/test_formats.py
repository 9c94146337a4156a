"""The number formats, held bit by bit against ml_dtypes and numpy, which the codec itself does not use."""

import itertools
import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from edgequant_converters import UnsupportedError
from edgequant_converters._schemes import parse_scheme
from edgequant_converters.formats import (
    FORMATS,
    decode,
    encode,
    exact_decimal,
    format_named,
    parse_number,
    stored,
    support_of,
)

SMALL = [f for f in FORMATS if f.bits in (8, 16)]
SMALL_FLOATS = [f for f in SMALL if f.kind == "float"]
BY_NAME = pytest.mark.parametrize("f", FORMATS, ids=lambda f: f.name)


def all_values(f):
    """Every pattern of a format of 4, 8 or 16 bits, read by numpy or ml_dtypes, as float64."""
    patterns = np.arange(2**f.bits, dtype=f"uint{max(f.bits, 8)}")
    with np.errstate(invalid="ignore"):  # signalling NaNs
        values = patterns.view(f.dtype).astype(np.float64)
    return values / 128 if f.name == "q7" else values / 32768 if f.name == "q15" else values


def same(ours, theirs):
    ours, theirs = float(ours), float(theirs)
    if math.isnan(theirs):
        return math.isnan(ours)
    return ours == theirs and math.copysign(1, ours) == math.copysign(1, theirs)


def test_these_formats_are_there():
    assert [f.name for f in FORMATS] == [
        "fp64", "fp32", "fp16", "bf16", "fp8-e4m3fn", "fp8-e5m2", "int64", "uint64", "int32", "uint32",
        "int16", "uint16", "int8", "uint8", "int4", "q31", "q15", "q7",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "exponent", "fraction", "bias", "largest", "normal", "subnormal", "epsilon", "digits"),
    [
        ("fp64", 11, 52, 1023, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022, 2.0**-1074, 2.0**-52, 15),
        ("fp32", 8, 23, 127, (2 - 2.0**-23) * 2.0**127, 2.0**-126, 2.0**-149, 2.0**-23, 6),
        ("fp16", 5, 10, 15, 65504, 2.0**-14, 2.0**-24, 2.0**-10, 3),
        ("bf16", 8, 7, 127, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 2.0**-133, 2.0**-7, 2),
        ("fp8-e4m3fn", 4, 3, 7, 448, 2.0**-6, 2.0**-9, 2.0**-3, 1),
        ("fp8-e5m2", 5, 2, 15, 57344, 2.0**-14, 2.0**-16, 2.0**-2, 1),
    ],
)
def test_float_table(name, exponent, fraction, bias, largest, normal, subnormal, epsilon, digits):
    """The figures of the OCP and IEEE specifications, written out: the table derives its own from finfo."""
    f = format_named(name)
    assert (f.sign_bits, f.exponent_bits, f.fraction_bits, f.bias) == (1, exponent, fraction, bias)
    assert f.bits == 1 + exponent + fraction
    assert (f.max, f.lowest) == (Fraction(largest), -Fraction(largest))
    assert (f.smallest_normal, f.smallest_subnormal, f.epsilon) == (normal, subnormal, epsilon)
    assert f.decimal_digits == digits
    assert f.has_infinity == (name != "fp8-e4m3fn")


@BY_NAME
def test_limits_are_what_the_patterns_say(f):
    """Largest, smallest and epsilon, found again by decoding their patterns: also for 32 and 64 bits."""
    top = 2 ** (f.bits - f.sign_bits) - 1
    if f.kind != "float":
        assert decode(top, f) == f.max
        assert decode((top + 1) % 2**f.bits, f) == f.lowest
        assert decode(1, f) == f.epsilon
        assert f.bits == f.sign_bits + f.integer_bits + f.fraction_bits
        return
    assert decode(f.finite_patterns - 1, f) == f.max
    assert not math.isfinite(decode(f.finite_patterns, f))
    assert decode(1, f) == f.smallest_subnormal
    assert decode(1 << f.fraction_bits, f) == f.smallest_normal
    one = encode(Fraction(1), f)
    assert decode(one + 1, f) - 1 == f.epsilon


@pytest.mark.parametrize(("name", "low", "high"), [("int4", -8, 7), ("uint8", 0, 255), ("int64", -(2**63), 2**63 - 1)])
def test_integer_ranges(name, low, high):
    assert (format_named(name).lowest, format_named(name).max) == (low, high)


@pytest.mark.parametrize("f", [*SMALL, format_named("int4")], ids=lambda f: f.name)
def test_every_pattern_decodes_as_numpy_reads_it(f):
    theirs = all_values(f)
    assert len(theirs) == 2**f.bits
    wrong = [pattern for pattern, value in enumerate(theirs) if not same(decode(pattern, f), value)]
    assert not wrong


@pytest.mark.parametrize("f", [*SMALL, format_named("int4")], ids=lambda f: f.name)
def test_every_value_encodes_to_its_own_pattern(f):
    for pattern in range(2**f.bits):
        value = decode(pattern, f)
        if math.isnan(value):
            assert math.isnan(decode(encode(value, f), f))
        else:
            assert encode(value, f) == pattern


@pytest.mark.parametrize("f", SMALL_FLOATS, ids=lambda f: f.name)
def test_rounding_equals_the_casts_of_numpy_and_ml_dtypes(f):
    """Halfway between all neighbours, and one float32 step to either side of that, up to beyond the largest."""
    finite = all_values(f)[: f.finite_patterns]
    beyond = 2 * finite[-1] - finite[-2]
    middles = ((np.append(finite[1:], beyond) + finite) / 2).astype(np.float32)
    assert np.array_equal(middles.astype(np.float64) * 2, np.append(finite[1:], beyond) + finite)  # exact in float32
    with np.errstate(under="ignore"):
        sides = [np.nextafter(middles, np.float32(end)) for end in (0, np.inf)]
    for values in (middles, *sides, -middles):
        with np.errstate(over="ignore"):
            theirs = values.astype(f.dtype).view(f"uint{f.bits}")
        ours = [encode(Fraction(float(value)) if value else float(value), f) for value in values]
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("f", [format_named("fp32"), format_named("fp64")], ids=lambda f: f.name)
def test_wide_floats_agree_with_numpy_on_random_patterns(f):
    random = np.random.default_rng(1)
    patterns = random.integers(0, 2**f.bits, 3000, dtype=np.uint64).astype(f"uint{f.bits}")
    with np.errstate(invalid="ignore"):  # signalling NaNs
        values = patterns.view(f.dtype).astype(np.float64)
    for pattern, value in zip(patterns.tolist(), values, strict=True):
        ours = decode(pattern, f)
        assert same(ours, value)
        assert math.isnan(ours) or encode(ours, f) == pattern


@pytest.mark.parametrize("f", SMALL_FLOATS, ids=lambda f: f.name)
def test_special_values_encode_as_numpy_does(f):
    for value in (math.inf, -math.inf, -0.0, 1e300):
        with np.errstate(over="ignore"):
            theirs = int(np.array(value, np.float64).astype(f.dtype).view(f"uint{f.bits}"))
        ours = encode(value, f)
        assert ours == theirs or (math.isnan(decode(ours, f)) and math.isnan(decode(theirs, f)))
    assert math.isnan(decode(encode(math.nan, f), f))


def test_integers_saturate_and_round_to_even():
    int8, uint8, q7 = map(format_named, ("int8", "uint8", "q7"))
    assert [decode(encode(parse_number(x), int8), int8) for x in ("300", "-inf", "2.5", "3.5", "-2.5")] == [
        127, -128, 2, 4, -2,
    ]  # fmt: skip
    assert decode(encode(Fraction(-7), uint8), uint8) == 0
    assert decode(encode(Fraction(1), q7), q7) == Fraction(127, 128)
    with pytest.raises(UnsupportedError, match="no NaN"):
        encode(math.nan, int8)


def test_a_third_in_bf16_field_by_field():
    item = stored(encode(parse_number("0.3333"), format_named("bf16")), format_named("bf16"))
    assert [(field.name, field.bits) for field in item.fields] == [
        ("sign", "0"), ("exponent", "01111101"), ("fraction", "0101011"),
    ]  # fmt: skip
    assert item.value == Fraction(171, 512)
    assert (item.bits, item.hexadecimal) == ("0011111010101011", "0x3eab")
    assert exact_decimal(item.value) == "0.333984375"
    assert np.array(0x3EAB, np.uint16).view(ml_dtypes.bfloat16) == np.float32(0.333984375)


@pytest.mark.parametrize("f", [f for f in FORMATS if f.bits <= 16], ids=lambda f: f.name)
def test_fields_cover_the_pattern_from_the_top(f):
    for pattern in itertools.chain(range(0, 2**f.bits, 7), [2**f.bits - 1]):
        item = stored(pattern, f)
        assert "".join(field.bits for field in item.fields) == item.bits == f"{pattern:0{f.bits}b}"


def test_patterns_outside_the_format_are_refused():
    for pattern in (256, -1):
        with pytest.raises(UnsupportedError, match="int8 has 8 bits"):
            decode(pattern, format_named("int8"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("float8_e5m2", "fp8-e5m2"), ("torch.bfloat16", "bf16"), ("HALF", "fp16"), ("E4M3", "fp8-e4m3fn"),
        ("Q0.7", "q7"),
        ("fp8", "fp8-e4m3fn"), ("FP8_E5M2", "fp8-e5m2"), ("fp-16", "fp16"), ("np.float32", "fp32"), ("int 4", "int4"),
    ],
)  # fmt: skip
def test_other_names_are_understood(name, meant):
    assert format_named(name).name == meant


def test_every_alias_leads_to_its_format():
    for f in FORMATS:
        assert all(format_named(name) is f for name in f.aliases)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("float16", "fp16"), ("FP32", "fp32"), ("bfloat16", "bf16"), ("weight_int8", "weight-int8"), ("w8a8", "int8"),
     ("dynamic range", "dynamic"), ("int4", "weight-int4"), ("int16x8", "int16x8")],
)  # fmt: skip
def test_schemes_are_named_as_people_write_them(name, scheme):
    assert parse_scheme(name) == scheme


@pytest.mark.parametrize(("name", "sentence"), [("fp8", "edgequant study"), ("int3", "choose one of fp32")])
def test_schemes_that_there_are_not(name, sentence):
    with pytest.raises(UnsupportedError, match=sentence):
        parse_scheme(name)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(UnsupportedError, match=r"'fp7' is not a number format.*bf16.*q7"):
        format_named("fp7")


@pytest.mark.parametrize("text", ["", "1e", "1/0", "0x10", "--5", "1e999999999", "e5", "1_0_", "five"])
def test_other_text_is_no_number(text):
    with pytest.raises(UnsupportedError, match="is not a number"):
        parse_number(text)


def test_numbers_are_read_and_written_exactly():
    assert parse_number("0.1") == Fraction(1, 10)
    assert parse_number("-1/3") == Fraction(-1, 3)
    assert math.copysign(1, parse_number("-0")) == -1
    assert exact_decimal(Fraction(2**200)) == str(2**200)
    assert exact_decimal(Fraction(219, 320000)) == "0.000684375"
    tiny = exact_decimal(format_named("fp64").smallest_subnormal)
    assert tiny.startswith("4.940656458412465441765687928682213723650598") and tiny.endswith("265625E-324")
    assert len(tiny) == 751 + len(".E-324")
    with pytest.raises(ValueError, match="1/3"):
        exact_decimal(Fraction(1, 3))


@BY_NAME
def test_the_names_of_others_exist(f):
    from ai_edge_litert.schema_py_generated import TensorType
    from onnx import TensorProto

    support = support_of(f)
    assert support.litert is None or hasattr(TensorType, support.litert)
    assert support.onnx is None or support.onnx in TensorProto.DataType.keys()  # noqa: SIM118 (an enum wrapper)
    assert f.kind == "fixed" or all((support.torch, support.litert, support.onnx))


@BY_NAME
def test_torch_has_the_types_it_is_said_to_have(f):
    torch = pytest.importorskip("torch")
    name = support_of(f).torch
    if name is None or name == "int4":
        return
    dtype = getattr(torch, name)
    assert torch.empty(1, dtype=dtype).element_size() * 8 == f.bits
    if f.kind == "float":
        assert Fraction(torch.finfo(dtype).max) == f.max
    else:
        assert (torch.iinfo(dtype).min, torch.iinfo(dtype).max) == (f.lowest, f.max)
