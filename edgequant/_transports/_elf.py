"""Which processor a program is for."""

from pathlib import Path

_HEADER_BYTES = 20
_MACHINES = {0x28: "arm", 0xB7: "aarch64", 0x3E: "x86_64", 0x03: "i686", 0xF3: "riscv"}


def machine_of(program: Path) -> str | None:
    """Return what an ELF file is for (`arm`, `aarch64`, `x86_64`, ...), None if it is no ELF file, or is not there."""
    try:
        with program.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return None
    if len(header) < _HEADER_BYTES or header[:4] != b"\x7fELF":
        return None
    number = int.from_bytes(header[18:20], "big" if header[5] == 2 else "little")
    return _MACHINES.get(number, f"processor {number:#x}")
