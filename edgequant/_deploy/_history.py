"""The file `history`: which releases were current, oldest first. It says what came before the current one.

A line is a release's folder, when it was deployed (UTC, by the deployer's clock) and by whom; whatever a newer version
writes after that is kept. The file is written before the link `current` changes, so it can be ahead of the link: what
counts is the last line of the release that is current, and the lines before it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

# The first 16 hex digits of the digest; a number follows where that name was taken by a damaged release.
RELEASE_NAME = re.compile(r"[0-9a-f]{16}(-[0-9]+)?")
_TORN = re.compile(r"[0-9a-f]{0,15}\0*")
_LONGEST = 200


def is_torn(text: str) -> bool:
    """Tell whether a file without a whole line can be what a power cut left of a history: its beginning, and zeros."""
    return _TORN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """A release that became current: its folder's name, and when and by whom in words."""

    release: str
    when: str = ""
    who: str = ""

    @property
    def line(self) -> str:
        """The entry as it stands in the file."""
        return f"{self.release} {self.when} {self.who}".rstrip()


@dataclass(frozen=True, slots=True)
class History:
    """Releases in the order in which they became current."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the file; lines that name no release (half a line after a power cut) are left out."""
        words = [line.split(" ", 2) for line in text.splitlines()]
        return cls(tuple(Entry(*parts) for parts in words if RELEASE_NAME.fullmatch(parts[0])))

    @property
    def text(self) -> str:
        """The file."""
        return "".join(f"{entry.line}\n" for entry in self.entries[-_LONGEST:])

    def among(self, releases: Collection[str]) -> "History":
        """Return it without releases that are not there any more."""
        return History(tuple(entry for entry in self.entries if entry.release in releases))

    def up_to(self, current: str | None) -> "History":
        """Return it up to the last line of what is current; the whole of it if there is no such line.

        A release that is current and has no line was switched to, and the power was cut before its line was on disk.
        """
        places = [place for place, entry in enumerate(self.entries) if entry.release == current]
        return History(self.entries[: places[-1] + 1]) if places else self

    def switched(self, current: str | None, entry: Entry, *, damaged: Collection[str] = ()) -> "History":
        """Return it with one more line, that of what becomes current after `current`, and without damaged releases."""
        entries = self.up_to(current).entries
        if current is not None and (not entries or entries[-1].release != current):
            entries = (*entries, Entry(current))
        return History((*(earlier for earlier in entries if earlier.release not in damaged), entry))

    def before(self, current: str | None) -> str | None:
        """Return what was current before `current`, None if nothing was."""
        earlier = self.rolled_back(current).entries
        return earlier[-1].release if earlier else None

    def rolled_back(self, current: str | None) -> "History":
        """Return it as it was before `current` became current."""
        entries = self.up_to(current).entries
        while entries and entries[-1].release == current:
            entries = entries[:-1]
        return History(entries)

    @property
    def newest_first(self) -> tuple[str, ...]:
        """Each release once, by when it last became current."""
        return tuple(dict.fromkeys(entry.release for entry in reversed(self.entries)))
