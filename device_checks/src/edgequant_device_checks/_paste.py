"""Reads a description of a processor as people paste it: with prompts, colours, line numbers, several outputs in one.

What each line is of is told by the line itself, so neither the commands that printed it nor its place matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from ._cpuinfo import CPUINFO_LABELS, is_cpuinfo
from ._lscpu import opens_json
from ._lscpu_labels import ENGLISH, TRANSLATED
from ._sections import Sections, is_sectioned, split_sections

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_NUMBER = re.compile(r"\s*\d{1,6}(?:[ \t:.)|-]+(?=\S)|[ \t:.)|-]*$)")
_QUOTE = re.compile(r"\s*[>|] ?")
_JSON_TRIES = 8

# Lines that say something by themselves, and the section that they make; the last group is what is kept.
_ALONE = (
    ("long_bit", re.compile(r"(32|64)")),
    ("dpkg", re.compile(r"(arm64|armhf|armel|amd64|i386|riscv64|ppc64el|mips64el|mipsel|loong64|s390x)")),
    ("machine", re.compile(r"(aarch64|armv[678]l|x86_64|i[3-6]86|riscv64|ppc64le|ppc64|mips64|loongarch64)")),
    ("uname", re.compile(r"(Linux \S+ \d\S* #.*)")),
    ("os_release", re.compile(r"(PRETTY_NAME=.*)")),
    ("meminfo", re.compile(r"(MemTotal:\s*\d+ kB)")),
    ("python", re.compile(r"(Python 3\.\d+\S*)")),
    ("libc", re.compile(r"(ldd \(.*\) \d\S*|glibc \d\S*)")),
    ("board", re.compile(r"(Raspberry Pi \d?[A-Za-z0-9+. ]{1,60})")),
)
_DPKG_BITS = {"arm64": "64", "amd64": "64", "armhf": "32", "armel": "32", "i386": "32"}
# `Model` and `BogoMIPS` are in both.
_LSCPU_LABELS = frozenset(ENGLISH) - {"Model"} | {"CPU op-mode(s)", "Byte Order", "On-line CPU(s) list"}


def read_paste(text: str) -> tuple[Sections, tuple[str, ...]]:
    """Return the sections that a text has, whatever it was pasted from, and sentences on what was left out of it."""
    lines = _clean(text)
    text = "\n".join(lines)
    if is_sectioned(text):
        return split_sections(text), ()
    found = _find_json(text)
    if found is not None:
        document, around = found
        sections, notes = _split(around)
        return {**{name: body for name, body in sections.items() if name != "lscpu"}, "lscpu": document}, notes
    if opens_json(text) and not any(map(_kind_of, lines)):
        return {"lscpu": text}, ()
    return _split(lines)


def _clean(text: str) -> list[str]:
    """Take off what terminals, editors and mails put around lines: colours, marks, numbers, quotes."""
    text = _ESCAPES.sub("", text.lstrip("\ufeff")).replace("\xa0", " ").replace("\b", "")
    lines = [line.rstrip() for line in text.splitlines()]
    for prefix in (_QUOTE, _LINE_NUMBER):
        filled = [line for line in lines if line.strip()]
        marked = sum(prefix.match(line) is not None for line in filled)
        if marked >= 3 and marked >= 0.8 * len(filled):  # a prompt before them has none
            lines = [prefix.sub("", line, count=1) if prefix.match(line) else line for line in lines]
    return lines


def _find_json(text: str) -> tuple[str, list[str]] | None:
    """Return the JSON in a text and the lines around it, None without any, or for another's among fields."""
    for opening in islice(re.finditer(r"^[ \t]*(?=[{\[])", text, re.MULTILINE), _JSON_TRIES):
        begin = opening.end()
        try:
            _, end = json.JSONDecoder().raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        document, around = text[begin:end], (text[:begin] + text[end:]).splitlines()
        if '"lscpu"' in document or not any(map(_kind_of, around)):
            return document, around
    return None


def _kind_of(line: str) -> str | None:
    """Return `lscpu` or `cpuinfo` for a line that only one of them has."""
    label, colon, _ = line.replace("：", ":", 1).partition(":")
    label = label.strip()
    if not colon:
        return None
    if label in CPUINFO_LABELS:
        return "cpuinfo"
    return "lscpu" if TRANSLATED.get(label.casefold(), label) in _LSCPU_LABELS else None


def _split(lines: list[str]) -> tuple[Sections, tuple[str, ...]]:
    alone: dict[str, str] = {}
    rest = []
    for line in lines:
        name, value = _standing_alone(line)
        if name is None:
            rest.append(line)
        else:
            alone.setdefault(name, value)
    blocks: dict[str, list[str]] = {}
    for kind, body in _blocks(rest):
        blocks.setdefault(kind, []).append(body)
    notes = []
    if any(len(set(bodies)) > 1 for bodies in blocks.values()):
        notes.append("Several processors are described one after the other: only the first description was read.")
    return {**_as_sections(alone), **{kind: bodies[0] for kind, bodies in blocks.items()}}, tuple(notes)


def _standing_alone(line: str) -> tuple[str | None, str]:
    for name, pattern in _ALONE:
        found = pattern.fullmatch(line.strip())
        if found:
            return name, found.group(1)
    return None, ""


def _as_sections(alone: dict[str, str]) -> dict[str, str]:
    """Give the lines the form that `collect.sh` gives them."""
    sections = {
        name: alone[name] for name in alone.keys() & {"long_bit", "os_release", "meminfo", "python", "libc", "board"}
    }
    if alone.get("dpkg") in _DPKG_BITS:
        sections.setdefault("long_bit", _DPKG_BITS[alone["dpkg"]])
    words = alone.get("uname", "").split()
    machine = alone.get("machine") or next((word for word in reversed(words[3:]) if word != "GNU/Linux"), "")
    if machine:
        sections["uname"] = f"Linux\n{words[2] if len(words) > 2 else ''}\n{machine}"
    return sections


def _blocks(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each description: another begins where the kind changes, and where its first field comes again."""
    kinds = [_kind_of(line) for line in lines]
    kind = next((one for one in kinds if one), None)
    if kind is None:
        yield ("cpuinfo" if is_cpuinfo("\n".join(lines)) else "lscpu"), "\n".join(lines)
        return
    block: list[str] = []
    seen: set[str] = set()
    for line, told in zip(lines, kinds):
        first = _first_field(line, told)
        if told and (told != kind or first in seen):
            yield kind, "\n".join(block).strip("\n")
            kind, block, seen = told, [], set()
        if first:
            seen.add(first)
        block.append(line)
    yield kind, "\n".join(block).strip("\n")


def _first_field(line: str, kind: str | None) -> str | None:
    """Return the field if a description has it once: lscpu's architecture, or the number of one CPU."""
    label, _, value = line.replace("：", ":", 1).partition(":")
    label = label.strip()
    if kind == "cpuinfo" and label == "processor":
        return f"processor {value.strip()}"
    if kind == "lscpu" and TRANSLATED.get(label.casefold(), label) == "Architecture":
        return "Architecture"
    return None
