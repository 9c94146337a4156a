"""What is deployed to a folder, without touching it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ._history import Entry
from ._lock import describe_lock
from ._result import SCHEMA
from ._site import Site

if TYPE_CHECKING:
    from edgequant._transports import Transport


@dataclass(frozen=True, slots=True)
class Listing:
    """The releases in the folder `path` of `computer`, those of the history newest first, then the others.

    `entries` tell when a release became current and by whom, as far as the history goes. `lock` describes a deployer
    at work, None if there is none.
    """

    computer: str
    path: PurePosixPath
    current: str | None
    previous: str | None
    releases: tuple[str, ...]
    entries: Mapping[str, Entry]
    lock: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types; docs/deploy.md says what each key is."""
        releases = []
        for name in self.releases:
            entry = self.entries.get(name, Entry(name))
            releases.append({"release": name, "deployed": entry.when or None, "by": entry.who or None})
        return {
            "schema": SCHEMA,
            "action": "list",
            "computer": self.computer,
            "path": str(self.path),
            "current": self.current,
            "previous": self.previous,
            "releases": releases,
            "lock": self.lock,
        }


def list_releases(transport: "Transport", path: PurePosixPath) -> Listing:
    """Return what is deployed to the folder `path` (absolute) of a computer. Raises DeployError, TransportError."""
    site = Site(transport, path)
    state = site.read()
    entries = {entry.release: entry for entry in state.history.entries}
    releases = tuple(dict.fromkeys((*state.history.newest_first, *state.releases)))
    return Listing(transport.title, path, state.current, state.previous, releases, entries, describe_lock(site))
