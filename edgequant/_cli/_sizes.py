"""Sizes of files, caches and memory as people read them."""


def in_binary_units(count: int) -> str:
    """Return a number of bytes as `1.5 MiB`, in the largest unit of which there is at least one."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"
