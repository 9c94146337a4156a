"""Programs of a few instructions, made without a compiler."""

import struct

_ARM, _X86_64, _AARCH64 = 40, 62, 183

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


# execve("/bin/sh", {"sh", "-c", script, *its own arguments}, its own environment), which lie on the stack already
_SHELL = bytes.fromhex(
    "488b0c24"  # mov rcx, [rsp]: the number of arguments
    "488d54cc10"  # lea rdx, [rsp + 8 * rcx + 16]: the environment
    "488d0527000000"  # lea rax, [script]
    "48890424"  # mov [rsp], rax: in the place of the number
    "488d0519000000"  # lea rax, [dash_c]
    "50"  # push rax
    "488d3d09000000"  # lea rdi, [sh]
    "57"  # push rdi
    "4889e6"  # mov rsi, rsp
    "6a3b58"  # push 59; pop rax: execve
    "0f05"  # syscall
)


def shell(script: str) -> bytes:
    """Return an x86-64 program that runs a script in the shell."""
    return _elf64(_SHELL + b"/bin/sh\0" + b"-c\0" + script.encode() + b"\0", _X86_64)


def nothing(family: str) -> bytes:
    """Return a static program for a family that is not meant to run."""
    if family == "aarch64":
        return _elf64(b"")
    architecture = {"armv6": 6, "armv7": 10}[family]
    tag_cpu_arch = bytes([6, architecture])
    attributes = b"A" + struct.pack("<I", 17) + b"aeabi\0" + b"\1" + struct.pack("<I", 7) + tag_cpu_arch
    program = bytearray(_elf32(attributes))
    at = len(program)
    struct.pack_into("<I", program, 32, at)  # where the sections are told
    struct.pack_into("<2H", program, 46, 40, 1)  # the size of that, and their number
    return bytes(program) + struct.pack("<10I", 0, 0x70000003, 0, 0, at - len(attributes), len(attributes), 0, 0, 1, 0)


def busy() -> bytes:
    """Return the headers of a file that needs a million libraries, 65,000 times."""
    count, entries = 65000, struct.pack("<QQ", 1, 1) * 2**20
    start = 64 + 56 * count
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, _X86_64, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 2, 4, start, 0, 0, len(entries), len(entries), 8)
    return header + segment * count + entries


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


def _elf64(code: bytes, machine: int = _AARCH64) -> bytes:
    start, size = 0x400000, 64 + 56 + len(code)
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000) + code


def _elf32(code: bytes) -> bytes:
    start, size, eabi5_hard_float = 0x10000, 52 + 32 + len(code), 0x5000400
    header = b"\x7fELF\1\1\1" + bytes(9)
    header += struct.pack("<HHIIIIIHHHHHH", 2, _ARM, 1, start + 84, 52, 0, eabi5_hard_float, 52, 32, 1, 0, 0, 0)
    return header + struct.pack("<IIIIIIII", 1, 0, start, start, size, size, 5, 0x1000) + code
