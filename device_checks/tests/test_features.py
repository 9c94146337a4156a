from __future__ import annotations

from edgequant_device_checks._features import (
    ARM32_HWCAP,
    ARM64_HWCAP,
    ARM64_HWCAP2,
    architecture_of,
    decode_hwcap,
    parse_number,
)


def test_bits_are_those_of_the_kernel() -> None:
    assert [ARM64_HWCAP.index(token) for token in ("asimd", "fphp", "asimdhp", "cpuid", "asimddp", "sve")] == [
        1,
        9,
        10,
        11,
        20,
        22,
    ]
    tokens = ("sve2", "svei8mm", "svebf16", "i8mm", "bf16", "sme", "ebf16")
    assert [ARM64_HWCAP2.index(token) for token in tokens] == [1, 9, 12, 13, 14, 23, 32]
    tokens = ("neon", "fphp", "asimdhp", "asimddp", "asimdbf16", "i8mm")
    assert [ARM32_HWCAP.index(token) for token in tokens] == [12, 22, 23, 24, 26, 27]
    assert (len(ARM64_HWCAP), len(ARM64_HWCAP2), len(ARM32_HWCAP)) == (32, 64, 28)


def test_decode() -> None:
    assert decode_hwcap(1 << 1 | 1 << 20, 1 << 14, 64) == ["asimd", "asimddp", "bf16"]
    assert decode_hwcap(1 << 12 | 1 << 26, 1 << 4, 32) == ["neon", "asimdbf16", "crc32"]
    assert decode_hwcap(0, 0, 64) == []


def test_architecture_is_betrayed_by_tokens() -> None:
    assert architecture_of(["fp", "asimd"]) == "aarch64"
    assert architecture_of(["half", "thumb", "neon"]) == "arm"
    assert architecture_of(["fpu", "lm"]) == "x86_64"
    assert architecture_of(["fpu", "sse"]) == "i686"
    assert architecture_of(["rv64imafdc"]) is None


def test_numbers_in_any_locale() -> None:
    assert parse_number("1800.0000") == 1800
    assert parse_number("1800,0000") == 1800
    assert parse_number("-") is None
    assert parse_number("9" * 5000) == float("9" * 18)
