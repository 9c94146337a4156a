"""Checks that a wheel of edgequant_runtime is what its name says, as auditwheel would, for processors that it lacks.

auditwheel looks at manylinux tags alone, and a wheel for ARMv6 has none.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from edgequant._targets import TARGETS, Family, TargetError
from edgequant._targets._elf import library_problems
from edgequant._targets._wheel import GLIBC, platform_tags

LIBRARY_NAME = "_engines/libedgequant.so"
LIBRARY = f"edgequant_runtime/{LIBRARY_NAME}"
FAMILIES = {target.family.machine: target.family for target in TARGETS.values()}


def problems(wheel: Path) -> list[str]:
    """Return what is wrong with a wheel, as sentences; empty if it is sound."""
    try:
        name, version, _, tags = parse_wheel_filename(wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            files = {entry: archive.read(entry) for entry in archive.namelist()}
    except (InvalidWheelFilename, zipfile.BadZipFile, OSError) as error:
        return [f"it is no wheel: {error}"]
    named = {str(tag) for tag in tags}
    machine = next((m for m in FAMILIES if named == {f"py3-none-{platform}" for platform in platform_tags(m)}), None)
    if machine is None:
        return [f"its name has unknown tags: {', '.join(sorted(named))}"]
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    missing = [
        entry for entry in (f"{info}/WHEEL", f"{info}/METADATA", f"{info}/RECORD", LIBRARY) if entry not in files
    ]
    if missing:
        return [f"it has no {entry}" for entry in missing]
    return [
        *_wrong_tags(files[f"{info}/WHEEL"], named),
        *_wrong_metadata(files[f"{info}/METADATA"], name, str(version)),
        *_wrong_record(files, f"{info}/RECORD"),
        *_wrong_files(files, info),
        *_wrong_library(files[LIBRARY], FAMILIES[machine]),
    ]


def _wrong_tags(content: bytes, named: set[str]) -> list[str]:
    headers = HeaderParser().parsestr(content.decode())
    written = set(headers.get_all("Tag", []))
    found = [] if written == named else [f"its tags are {', '.join(sorted(written))}, not those of its name"]
    return found if headers["Root-Is-Purelib"] == "false" else [*found, "it says that it has no compiled files"]


def _wrong_metadata(content: bytes, name: str, version: str) -> list[str]:
    headers = HeaderParser().parsestr(content.decode())
    given = (headers["Name"], headers["Version"])
    return [] if given == (name, version) else [f"its metadata are those of {' '.join(map(str, given))}"]


def _wrong_record(files: dict[str, bytes], record: str) -> list[str]:
    rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(files[record].decode())) if row}
    found = [f"its RECORD lacks {name}" for name in files if name not in rows]
    found += [f"its RECORD names {name}, which is not there" for name in rows if name not in files]
    for name in sorted(rows.keys() & files.keys() - {record}):
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
        if rows[name] != [f"sha256={digest}", str(len(files[name]))]:
            found.append(f"its RECORD has another digest or size of {name}")
    return found


def _wrong_files(files: dict[str, bytes], info: str) -> list[str]:
    ours = re.compile(rf"{re.escape(info)}/.+|edgequant_runtime/(.+\.py|py\.typed|{re.escape(LIBRARY_NAME)})")
    return [f"it has {name}, which does not belong there" for name in files if not ours.fullmatch(name)]


def _wrong_library(content: bytes, family: Family) -> list[str]:
    try:
        return [f"its library: {problem}" for problem in library_problems(content, family, GLIBC)]
    except TargetError as error:
        return [f"its library: {error}"]
