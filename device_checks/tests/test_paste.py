"""Descriptions as people paste them: the same device as from the plain file, whatever is around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgequant_device_checks import Device, DeviceCheckError, from_bytes, from_file, from_text

FIXTURES = Path(__file__).parent / "fixtures"
PLAIN = ("two-clusters.cpuinfo", "two-clusters-new-lscpu.lscpu", "pi4-nested.json", "pi4-32bit-with-board.cpuinfo")
BOM = "\ufeff"


def coloured(text: str) -> str:
    return "".join(f"\x1b[01;31m\x1b[K{line[:3]}\x1b[m\x1b[K{line[3:]}\n" for line in text.splitlines())


PASTES: dict[str, Callable[[str], str]] = {
    "a prompt in brackets": lambda text: f"[user@host ~]$ cat /proc/cpuinfo\n{text}[user@host ~]$ \n",
    "a prompt with a colon": lambda text: f"pi@raspberrypi:~ $ lscpu\n{text}pi@raspberrypi:~ $ ",
    "a root prompt": lambda text: f"root@pi:/# cat /proc/cpuinfo \n{text}",
    "a bare command": lambda text: f"$ cat /proc/cpuinfo\n{text}",
    "the end of a prompt": lambda text: f"lpi4 ~]$ cat /proc/cpuinfo \n{text}",
    "a mark": lambda text: BOM + text,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "blank lines": lambda text: "\n\n \n" + text + "\n\n",
    "colours": coloured,
    "a title": lambda text: f"\x1b]0;pi@raspberrypi: ~\x07{text}",
    "an indent": lambda text: "".join(f"    {line}\n" for line in text.splitlines()),
    "quotes": lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
    "a fence": lambda text: f"This is what it says:\n```\n{text}```\n",
    "cat -n": lambda text: "".join(f"{number:6}\t{line}\n" for number, line in enumerate(text.splitlines(), 1)),
    "grep -n": lambda text: "".join(f"{number}:{line}\n" for number, line in enumerate(text.splitlines(), 1)),
    "numbers without a tab": lambda text: "".join(
        f"{number:>3} {line}".rstrip() + "\n" for number, line in enumerate(text.splitlines(), 1)
    ),
    "hard spaces": lambda text: text.replace("\t", "\xa0\xa0"),
    "twice": lambda text: f"{text}\n{text}",
}


def facts(device: Device) -> Device:
    """All but the notes, which may tell of the paste."""
    return replace(device, notes=())


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("paste", PASTES)
def test_what_is_around_does_not_matter(name: str, paste: str) -> None:
    text = (FIXTURES / name).read_text(encoding="utf-8")
    assert facts(from_bytes(PASTES[paste](text).encode())) == facts(from_file(FIXTURES / name))


def test_lscpu_and_cpuinfo_in_one_text() -> None:
    cpuinfo = (FIXTURES / "two-clusters.cpuinfo").read_text()
    lscpu = (FIXTURES / "two-clusters-new-lscpu.lscpu").read_text()
    for text in (cpuinfo + lscpu, lscpu + "\n" + cpuinfo):
        device = from_text(text)
        assert (device.cpu_count, device.core_names) == (8, "Cortex-A55 and Cortex-A76")
        assert device.sources["clusters"] == "/proc/cpuinfo"
        assert device.caches


def test_other_outputs_in_the_text_are_read() -> None:
    text = (FIXTURES / "pi4-64bit.lscpu").read_text() + (
        "\n$ uname -a\nLinux raspberrypi 6.1.0-rpi6-rpi-v8 #1 SMP PREEMPT Debian 1:6.1.58 (2023) aarch64 GNU/Linux\n"
        '$ getconf LONG_BIT\n32\nPRETTY_NAME="Raspbian GNU/Linux 12 (bookworm)"\nMemTotal:  3886332 kB\nPython 3.11.2\n'
        "ldd (Debian GLIBC 2.36-9) 2.36\nRaspberry Pi 4 Model B Rev 1.4\n"
    )
    device = from_text(text)
    assert (device.architecture, device.word_size, device.kernel) == ("armv7l", 32, "6.1.0-rpi6-rpi-v8")
    assert (device.os, device.python, device.libc_version) == ("Raspbian GNU/Linux 12 (bookworm)", "3.11.2", "2.36")
    assert (device.model, device.memory_bytes) == ("Raspberry Pi 4 Model B Rev 1.4", 3886332 * 1024)


def test_two_computers_are_not_mixed() -> None:
    device = from_text(
        (FIXTURES / "two-clusters.cpuinfo").read_text() + (FIXTURES / "pi4-32bit-with-board.cpuinfo").read_text()
    )
    assert device.core_names == "Cortex-A55 and Cortex-A76"
    assert any("only the first description was read" in note for note in device.notes)


def test_a_cut_top_invents_no_core_and_is_told() -> None:
    lines = (FIXTURES / "pi4-32bit-with-board.cpuinfo").read_text().splitlines()
    for start in range(1, 9):
        device = from_text("\n".join(lines[start:]))
        assert device.core_names == "Cortex-A72"
        assert (device.cpu_count, any("Not listed: processor 0" in note for note in device.notes)) == (3, True), start


def test_text_in_brackets_is_no_json_and_json_that_is_cut_still_is() -> None:
    with pytest.raises(DeviceCheckError, match="neither lscpu output nor"):
        from_text("[user@host ~]$ ls\nnothing of use\n")
    with pytest.raises(DeviceCheckError, match="looks like JSON but cannot be read"):
        from_text('{"lscpu": [{"field": "Architecture:", "data": "aar')
