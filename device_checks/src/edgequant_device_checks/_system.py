"""Reads what the operating system tells of itself: its name, C library, Python and memory."""

from __future__ import annotations

import re

from ._features import parse_number
from ._sections import Sections
from ._sysctl import sysctl_values


def os_name(sections: Sections) -> str | None:
    """Return the name in os-release, such as `Debian GNU/Linux 12 (bookworm)`, or that of macOS."""
    found = re.search(r"^PRETTY_NAME=(.*)$", sections.get("os_release", ""), re.MULTILINE)
    if found:
        return found.group(1).strip().strip("\"'") or None
    values = sysctl_values(sections.get("sysctl", ""))
    return f"{values['ProductName']} {values.get('ProductVersion', '')}".strip() if "ProductName" in values else None


def libc(sections: Sections) -> tuple[str | None, str | None]:
    """Return the C library (`glibc` or `musl`) and its version."""
    text = sections.get("libc", "")
    version = re.search(r"\d{1,4}\.\d{1,4}", text)
    if version is None:
        return None, None
    if "musl" in text:
        return "musl", version.group()
    return ("glibc", version.group()) if re.search("glibc|gnu", text, re.IGNORECASE) else (None, None)


def python_version(sections: Sections) -> str | None:
    """Return the version of Python 3, such as `3.11.2`."""
    found = re.search(r"\b3\.\d{1,3}(?:\.\d{1,3})?", sections.get("python", ""))
    return found.group() if found else None


def memory_bytes(sections: Sections) -> int | None:
    """Return the memory that the kernel manages, in bytes."""
    found = re.search(r"^MemTotal:\s*(\d{1,15}) kB", sections.get("meminfo", ""), re.MULTILINE)
    if found:
        return int(found.group(1)) * 1024
    told = parse_number(sysctl_values(sections.get("sysctl", "")).get("hw.memsize", ""))
    return int(told) if told else None


def top_clocks_khz(sections: Sections) -> dict[int, float]:
    """Return the top clock in kHz of each CPU by its number, from cpufreq."""
    rows = re.findall(r"^(\d{1,6}) (\d{1,12})\s*$", sections.get("max_khz", ""), re.ASCII | re.MULTILINE)
    return {int(cpu): float(khz) for cpu, khz in rows}
