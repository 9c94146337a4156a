"""What a deployment or a rollback did."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from ._errors import DeployError

if TYPE_CHECKING:
    from edgequant._smoke import SmokeResult

    from ._service import ServiceState

SCHEMA = 1


@dataclass(slots=True)
class Deployment:
    """What became of a release in the folder `path` of `computer`.

    `digest` is the SHA-256 of the release's manifest.json and `release` its folder below `releases`. `current` is what
    the folder's link names now and `previous` what a rollback would go to. `smoke` is the smoke test's result as plain
    JSON types. `changed` is False if the release was current already, or is not current now because its smoke test
    found a difference. `signer` is who signed it, if a signature was demanded. `removed` are the old
    releases that had to go, `warnings` what could not be removed. `service` is what became of the user service, if it
    was asked for.
    """

    action: str
    computer: str
    path: PurePosixPath
    digest: str
    release: str
    signer: str | None = None
    smoke: Mapping[str, Any] = field(default_factory=dict)
    passed: bool = False
    service: "ServiceState | None" = None
    changed: bool = False
    current: str | None = None
    previous: str | None = None
    removed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def exit_code(self) -> int:
        """0: the release is current and passes; 1: its smoke test found a difference, or its service does not run."""
        return 0 if self.is_good else 1

    @property
    def is_good(self) -> bool:
        """Whether the release passes, and its service runs if that was asked for."""
        return self.passed and (self.service is None or self.service.running)

    def take(self, found: "SmokeResult") -> bool:
        """Take over what the smoke test found; tell whether it passed. Raises DeployError if it could not run."""
        if found.exit_code == 2:
            raise DeployError(f"The smoke test cannot run: {found.error}")
        self.smoke, self.sentences = found.to_dict(), found.sentences
        self.passed = found.exit_code == 0
        return self.passed

    def say_different(self) -> None:
        """Say what stays as it is because the smoke test found a difference."""
        stays = f"release {self.current} stays current" if self.current else "nothing is current"
        self.sentences.insert(0, f"Release {self.release} fails its smoke test, so {stays} in {self.path}.")

    def finished(self, left: Iterable[Exception], begin: float) -> Self:
        """Return it with why something could not be removed, and the time since `begin`."""
        self.warnings += map(str, left)
        self.seconds = time.monotonic() - begin
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types; docs/deploy.md says what each key is."""
        return {
            "schema": SCHEMA,
            "action": self.action,
            "exit_code": self.exit_code,
            "sentences": self.sentences,
            "computer": self.computer,
            "path": str(self.path),
            "digest": self.digest,
            "release": self.release,
            "signer": self.signer,
            "changed": self.changed,
            "current": self.current,
            "previous": self.previous,
            "removed": self.removed,
            "warnings": self.warnings,
            "service": None if self.service is None else self.service.to_dict(),
            "smoke": dict(self.smoke),
            "seconds": round(self.seconds, 3),
        }
