"""ARM programs of a few instructions, made without a compiler."""

import struct

_ARM, _AARCH64 = 40, 183

_SDOT = [0x4E829420, 0xD2800000, 0xD2800BA8, 0xD4000001]  # sdot v0.4s, v1.16b, v2.16b; exit(0)

# open(path); read(it, sp, 4096); write(1, sp, what came); exit(0)
_CAT_64 = [
    0x92800C60, 0x10000001, 0xD2800002, 0xD2800708, 0xD4000001,  # x0 = -100, x1 = path, x2 = 0, x8 = openat
    0xD14007FF, 0x910003E1, 0xD2820002, 0xD28007E8, 0xD4000001,  # sp -= 4096, x1 = sp, x2 = 4096, x8 = read
    0xAA0003E2, 0xD2800020, 0x910003E1, 0xD2800808, 0xD4000001,  # x2 = x0, x0 = 1, x1 = sp, x8 = write
    0xD2800000, 0xD2800BA8, 0xD4000001,  # x0 = 0, x8 = exit
]  # fmt: skip
_CAT_32 = [
    0xE28F0000, 0xE3A01000, 0xE3A02000, 0xE3A07005, 0xEF000000,  # r0 = path, r1 = 0, r2 = 0, r7 = open
    0xE24DDA01, 0xE1A0100D, 0xE3A02A01, 0xE3A07003, 0xEF000000,  # sp -= 4096, r1 = sp, r2 = 4096, r7 = read
    0xE1A02000, 0xE3A00001, 0xE1A0100D, 0xE3A07004, 0xEF000000,  # r2 = r0, r0 = 1, r1 = sp, r7 = write
    0xE3A00000, 0xE3A07001, 0xEF000000,  # r0 = 0, r7 = exit
]  # fmt: skip


def dot_product() -> bytes:
    """Return an aarch64 program that ends well where the CPU has dot products."""
    return _elf64(struct.pack("<4I", *_SDOT))


def cat(path: str, word_size: int) -> bytes:
    """Return a program that prints the first 4096 bytes of a file."""
    data = path.encode() + b"\0"
    if word_size == 64:
        words = [*_CAT_64]
        words[1] |= (len(words) * 4 - 4) >> 2 << 5  # adr counts from its own address
        return _elf64(struct.pack(f"<{len(words)}I", *words) + data)
    words = [*_CAT_32]
    words[0] |= len(words) * 4 - 8  # pc is two instructions ahead
    return _elf32(struct.pack(f"<{len(words)}I", *words) + data)


def _elf64(code: bytes) -> bytes:
    start, size = 0x400000, 64 + 56 + len(code)
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, _AARCH64, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000) + code


def _elf32(code: bytes) -> bytes:
    start, size, eabi5_hard_float = 0x10000, 52 + 32 + len(code), 0x5000400
    header = b"\x7fELF\1\1\1" + bytes(9)
    header += struct.pack("<HHIIIIIHHHHHH", 2, _ARM, 1, start + 84, 52, 0, eabi5_hard_float, 52, 32, 1, 0, 0, 0)
    return header + struct.pack("<IIIIIIII", 1, 0, start, start, size, size, 5, 0x1000) + code
