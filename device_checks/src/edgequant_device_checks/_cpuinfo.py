"""Reads /proc/cpuinfo: that of ARM and x86 kernels in full, of others which processor it is (`_foreign`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ._cores import ARMV6, IMPLEMENTERS, core_of
from ._device import UNKNOWN_CORE, Cluster
from ._errors import DeviceCheckError
from ._foreign import foreign_processor
from ._report import CpuReport

_MOST_MISSING = 16
_PER_CPU = frozenset(
    ("Features", "CPU implementer", "CPU variant", "CPU part", "CPU revision", "model name", "flags", "isa", "uarch")
)
# What no other text has at the beginning of its lines.
CPUINFO_LABELS = _PER_CPU | {
    *(
        "processor",
        "Processor",
        "vendor_id",
        "CPU architecture",
        "Hardware",
        "hart",
        "hart isa",
        "mvendorid",
        "marchid",
    ),
    *("cpu", "cpu model", "system type", "timebase", "platform", "cpu family", "cpu MHz", "CPU Family", "Model Name"),
    *("# processors", "features", "ASEs implemented", "type", "ncpus probed"),
}


def is_cpuinfo(text: str) -> bool:
    """Tell whether a text looks like /proc/cpuinfo."""
    return any(line.partition(":")[0].strip() in CPUINFO_LABELS for line in text.splitlines() if ":" in line)


def parse_cpuinfo(text: str, max_khz: Mapping[int, float] | None = None) -> CpuReport:
    """Read /proc/cpuinfo; `max_khz` is the top clock of CPUs by number. Raises DeviceCheckError on other text."""
    cpus, machine = _split(text)
    foreign = foreign_processor({**machine, **{label: value for cpu in cpus for label, value in cpu.items()}})
    if foreign:
        architecture, name = foreign
        count = sum("processor" in cpu for cpu in cpus) or _integer(machine.get("# processors")) or 0
        return CpuReport("/proc/cpuinfo", architecture, clusters=(Cluster(name or UNKNOWN_CORE, count),))
    if not cpus:
        raise DeviceCheckError("This is not /proc/cpuinfo: it describes no processor.")
    clusters = _clusters(cpus, max_khz or {})
    return CpuReport(
        origin="/proc/cpuinfo",
        architecture=_architecture(cpus, clusters),
        features=_features(cpus),
        clusters=clusters,
        board=machine.get("Model") or None,
        notes=tuple(_notes(cpus)),
    )


def _notes(cpus: list[dict[str, str]]) -> Iterator[str]:
    """Yield a sentence where the list has a hole: a text whose top is missing, or cores that are switched off."""
    numbers = {number for number in (_integer(cpu.get("processor")) for cpu in cpus) if number is not None}
    missing = [number for number in range(max(numbers, default=-1) + 1) if number not in numbers][:_MOST_MISSING]
    if missing:
        listed = ", ".join(map(str, missing))
        yield f"Not listed: processor {listed}. Either the text is cut, or they are switched off."


def _split(text: str) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return the fields of each CPU and those of the machine. Old kernels print what all CPUs share only once."""
    cpus: list[dict[str, str]] = []
    machine: dict[str, str] = {}
    for line in text.splitlines():
        label, colon, value = line.partition(":")
        label, value = label.strip(), value.strip()
        if not colon or not label:
            continue
        if label == "Processor":  # the kernels before 3.8 head the list with the name of the core
            machine["model name"] = value
        elif label == "processor":
            cpus.append({label: value})
        elif label in _PER_CPU:
            if not cpus or label in cpus[-1]:
                cpus.append({})
            cpus[-1][label] = value
        else:
            machine[label] = value
    shared = {label: value for cpu in cpus for label, value in cpu.items() if label != "processor"}
    shared = {**({"model name": machine["model name"]} if "model name" in machine else {}), **shared}
    if len(cpus) > 1 and "processor" not in cpus[0] and "processor" in cpus[1]:
        cpus = cpus[1:]  # the rest of a CPU whose beginning was cut off
    return [cpu if len(cpu) > 1 else {**shared, **cpu} for cpu in cpus], machine


def _features(cpus: list[dict[str, str]]) -> tuple[str, ...]:
    """Return the tokens that every CPU with a list of features has: only those may be used without pinning threads."""
    lists = [(cpu.get("Features") or cpu.get("flags") or "").split() for cpu in cpus]
    told = [frozenset(tokens) for tokens in lists if tokens]
    return tuple(sorted(frozenset.intersection(*told))) if told else ()


def _architecture(cpus: list[dict[str, str]], clusters: tuple[Cluster, ...]) -> str | None:
    """Return what the core and its name betray. `CPU architecture: 7` is no help: a Pi Zero (ARMv6) says so too."""
    if any(cluster.core is not None and cluster.core.level == ARMV6 for cluster in clusters):
        return "armv6l"
    names = " ".join(cpu.get("model name", "") for cpu in cpus)
    generation = re.search(r"\(v([678])l\)", names)
    if generation is None:
        return None
    # A 32-bit program on a 64-bit kernel is shown (v8l).
    return {"6": "armv6l", "7": "armv7l", "8": "aarch64"}[generation.group(1)]


def _clusters(cpus: list[dict[str, str]], max_khz: Mapping[int, float]) -> tuple[Cluster, ...]:
    groups: dict[Cluster, list[int | None]] = {}
    for cpu in cpus:
        numbers = groups.setdefault(_kind(cpu), [])
        if "processor" in cpu:  # an excerpt without these lines does not tell how many CPUs there are
            numbers.append(_integer(cpu["processor"]))
    return tuple(
        replace(kind, count=len(numbers), max_mhz=_top_mhz(numbers, max_khz)) for kind, numbers in groups.items()
    )


def _top_mhz(numbers: list[int | None], max_khz: Mapping[int, float]) -> float | None:
    return max((max_khz[number] / 1000 for number in numbers if number is not None and number in max_khz), default=None)


def _kind(cpu: dict[str, str]) -> Cluster:
    """Return which kind of core a CPU is, as a cluster of none."""
    part, implementer = _integer(cpu.get("CPU part")), _integer(cpu.get("CPU implementer"))
    core = core_of(implementer, part)
    if part is None:
        return Cluster(cpu.get("model name") or UNKNOWN_CORE, 0)
    return Cluster(
        name=core.name if core else f"unknown core {part:#05x}",
        count=0,
        implementer=core.implementer if core else implementer,
        part=part,
        vendor=IMPLEMENTERS.get(core.implementer if core else implementer or 0),
        variant=_integer(cpu.get("CPU variant")),
        revision=_integer(cpu.get("CPU revision")),
    )


def _integer(text: str | None) -> int | None:
    """Return a short decimal or 0x number, None for anything else."""
    if text is None or not re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,8}", text):
        return None
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)
