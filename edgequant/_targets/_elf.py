"""What an ELF file says about itself: its processor and ABI, the libraries it needs and their symbols' versions.

Enough to prove that a program is static and that a library runs on the systems that a wheel's tag promises. The layout
is that of the System V ABI's chapters 4 and 5 ("Object Files", "Program Loading and Dynamic Linking"), the symbol
versions those of the Linux Standard Base, ARM's attributes those of "Addenda to, and Errata in, the ABI for the Arm
Architecture".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._target import TargetError

if TYPE_CHECKING:
    from ._target import Family

LIBC = ("libc.so.6", "libm.so.6", "libpthread.so.0")
"""The only libraries that ours may need: every glibc system has them."""

_MACHINES = {62: "x86_64", 183: "aarch64", 40: "arm"}
_PT_DYNAMIC, _PT_INTERP = 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_VERNEED, _DT_VERNEEDNUM = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF
_ARM_HARD_FLOAT = 0x400
_SHT_ARM_ATTRIBUTES = 0x70000003
_TAG_CPU_ARCH = 6
_STRING_TAGS = (4, 5, 67)  # Tag_CPU_raw_name, Tag_CPU_name, Tag_conformance
_ARM_ARCHITECTURES = {6: "armv6", 7: "armv6", 10: "armv7"}  # v6 and v6KZ; v7

# Far more than any file of ours has: a file that was made to keep its reader busy is damaged.
_MAX_LIBRARIES, _MAX_VERSIONS, _MAX_DYNAMIC, _MAX_NAME, _MAX_ATTRIBUTES = 64, 1024, 2**16, 255, 4096


@dataclass(frozen=True, slots=True)
class Elf:
    """One file: `machine` as `Family` names it (armv6 and armv7 told apart), the words' bits, and what it is bound to.

    `versions` are the symbol versions that it asks for, such as ("libc.so.6", "GLIBC_2.17"); `interpreter` is the
    dynamic loader, None in a static program and in a library.
    """

    machine: str
    word_size: int
    hard_float: bool
    interpreter: str | None
    needed: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]


def read_elf(content: bytes) -> Elf:
    """Read the headers of an ELF file; raises TargetError if it is none or is cut off."""
    if content[:4] != b"\x7fELF" or len(content) < 52 or content[4] not in (1, 2) or content[5] != 1:
        raise TargetError("This is no little-endian ELF file.")
    try:
        return _Reader(content).read()
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise TargetError(f"This ELF file is damaged: {error}.") from error


def program_problems(content: bytes, family: Family) -> list[str]:
    """Return what keeps a program from running alone, without any library, on a family; empty if nothing does."""
    elf = read_elf(content)
    problems = _wrong_processor(elf, family)
    if elf.interpreter or elf.needed:
        needs = ", ".join(elf.needed) or elf.interpreter
        problems.append(f"it is not static: it needs {needs}")
    return problems


def library_problems(content: bytes, family: Family, glibc: tuple[int, int] = (2, 17)) -> list[str]:
    """Return what keeps a library from loading on a family with that glibc or a later one; empty if nothing does."""
    elf = read_elf(content)
    problems = _wrong_processor(elf, family)
    problems += [f"it needs {name}" for name in elf.needed if name not in LIBC]
    for library, version in elf.versions:
        found = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version)
        if not found or (int(found[1]), int(found[2])) > glibc:
            problems.append(f"it needs {version} of {library}, later than GLIBC_{glibc[0]}.{glibc[1]}")
    return problems


def _wrong_processor(elf: Elf, family: Family) -> list[str]:
    problems = []
    if (elf.machine, elf.word_size) != (family.name, family.word_size):
        wanted = f"{family.name}, {family.word_size} bit"
        problems.append(f"it is for {elf.machine}, {elf.word_size} bit, and not for {wanted}")
    if elf.machine.startswith("arm") and not elf.hard_float:
        problems.append("it passes floats in integer registers (soft-float ABI)")
    return problems


class _Reader:
    """Follows the offsets of one file."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.is_64 = content[4] == 2
        fields = struct.unpack_from("<HHI3QIHHHHHH" if self.is_64 else "<HHI3IIHHHHHH", content, 16)
        self.machine, self.flags = fields[1], fields[6]
        self.segments_at, self.sections_at = fields[4], fields[5]
        self.segment_size, self.segment_count, self.section_size, self.section_count = fields[8:12]
        self.segments = [self._segment(self.segments_at + i * self.segment_size) for i in range(self.segment_count)]

    def read(self) -> Elf:
        interpreter = next((self._text(at) for kind, at, _, _ in self.segments if kind == _PT_INTERP), None)
        entries = list(self._dynamic())
        values, needed = dict(entries), [value for tag, value in entries if tag == _DT_NEEDED]
        if len(needed) > _MAX_LIBRARIES:
            raise ValueError(f"it cannot need {len(needed)} libraries")
        strings = self._offset(values[_DT_STRTAB]) if _DT_STRTAB in values else 0
        return Elf(
            machine=self._machine(),
            word_size=64 if self.is_64 else 32,
            hard_float=bool(self.flags & _ARM_HARD_FLOAT),
            interpreter=interpreter,
            needed=tuple(self._text(strings + value) for value in needed),
            versions=tuple(self._versions(values, strings)),
        )

    def _machine(self) -> str:
        name = _MACHINES.get(self.machine, f"machine {self.machine}")
        return self._arm_architecture() if name == "arm" else name

    def _segment(self, at: int) -> tuple[int, int, int, int]:
        """Return a program header's kind, offset, address and size in the file."""
        if self.is_64:
            kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", self.content, at)
        else:
            kind, offset, address, _, size = struct.unpack_from("<IIIII", self.content, at)
        return kind, offset, address, size

    def _dynamic(self) -> Iterator[tuple[int, int]]:
        layout = "<qQ" if self.is_64 else "<iI"
        for kind, offset, _, size in self.segments:
            if kind == _PT_DYNAMIC:
                for tag, value in struct.iter_unpack(layout, self.content[offset : offset + min(size, _MAX_DYNAMIC)]):
                    if tag == 0:
                        return
                    yield tag, value
                return

    def _versions(self, values: dict[int, int], strings: int) -> Iterator[tuple[str, str]]:
        at = self._offset(values[_DT_VERNEED]) if _DT_VERNEED in values else 0
        libraries = values.get(_DT_VERNEEDNUM, 0)
        if libraries > _MAX_LIBRARIES:
            raise ValueError(f"it cannot need {libraries} libraries")
        for _ in range(libraries):
            _, count, file, first, following = struct.unpack_from("<HHIII", self.content, at)
            if count > _MAX_VERSIONS:
                raise ValueError(f"it cannot ask for {count} versions")
            entry = at + first
            for _ in range(count):
                _, _, _, name, step = struct.unpack_from("<IHHII", self.content, entry)
                yield self._text(strings + file), self._text(strings + name)
                entry += step
            at += following

    def _arm_architecture(self) -> str:
        """Return what the attributes say: the oldest architecture that has the file's instructions."""
        for i in range(self.section_count):
            _, kind, _, _, offset, size = struct.unpack_from(
                "<6I", self.content, self.sections_at + i * self.section_size
            )
            if kind == _SHT_ARM_ATTRIBUTES:
                return _cpu_architecture(self.content[offset : offset + min(size, _MAX_ATTRIBUTES)])
        raise ValueError("it has no ARM attributes")

    def _offset(self, address: int) -> int:
        """Return where in the file the byte of a memory address is."""
        for _, offset, start, size in self.segments:
            if start <= address < start + size:
                return offset + address - start
        raise ValueError(f"nothing is loaded at {address:#x}")

    def _text(self, at: int) -> str:
        return self.content[at : self.content.index(b"\0", at, at + _MAX_NAME)].decode("utf-8", errors="replace")


def _cpu_architecture(attributes: bytes) -> str:
    at = attributes.index(b"aeabi\0") + 6
    at += 5  # Tag_File and its size
    while at < len(attributes):
        tag, at = _uleb128(attributes, at)
        if tag in _STRING_TAGS:
            at = attributes.index(b"\0", at) + 1
            continue
        value, at = _uleb128(attributes, at)
        if tag == _TAG_CPU_ARCH:
            return _ARM_ARCHITECTURES.get(value, f"ARM architecture {value}")
    raise ValueError("its ARM attributes name no architecture")


def _uleb128(content: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
