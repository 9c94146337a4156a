"""The seam between where facts come from and what they mean: named sections of text.

This machine, a host over ssh and a file that `collect.sh` was saved to all yield a mapping of section name to text;
only `_assemble` interprets it. The names are those in `collect.sh`, and `hwcap`, which only a process itself can read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources

Sections = Mapping[str, str]

_DELIMITER = re.compile(r"^@@edgequant (\w+)@@\r?$", re.MULTILINE)


def collector_script() -> str:
    """Return the POSIX shell script that prints the sections."""
    return resources.files(__package__).joinpath("collect.sh").read_text(encoding="ascii")


def split_sections(text: str) -> dict[str, str]:
    """Split what the script printed; text before its first section (a login banner) is dropped, empty ones left out."""
    pieces = _DELIMITER.split(text)
    return {name: body.strip() for name, body in zip(pieces[1::2], pieces[2::2]) if body.strip()}


def is_sectioned(text: str) -> bool:
    """Tell whether the script printed a text."""
    return _DELIMITER.search(text) is not None


def is_complete(text: str) -> bool:
    """Tell whether the script ran to its end."""
    return _DELIMITER.findall(text)[-1:] == ["end"]
