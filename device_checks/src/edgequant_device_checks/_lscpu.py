"""Reads what lscpu prints: text or JSON, flat or nested, of one cluster or several, in English or translated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ._cores import core_named, core_of, vendor_number
from ._device import UNKNOWN_CORE, Cache, Cluster
from ._errors import DeviceCheckError
from ._features import architecture_of, looks_like_features, parse_number, split_tokens
from ._lscpu_labels import ENGLISH, TRANSLATED
from ._report import CpuReport

Fields = dict[str, str]

_OPENS_JSON = re.compile(r"\s*(?:\{\s*(?:[\"}]|$)|\[\s*(?:[{\[\"\]]|$))")
_UNITS = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_CACHE = re.compile(r"(L\d[di]?)(?: cache)?", re.IGNORECASE)
_SIZE = re.compile(r"(\d{1,15}(?:[.,]\d{1,6})?)\s*([KMGB]?)(i?)B?(?:\s*\((\d{1,6})\D)?", re.ASCII)


def parse_lscpu(text: str) -> CpuReport:
    """Read lscpu's text or JSON (`lscpu -J`). Raises DeviceCheckError if it is neither, or in an unknown language."""
    is_json = opens_json(text)
    pairs = list(_json_pairs(text) if is_json else _text_pairs(text))
    english, translated = _to_english(pairs)
    _refuse_other_text(english, pairs)
    common, groups = _split_groups(english)
    clusters = tuple(_cluster(common, group, len(groups)) for group in groups)
    features = [frozenset(group["Flags"].split()) for group in groups if group.get("Flags")]
    return CpuReport(
        origin="lscpu -J" if is_json else "lscpu",
        architecture=common.get("Architecture"),
        features=tuple(sorted(frozenset.intersection(*features))) if features else (),
        clusters=clusters,
        caches=_caches(english),
        notes=tuple(_notes(english, translated)),
        runs_64bit_alone=dict(pairs).get("CPU op-mode(s)") == "64-bit",
    )


def opens_json(text: str) -> bool:
    """Tell whether a text begins as JSON does, and not as a prompt (`[user@host ~]$`) or a mark-up (`{code}`) do."""
    return _OPENS_JSON.match(text) is not None


def _text_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield label and value of each line; a value that lscpu wrapped at the screen's edge is put together again."""
    label, lines = "", [""]
    for line in text.splitlines():
        head, colon, value = _partition(line)
        if not colon and line[:1] in (" ", "\t") and looks_like_features(lines[0]):
            lines.append(line)
            continue
        yield label, " ".join(split_tokens(lines)) if len(lines) > 1 else lines[0]
        label, lines = head, [value]
    yield label, " ".join(split_tokens(lines)) if len(lines) > 1 else lines[0]


def _partition(line: str) -> tuple[str, str, str]:
    """Split a line at its first colon, the full-width one of the Chinese translations included."""
    found = re.search("[:：]", line)
    if found is None:
        return line.strip(), "", ""
    return line[: found.start()].strip(), found.group(), line[found.end() :].strip()


def _json_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield label and value of each entry, depth first: newer lscpu nests them in `children`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise DeviceCheckError(
            "This looks like JSON but cannot be read: save it anew with 'LC_ALL=C lscpu -J > FILE'."
        ) from None
    entries = document.get("lscpu") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise DeviceCheckError("This JSON is not that of 'lscpu -J': its list 'lscpu' of fields is missing.")
    pending: list[Any] = entries[::-1]
    while pending:
        entry = pending.pop()
        if not isinstance(entry, dict):
            continue
        label, value, children = entry.get("field"), entry.get("data"), entry.get("children")
        if isinstance(label, str):
            yield label.strip().rstrip(":：").strip(), value.strip() if isinstance(value, str) else ""
        if isinstance(children, list):
            pending += children[::-1]


def _to_english(pairs: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], bool]:
    """Return the pairs with English labels, and whether they were translated."""
    english = [(TRANSLATED.get(label.casefold(), label), value) for label, value in pairs]
    return english, english != pairs


def _refuse_other_text(english: list[tuple[str, str]], pairs: list[tuple[str, str]]) -> None:
    labels = {label for label, _ in english} & set(ENGLISH)
    if len(labels) >= 2 and labels & {"Flags", "Architecture", "Model name", "CPU(s)"}:
        return
    if any(looks_like_features(value) for _, value in pairs):
        raise DeviceCheckError(
            "This is lscpu output in a language that is not understood here: save it anew with 'LC_ALL=C lscpu > FILE'."
        )
    raise DeviceCheckError(
        "This is neither lscpu output nor /proc/cpuinfo: save one on the device, as with 'LC_ALL=C lscpu > FILE'."
    )


def _split_groups(pairs: list[tuple[str, str]]) -> tuple[Fields, list[Fields]]:
    """Return the fields ahead of the first `Model name`, and a group of fields for each `Model name`.

    Old versions print fields of the only group ahead of its name too, so the first group takes those as well.
    """
    common: Fields = {}
    groups: list[Fields] = []
    for label, value in pairs:
        if label == "Model name":
            groups.append({})
        (groups[-1] if groups else common).setdefault(label, value)
    if not groups:
        return common, [common]
    groups[0] = {**common, **groups[0]}
    common = {**{label: value for group in groups[::-1] for label, value in group.items()}, **common}
    return common, groups


def _cluster(common: Fields, group: Fields, groups: int) -> Cluster:
    name = group.get("Model name", "-")
    part = int(name, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,4}", name) else None
    vendor = group.get("Vendor ID") or common.get("Vendor ID")
    implementer = vendor_number(vendor)
    core = core_named(name, implementer) if part is None else core_of(implementer, part)
    stepping = re.fullmatch(r"r(\d{1,3})p(\d{1,3})", group.get("Stepping", ""), re.ASCII)
    return Cluster(
        name=core.name if core else UNKNOWN_CORE if name in ("", "-") else name,
        count=_count(common, group, groups),
        implementer=core.implementer if core else implementer,
        part=core.part if core else part,
        vendor=vendor,
        variant=int(stepping.group(1)) if stepping else None,
        revision=int(stepping.group(2)) if stepping else None,
        max_mhz=parse_number(group.get("CPU max MHz", "")),
    )


def _count(common: Fields, group: Fields, groups: int) -> int:
    """Return how many logical CPUs a group has, 0 if untold; `Socket(s)` is `-` where lscpu counts clusters instead."""
    total = parse_number(common.get("CPU(s)", ""))
    if groups == 1 and total is not None:
        return int(total)
    cores = parse_number(group.get("Core(s) per cluster", "")) or parse_number(group.get("Core(s) per socket", ""))
    packages = parse_number(group.get("Cluster(s)", "")) or parse_number(group.get("Socket(s)", ""))
    threads = parse_number(group.get("Thread(s) per core", ""))
    return int(cores * (packages or 1) * (threads or 1)) if cores else 0


def _caches(pairs: list[tuple[str, str]]) -> tuple[Cache, ...]:
    caches: dict[str, Cache] = {}
    for label, value in pairs:
        name = _CACHE.fullmatch(label)
        if name and name.group(1) not in caches:
            cache = _cache(name.group(1), value)
            if cache:
                caches[cache.name] = cache
    return tuple(caches.values())


def _cache(name: str, value: str) -> Cache | None:
    """Read `128 KiB (4 instances)` (all together), `128 KiB` (the same, before 2.37) or `32K` (one, before 2.34)."""
    found = _SIZE.match(value)
    if found is None:
        return None
    number, unit, binary, instances = found.groups()
    size = int(float(number.replace(",", ".")) * _UNITS[unit])
    if not binary and unit != "B":
        return Cache(name, size, None)
    return Cache(name, size // max(1, int(instances)) if instances else None, size)


def _notes(pairs: list[tuple[str, str]], translated: bool) -> Iterator[str]:
    if translated:
        yield "lscpu's labels were translated; those known here were read: 'LC_ALL=C lscpu' is safer."
    if any(label == "Model name" and value in ("", "-") for label, value in pairs):
        yield "lscpu does not name the core ('Model name: -'): the feature tokens decide."
    order = {label: position for position, (label, _) in enumerate(pairs)}
    fields = dict(pairs)
    sockets = parse_number(fields.get("Socket(s)", "")) or 0
    old = order.get("Thread(s) per core", 10**9) < order.get("Model name", -1)
    if old and sockets > 1 and architecture_of(fields.get("Flags", "").split()) == "aarch64":
        yield (
            f"this lscpu predates 2.37 and names only the first kind of core ({fields['Model name']}); "
            "/proc/cpuinfo lists every kind."
        )
