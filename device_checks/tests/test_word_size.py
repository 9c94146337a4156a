"""The word size of the programs is told only where something tells it: a 64-bit kernel runs 32-bit systems too."""

from __future__ import annotations

import pytest

from edgequant_device_checks import from_text, recommend, wheels_for
from edgequant_device_checks._assemble import device_from

LSCPU = "Architecture: aarch64\nCPU op-mode(s): {modes}\nCPU(s): 4\nVendor ID: ARM\nModel name: Cortex-A72\n{flags}\n"
PI4 = LSCPU.format(modes="32-bit, 64-bit", flags="Flags: fp asimd evtstrm crc32 cpuid")
X86 = "Architecture: x86_64\nCPU op-mode(s): 32-bit, 64-bit\nModel name: some\nFlags: fpu lm sse2\n"
CPUINFO = "processor : 0\nFeatures : fp asimd evtstrm crc32 cpuid\nCPU implementer : 0x41\nCPU part : 0xd08\n"
JSON = '{"lscpu": [{"field": "Architecture:", "data": "aarch64"}, {"field": "CPU(s):", "data": "4"}]}'
# What collect.sh prints on a device that has neither getconf nor od.
SECTIONS = "@@edgequant uname@@\nLinux\n6.1\naarch64\n@@edgequant cpuinfo@@\n" + CPUINFO + "@@edgequant end@@\n"
X86_CPUINFO = "processor : 0\nmodel name : some\nflags : fpu lm sse2\n"

UNTOLD = {"lscpu": PI4, "x86": X86, "cpuinfo": CPUINFO, "json": JSON, "sections": SECTIONS, "x86 cpuinfo": X86_CPUINFO}


@pytest.mark.parametrize("name", UNTOLD)
def test_a_64_bit_kernel_does_not_tell(name: str) -> None:
    device = from_text(UNTOLD[name])
    assert device.word_size is None
    assert [one.word_size for one in device.readings] == [64, 32]
    (note,) = (note for note in device.notes if "is not told" in note)
    assert "getconf LONG_BIT" in note and "dpkg --print-architecture" in note
    assert device.readings[1].architecture in note  # what the other answer would change
    assert device.programs.startswith("64-bit (") and " or 32-bit (" in device.programs


def test_the_recommendation_holds_for_both() -> None:
    found = recommend(from_text(PI4))
    assert (found.format, found.engine) == ("int8", "native")
    assert any(
        "32-bit (armv7l), which is not told, it is int8 with native all the same" in one for one in found.reasons
    )


def test_or_says_what_it_does_not_hold_for() -> None:
    found = recommend(from_text(X86))
    assert any("32-bit (i686), which is not told, this does not hold" in one for one in found.reasons)


@pytest.mark.parametrize(
    ("answer", "bits"),
    [
        ("$ getconf LONG_BIT\n32\n", 32),
        ("$ getconf LONG_BIT\n64\n", 64),
        ("armhf\n", 32),
        ("arm64\n", 64),
        ("pi@raspberrypi:~ $ dpkg --print-architecture\narmhf\n", 32),
    ],
)
@pytest.mark.parametrize("text", [PI4, CPUINFO, JSON])
def test_the_answer_in_the_same_text_settles_it(text: str, answer: str, bits: int) -> None:
    for whole in (f"{text}\n{answer}", f"{answer}\n{text}"):
        device = from_text(whole)
        assert (device.word_size, device.architecture) == (bits, "aarch64" if bits == 64 else "armv7l")
        assert not any("is not told" in note for note in device.notes)


def test_a_kernel_that_refuses_32_bit_programs_tells() -> None:
    device = from_text(LSCPU.format(modes="64-bit", flags="Flags: fp asimd cpuid"))
    assert (device.word_size, device.notes) == (64, ())
    assert "no others" in device.sources["word_size"]


def test_a_32_bit_kernel_tells() -> None:
    for text in ("Architecture: armv7l\nCPU(s): 4\n", "Architecture: i686\nCPU(s): 1\n"):
        assert from_text(text).word_size == 32


def test_macos_runs_64_bit_programs_only() -> None:
    device = device_from({"uname": "Darwin\n23.0\narm64", "sysctl": "machdep.cpu.brand_string: Apple M1\nhw.ncpu: 8"})
    assert device.word_size == 64


def test_x86_tokens_do_not_tell_the_kernel() -> None:
    assert from_text(X86_CPUINFO).kernel_architecture is None


def test_wheels_are_judged_for_both() -> None:
    told = {status.package: status for status in wheels_for(from_text(PI4))}
    assert told["onnxruntime"].installs is None
    assert "32-bit programs: no wheel for armv7l on linux" in told["onnxruntime"].reason
