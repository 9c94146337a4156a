"""Makes a Device of named sections of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from . import _system
from ._architecture import decide_architecture, family
from ._cpuinfo import parse_cpuinfo
from ._device import UNKNOWN_CORE, Cluster, Device, unnamed_processor
from ._errors import DeviceCheckError
from ._features import architecture_of, decode_hwcap
from ._lscpu import parse_lscpu
from ._notes import notes_on
from ._report import CpuReport
from ._sections import Sections
from ._sysctl import parse_sysctl


def device_from(sections: Sections) -> Device:
    """Join the facts of all sections. Raises DeviceCheckError where not even the architecture is told."""
    system, kernel, machine = _uname(sections)
    reports = _reports(sections, machine)
    features, features_source = _features(sections, reports)
    told = [report for report in reports if _same_family(report, features)]
    stated = machine or next((report.architecture for report in told if report.architecture), None)
    clusters, clusters_source = _clusters(told)
    bits, bits_source = _pointer_bits(sections, system, told)
    architecture = decide_architecture(features, stated, bits, clusters)
    libc, libc_version = _system.libc(sections)
    device = Device(
        architecture=architecture.programs,
        word_size=architecture.word_size,
        features=features,
        clusters=tuple(_named(cluster, architecture.programs) for cluster in clusters),
        model=sections.get("board") or next((report.board for report in told if report.board), None),
        kernel_architecture=architecture.kernel,
        kernel=kernel,
        system=system or "linux",
        os=_system.os_name(sections),
        libc=libc,
        libc_version=libc_version,
        python=_system.python_version(sections),
        memory_bytes=_system.memory_bytes(sections),
        caches=next((report.caches for report in told if report.caches), ()),
        sources={
            "features": features_source,
            "clusters": clusters_source,
            "word_size": bits_source or architecture.source,
            **_plain_sources(sections),
        },
    )
    notes = notes_on(device) + [note for report in told for note in report.notes]
    if len(told) < len(reports):
        notes.append("This process is emulated: /proc/cpuinfo and lscpu describe another processor, and were left out.")
    return replace(device, notes=tuple(dict.fromkeys(notes)))


def _uname(sections: Sections) -> tuple[str | None, str | None, str | None]:
    """Return the system (`linux`, `darwin`), the kernel's release and its architecture."""
    lines = [line.strip() for line in sections.get("uname", "").splitlines()]
    system, kernel, machine = [*lines, "", "", ""][:3]
    return system.lower() or None, kernel or None, machine or None


def _reports(sections: Sections, machine: str | None) -> list[CpuReport]:
    """Return each description of the processor that can be read, best first."""
    clocks = _system.top_clocks_khz(sections)
    readers: dict[str, Callable[[str], CpuReport]] = {
        "lscpu_json": parse_lscpu,
        "lscpu": parse_lscpu,
        "cpuinfo": lambda text: parse_cpuinfo(text, clocks),
        "sysctl": lambda text: parse_sysctl(text, machine),
    }
    reports = []
    for name in [name for name in readers if name in sections]:
        try:
            reports.append(readers[name](sections[name]))
        except DeviceCheckError:
            if len(sections) == 1:  # one of several that cannot be read leaves the others
                raise
    return reports


def _features(sections: Sections, reports: list[CpuReport]) -> tuple[tuple[str, ...], str]:
    """Return the feature tokens and their source. HWCAP, where it could be read, is what this process really has."""
    words = re.fullmatch(r"0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16}) (32|64)", sections.get("hwcap", ""))
    if words:
        tokens = decode_hwcap(int(words.group(1), 16), int(words.group(2), 16), int(words.group(3)))
        return tuple(sorted(tokens)), "getauxval"
    found = next((report for report in reports if report.features), None)
    return (found.features, found.origin) if found else ((), "none")


def _same_family(report: CpuReport, features: tuple[str, ...]) -> bool:
    """Tell whether a report is of the processor that the features are of; /proc/cpuinfo under QEMU is the host's."""
    theirs, ours = architecture_of(report.features), architecture_of(features)
    return theirs is None or ours is None or family(theirs) == family(ours)


def _pointer_bits(sections: Sections, system: str | None, reports: list[CpuReport]) -> tuple[int | None, str | None]:
    """Return the word size of the programs and what told it, None where only the kernel's is told."""
    for name, source in (("pointer_bits", "this process"), ("long_bit", "getconf LONG_BIT")):
        if sections.get(name) in ("32", "64"):
            return int(sections[name]), source
    if system == "darwin":
        return 64, "macOS, which runs no others"
    if any(report.runs_64bit_alone for report in reports):
        return 64, "lscpu, by which the kernel runs no others"
    return None, None


def _clusters(reports: list[CpuReport]) -> tuple[tuple[Cluster, ...], str]:
    """Return the clusters and their source; /proc/cpuinfo numbers every part, while old lscpu merges the clusters."""
    numbered = (
        report for report in reports if report.origin == "/proc/cpuinfo" and report.clusters[0].part is not None
    )
    best = next(numbered, None) or next((report for report in reports if report.clusters), None)
    if best is None:
        return (), "none"
    clocks = {cluster.name: cluster.max_mhz for report in reports for cluster in report.clusters if cluster.max_mhz}
    return tuple(
        replace(cluster, max_mhz=cluster.max_mhz or clocks.get(cluster.name)) for cluster in best.clusters
    ), best.origin


def _named(cluster: Cluster, architecture: str) -> Cluster:
    return replace(cluster, name=unnamed_processor(architecture)) if cluster.name == UNKNOWN_CORE else cluster


def _plain_sources(sections: Sections) -> dict[str, str]:
    """Name where the facts come from that have one source only."""
    places = {
        "board": ("model", "device tree"),
        "os_release": ("os", "os-release"),
        "libc": ("libc", "getconf or ldd"),
        "python": ("python", "python3 --version" if "pointer_bits" not in sections else "this process"),
        "meminfo": ("memory_bytes", "/proc/meminfo"),
    }
    return {fact: source for section, (fact, source) in places.items() if section in sections}
