"""What became of the boards of a run, by what each task said of each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from edgequant import __version__

SCHEMA = 1
State = Literal["failed", "rolled back", "untouched", "would change", "current", "passed", "absent"]
STATES: tuple[State, ...] = ("failed", "rolled back", "untouched", "would change", "current", "passed", "absent")
"""The worst first."""
BAD = STATES[:3]


@dataclass(slots=True)
class BoardState:
    """A board by its name in the inventory.

    `state`: `current` has the release and passes its smoke test; `passed` its smoke test alone was asked for; `failed`
    and `rolled back` have a sentence; `untouched` boards were not reached before the run stopped; `would change` is
    said in check mode. `verdict` is that of a smoke test alone. `release` is what is current there as far as is known,
    `wanted` what should be. `latency_us` is the least median of one inference, `seconds` all tasks together.
    """

    board: str
    state: State = "untouched"
    release: str | None = None
    previous: str | None = None
    wanted: str | None = None
    bundle: str | None = None
    signer: str | None = None
    device: str | None = None
    architecture: str | None = None
    latency_us: float | None = None
    changed: bool = False
    verdict: str | None = None
    sentence: str = ""
    seconds: float = 0

    @property
    def is_bad(self) -> bool:
        """Whether the board is not as it should be."""
        return self.state in BAD

    def take(self, action: str, result: Mapping[str, Any], seconds: float, *, check: bool = False) -> None:
        """Take over what a module (`release`, `smoke` ...) said."""
        self.seconds += seconds
        self.changed |= bool(result.get("changed"))
        device = result.get("device") or {}
        self.device, self.architecture = device.get("title", self.device), device.get("architecture", self.architecture)
        self.bundle = result.get("bundle", self.bundle)
        self.verdict = result.get("verdict", self.verdict)
        self.latency_us = result.get("latency_us") or self.latency_us
        if action == "release":
            self.release, self.previous = result.get("current", self.release), result.get("previous", self.previous)
            self.signer = result.get("signer") or self.signer
        if result.get("failed"):
            self._fail(str(result.get("msg") or "It failed without a word."))
        elif action == "release":
            self._take_release(str(result.get("state")), result, check=check)
        elif self.state == "untouched":
            self.state = "passed"

    def _fail(self, sentence: str) -> None:
        self.sentence = f"{self.sentence} {sentence}".strip()
        self.state = "failed"

    def _take_release(self, wanted: str, result: Mapping[str, Any], *, check: bool) -> None:
        if check and result.get("changed"):
            self.state, self.sentence = "would change", str(result.get("msg", ""))
        elif wanted == "deployed":
            self.state, self.wanted = "current", result.get("release")
        elif wanted == "absent":
            self.state = "absent"
        elif result.get("changed") and self.state == "failed":
            self.sentence += " It went back."
        elif result.get("changed"):
            self.state = "rolled back"
            self.sentence = "Went back because other boards failed, or because that was asked for."
        elif self.state == "untouched":  # there was nothing to roll back
            self.state = "passed"


@dataclass(slots=True)
class FleetRun:
    """A run of a playbook over boards; `started` is its time in UTC."""

    title: str
    check: bool = False
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0
    boards: dict[str, BoardState] = field(default_factory=dict)

    def expect(self, boards: Iterable[str]) -> None:
        """Note boards that the run is for: those that no task reaches are untouched."""
        for name in boards:
            self.boards.setdefault(name, BoardState(name))

    def take(self, board: str, action: str, result: Mapping[str, Any], seconds: float) -> None:
        """Note what a module said of a board."""
        self.expect([board])
        self.boards[board].take(action, result, seconds, check=self.check)

    @property
    def counts(self) -> dict[State, int]:
        """How many boards are in each state, the worst first."""
        found = Counter(board.state for board in self.boards.values())
        return {state: found[state] for state in STATES if found[state]}

    @property
    def in_order(self) -> list[BoardState]:
        """The boards, the worst first, then by name."""
        return sorted(self.boards.values(), key=lambda board: (STATES.index(board.state), board.board))

    @property
    def is_good(self) -> bool:
        """Whether every board is as it should be."""
        return not any(board.is_bad for board in self.boards.values())

    @property
    def headline(self) -> str:
        """The verdict as a sentence."""
        told = ", ".join(f"{count} {state}" for state, count in self.counts.items())
        return f"{len(self.boards)} board{'s' * (len(self.boards) != 1)}: {told or 'none'}."

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types; docs/fleet.md says what each key is."""
        return {
            "schema": SCHEMA,
            "edgequant": __version__,
            "title": self.title,
            "check": self.check,
            "good": self.is_good,
            "headline": self.headline,
            "started": f"{self.started:%Y-%m-%dT%H:%M:%SZ}",
            "seconds": round(self.seconds, 1),
            "counts": dict(self.counts),
            "boards": [asdict(board) | {"seconds": round(board.seconds, 1)} for board in self.in_order],
        }
