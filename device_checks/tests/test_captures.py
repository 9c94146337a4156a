"""Every saved description of a processor: one file a trap, named after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgequant_device_checks import DeviceCheckError, from_bytes, from_file, from_text, recommend

FIXTURES = Path(__file__).parent / "fixtures"
HOSTILE = Path(__file__).parent / "hostile"

A72, A72_MEASURED, A53 = "4 Cortex-A72", "4 Cortex-A72 1500", "4 Cortex-A53"
BIG_LITTLE = "4 Cortex-A55 1800 + 4 Cortex-A76 2256"

UNTOLD = None  # the word size of the programs, by lscpu or /proc/cpuinfo of a 64-bit kernel

# file: programs, word size, kernel, clusters (count, name, MHz), bf16, rule
EXPECTED = {
    "pi4-64bit.lscpu": ("aarch64", UNTOLD, "aarch64", "0 Cortex-A72", False, "armv8"),
    "pi4-32bit.lscpu": ("armv7l", 32, "armv7l", "0 unknown core", False, "armv7"),
    "pi4-32bit-with-board.cpuinfo": ("armv7l", 32, "armv7l", A72, False, "armv7"),
    "pi5.cpuinfo": ("aarch64", UNTOLD, "aarch64", "0 Cortex-A76", False, "dotprod"),
    "pi-zero-says-architecture-7.cpuinfo": ("armv6l", 32, "armv6l", "0 ARM1176", False, "armv6"),
    "zero2w-32bit-without-features.cpuinfo": ("armv7l", 32, "armv7l", "0 Cortex-A53", False, "armv7"),
    "neoverse-n2-with-bf16.lscpu": ("aarch64", UNTOLD, "aarch64", "0 Neoverse-N2", True, "i8mm-bf16"),
    "x86-avx512-bf16-amx-bf16.lscpu": (
        "x86_64",
        UNTOLD,
        "x86_64",
        "4 Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
        False,
        "x86-64",
    ),
    "x86-workstation.cpuinfo": ("x86_64", UNTOLD, None, "2 Intel(R) Xeon(R) Processor", False, "x86-64"),
    "tensor-g3-svebf16-without-bf16.cpuinfo": (
        "aarch64",
        UNTOLD,
        "aarch64",
        "4 Cortex-A510 + 4 Cortex-A715 + 1 Cortex-X3",
        False,
        "i8mm",
    ),
    "ebf16-without-bf16.cpuinfo": ("aarch64", UNTOLD, "aarch64", "2 Neoverse-V2", False, "i8mm"),
    "asimdbf16-on-32bit.cpuinfo": ("armv7l", 32, "aarch64", "2 Cortex-A720", False, "armv7"),
    "32bit-userland-on-64bit-kernel.sections": ("armv7l", 32, "aarch64", "4 Cortex-A72 1800", False, "armv7"),
    "aarch64-kernel-32bit-tokens.lscpu": ("armv7l", 32, "aarch64", A53, False, "armv7"),
    "two-clusters.cpuinfo": ("aarch64", UNTOLD, "aarch64", "4 Cortex-A55 + 4 Cortex-A76", False, "dotprod"),
    "two-clusters-new-lscpu.lscpu": ("aarch64", UNTOLD, "aarch64", BIG_LITTLE, False, "dotprod"),
    "two-clusters-nested.json": ("aarch64", UNTOLD, "aarch64", BIG_LITTLE, False, "dotprod"),
    "two-clusters-merged-by-old-lscpu.lscpu": ("aarch64", UNTOLD, "aarch64", "6 Cortex-A53 2400", False, "armv8"),
    "replayed-on-x86.lscpu": ("aarch64", UNTOLD, "aarch64", BIG_LITTLE, False, "dotprod"),
    "model-name-dash.lscpu": (
        "aarch64",
        UNTOLD,
        "aarch64",
        "4 unknown core 1800 + 4 unknown core 2256",
        False,
        "dotprod",
    ),
    "old-lscpu-without-part-name.lscpu": ("aarch64", UNTOLD, "aarch64", "4 unknown core", False, "dotprod"),
    "kernel-3.2-lists-shared-fields-once.cpuinfo": ("armv7l", 32, "armv7l", "4 Cortex-A7", False, "armv7"),
    "old-kernel-hides-bf16.sections": ("aarch64", 64, "aarch64", "4 Neoverse-V1", False, "dotprod"),
    "qemu-a72-advertises-aes.cpuinfo": ("aarch64", UNTOLD, "aarch64", "1 Cortex-A72", False, "armv8"),
    "emulated-on-x86-host.sections": ("aarch64", 64, "aarch64", "", False, "dotprod"),
    "lscpu-missing-on-alpine.sections": ("aarch64", 64, "aarch64", "4 Cortex-A76 2400", False, "dotprod"),
    "macos-m1-without-bf16.sections": ("aarch64", 64, "aarch64", "8 Apple M1", False, "dotprod"),
    "macos-m2.sections": ("aarch64", 64, "aarch64", "8 Apple M2", True, "i8mm-bf16"),
    "pi4-flat.json": ("aarch64", UNTOLD, "aarch64", A72_MEASURED, False, "armv8"),
    "pi4-nested.json": ("aarch64", UNTOLD, "aarch64", A72_MEASURED, False, "armv8"),
    "wrapped-inside-a-token.lscpu": ("aarch64", UNTOLD, "aarch64", "4 Neoverse-V1 2600", True, "i8mm-bf16"),
    "translated-de-two-clusters.json": ("aarch64", UNTOLD, "aarch64", BIG_LITTLE, False, "dotprod"),
    "translated-fr.lscpu": ("aarch64", UNTOLD, "aarch64", BIG_LITTLE, False, "dotprod"),
    **{
        f"translated-{language}.lscpu": ("aarch64", UNTOLD, "aarch64", A72_MEASURED, False, "armv8")
        for language in ("de", "es", "ja", "pl", "pt_BR", "ru", "vi-but-for-flags", "zh_CN")
    },
}

NOTES = {
    "32bit-userland-on-64bit-kernel.sections": "programs are 32-bit",
    "aarch64-kernel-32bit-tokens.lscpu": "programs are 32-bit",
    "tensor-g3-svebf16-without-bf16.cpuinfo": "svebf16 is listed without bf16",
    "x86-avx512-bf16-amx-bf16.lscpu": "avx512_bf16 and amx_bf16: instructions of x86",
    "two-clusters-merged-by-old-lscpu.lscpu": "predates 2.37",
    "model-name-dash.lscpu": "does not name the core",
    "old-kernel-hides-bf16.sections": "5.4.0-1103-aws, is older",
    "qemu-a72-advertises-aes.cpuinfo": "QEMU",
    "emulated-on-x86-host.sections": "emulated",
    "translated-de.lscpu": "labels were translated",
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_capture(name: str) -> None:
    device = from_file(FIXTURES / name)
    clusters = " + ".join(
        f"{cluster.count} {cluster.name}" + (f" {cluster.max_mhz:.0f}" if cluster.max_mhz else "")
        for cluster in device.clusters
    )
    found = (
        device.architecture,
        device.word_size,
        device.kernel_architecture,
        clusters,
        device.capabilities["bf16"],
        recommend(device).rule,
    )
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(NOTES))
def test_trap_is_named(name: str) -> None:
    assert any(NOTES[name] in note for note in from_file(FIXTURES / name).notes)


def test_plain_captures_have_no_notes_but_that_on_what_they_do_not_tell() -> None:
    for name in ("pi4-64bit.lscpu", "pi5.cpuinfo", "pi4-flat.json", "neoverse-n2-with-bf16.lscpu"):
        (note,) = from_file(FIXTURES / name).notes
        assert note.startswith("Whether its programs are 64-bit or 32-bit is not told")
    assert from_file(FIXTURES / "pi4-32bit-with-board.cpuinfo").notes == ()


def test_every_fixture_is_expected() -> None:
    names = {path.name for path in FIXTURES.iterdir()}
    assert names - set(EXPECTED) == {"translated-unknown-language.lscpu"}


def test_flat_and_nested_json_and_text_agree() -> None:
    flat, nested = from_file(FIXTURES / "pi4-flat.json"), from_file(FIXTURES / "pi4-nested.json")
    assert flat == nested
    text, new = from_file(FIXTURES / "two-clusters-new-lscpu.lscpu"), from_file(FIXTURES / "two-clusters-nested.json")
    assert (text.clusters, text.features, text.caches) == (new.clusters, new.features, new.caches)


def test_facts_of_a_whole_device() -> None:
    device = from_file(FIXTURES / "32bit-userland-on-64bit-kernel.sections")
    assert device.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert device.os == "Raspbian GNU/Linux 12 (bookworm)"
    assert (device.libc, device.libc_version, device.python) == ("glibc", "2.36", "3.11.2")
    assert device.memory_bytes == 3886332 * 1024
    assert device.kernel == "6.12.47+rpt-rpi-v8"
    assert device.sources["word_size"] == "getconf LONG_BIT"
    assert device.sources["clusters"] == "/proc/cpuinfo"
    (cluster,) = device.clusters
    assert (cluster.implementer, cluster.part, cluster.variant, cluster.revision) == (0x41, 0xD08, 0, 3)


def test_board_from_cpuinfo() -> None:
    assert from_file(FIXTURES / "pi4-32bit-with-board.cpuinfo").model == "Raspberry Pi 4 Model B Rev 1.1"


def test_features_are_the_exact_tokens() -> None:
    path = FIXTURES / "pi5.cpuinfo"
    listed = path.read_text().splitlines()[0].partition(":")[2]
    assert from_file(path).features == tuple(sorted(listed.split()))
    assert len(from_file(path).features) == 16


def test_tokens_of_other_processors_are_no_arm_capabilities() -> None:
    device = from_text("Architecture: x86_64\nFlags: fpu lm sse2 bf16 i8mm asimddp\n")
    assert not any(device.capabilities.values())


def test_wrapped_tokens_are_put_together() -> None:
    """At 80 columns lscpu broke the line inside svebf16; its halves would have been `s` and `vebf16`."""
    features = from_file(FIXTURES / "wrapped-inside-a-token.lscpu").features
    assert {"svebf16", "fphp", "asimdhp", "sve"} <= set(features)
    assert not {"s", "vebf16", "fphpasimdhp"} & set(features)


def test_break_between_sve_and_bf16_is_told_by_their_order() -> None:
    """Two true tokens and one whole one: only the kernel's order tells `sve|bf16` of svebf16 from a break between."""
    head = "Architecture: aarch64\nFlags: fp asimd asimddp "
    whole = from_text(head + "sve svei8mm sve\n        bf16 i8mm\n").features
    assert "svebf16" in whole
    assert "bf16" not in whole
    apart = from_text(head + "svei8mm i8mm\n        bf16\n").features
    assert {"i8mm", "bf16"} <= set(apart)


def test_caches_in_the_three_ways_of_lscpu() -> None:
    new = {cache.name: cache for cache in from_file(FIXTURES / "pi4-flat.json").caches}
    assert (new["L1d"].instance_bytes, new["L1d"].total_bytes) == (32 * 1024, 128 * 1024)
    assert new["L2"].total_bytes == 2**20
    old = {cache.name: cache for cache in from_file(FIXTURES / "old-lscpu-without-part-name.lscpu").caches}
    assert (old["L1d"].instance_bytes, old["L1d"].total_bytes) == (64 * 1024, None)
    (middle,) = from_text("Architecture: aarch64\nFlags: fp asimd cpuid\nL2 cache: 1 MiB\n").caches
    assert (middle.instance_bytes, middle.total_bytes) == (None, 2**20)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty.lscpu", "It is empty"),
        ("binary.lscpu", "It is not text"),
        ("truncated.json", "looks like JSON but cannot be read"),
        ("deeply-nested.json", "looks like JSON but cannot be read"),
        ("other.json", "not that of 'lscpu -J'"),
        ("readme.lscpu", "neither lscpu output nor /proc/cpuinfo"),
        ("one-word.lscpu", "neither lscpu output nor /proc/cpuinfo"),
        ("no-architecture.lscpu", "does not tell the processor's architecture"),
    ],
)
def test_hostile_file(name: str, message: str) -> None:
    with pytest.raises(DeviceCheckError, match=message) as caught:
        from_file(HOSTILE / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_language_asks_for_the_c_locale() -> None:
    with pytest.raises(DeviceCheckError, match=r"language that is not understood here: .*LC_ALL=C lscpu"):
        from_file(FIXTURES / "translated-unknown-language.lscpu")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DeviceCheckError, match="No such file"):
        from_file(tmp_path / "absent")
    with pytest.raises(DeviceCheckError, match="directory"):
        from_file(tmp_path)


def test_too_large_a_file_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (9 * 2**20))
    with pytest.raises(DeviceCheckError, match="larger than 8 MB"):
        from_file(large)


def test_encodings() -> None:
    """PowerShell's `>` writes UTF-16 with a mark; old German systems write Latin-1."""
    text = (FIXTURES / "pi4-64bit.lscpu").read_text()
    expected = from_text(text)
    for encoding in ("utf-16", "utf-8-sig", "latin-1"):
        assert from_bytes(text.encode(encoding)) == expected
    french = (FIXTURES / "translated-fr.lscpu").read_text(encoding="utf-8").replace("œ", "oe")
    assert from_bytes(french.encode("latin-1")).capabilities["dotprod"]


def test_carriage_returns_do_not_matter() -> None:
    for name in ("pi4-64bit.lscpu", "two-clusters.cpuinfo", "32bit-userland-on-64bit-kernel.sections"):
        data = (FIXTURES / name).read_bytes()
        assert from_bytes(data.replace(b"\n", b"\r\n")) == from_bytes(data)
