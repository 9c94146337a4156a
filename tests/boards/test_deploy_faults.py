"""The transport fails at each of its operations in turn; after each, what is current is whole and passes."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from edgequant._deploy import DeployError, Deployment, deploy, rollback
from edgequant._transports import LocalTransport, Transport
from edgequant._transports._faulty import FaultyTransport

from ._deployments import RememberingBoard, TestBundle, current_release, expected_tree, tree

pytestmark = pytest.mark.slow

Bundles = list[TestBundle]


@dataclass(frozen=True)
class Scenario:
    """Bundles by their number: deployed before, one damaged then, `action`, what is current then, what is there then.

    Without the last one, bundle 2 is deployed after whatever came of `action`, and replaces all but what was current.
    """

    before: tuple[int, ...]
    action: Callable[[Bundles, Transport, PurePosixPath], Deployment]
    current_after: int
    releases_after: tuple[int, ...] = ()
    damaged: int | None = None


def deploying(number: int, **options: Any) -> Callable[[Bundles, Transport, PurePosixPath], Deployment]:
    return lambda bundles, transport, site: deploy(bundles[number].opened, transport, site, keep=2, **options)


def rolling_back(bundles: Bundles, transport: Transport, site: PurePosixPath) -> Deployment:
    return rollback(transport, site)


SCENARIOS = {
    "first": Scenario((), deploying(0), 0, (0,)),
    "second": Scenario((0,), deploying(1), 1, (0, 1)),
    "third, and the first has to go": Scenario((0, 1), deploying(2), 2, (1, 2)),
    "same again": Scenario((0, 1), deploying(1), 1, (0, 1)),
    "older one again": Scenario((0, 1), deploying(0), 0, (0, 1)),
    "damaged older one again": Scenario((0, 1), deploying(0), 0, (0, 1), damaged=0),
    "rollback": Scenario((0, 1), rolling_back, 0),
}


class Hiccup(FaultyTransport):
    """Fails at one operation, and works again afterwards, as a disk does that was full for a moment."""

    def _do(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super()._do(*arguments, **options)
        finally:
            self._lost = False


@pytest.fixture(scope="module")
def board() -> Iterator[LocalTransport]:
    """One for all, which asks for its device once."""
    with RememberingBoard() as transport:
        yield transport


class Stage:
    """The scenario's folder as it was before, again and again."""

    def __init__(self, scenario: Scenario, board: LocalTransport, bundles: Bundles, folder: Path) -> None:
        self.scenario, self.board, self.bundles = scenario, board, bundles
        self.site, self._before = folder / "kws", folder / "before"
        for number in scenario.before:
            deploy(bundles[number].opened, board, PurePosixPath(self._before))
        if scenario.damaged is not None:
            (self._before / "releases" / bundles[scenario.damaged].id / "model.tflite").write_bytes(b"")

    @property
    def old(self) -> str | None:
        return self.bundles[self.scenario.before[-1]].id if self.scenario.before else None

    @property
    def new(self) -> str:
        return self.bundles[self.scenario.current_after].id

    def set(self) -> None:
        shutil.rmtree(self.site, ignore_errors=True)
        if self._before.exists():
            shutil.copytree(self._before, self.site, symlinks=True)

    def act(self, transport: Transport) -> Deployment:
        return self.scenario.action(self.bundles, transport, PurePosixPath(self.site))

    def finish(self, where: str) -> None:
        """Check what is current; deploy once more, with --break-lock: all must be as if nothing had failed."""
        before, after = current_release(self.site), self.scenario.releases_after
        assert before in (self.old, self.new), where
        bundle = self.bundles[self.scenario.current_after if after else 2]
        assert deploy(bundle.opened, self.board, PurePosixPath(self.site), keep=2, force_lock=True).exit_code == 0
        assert current_release(self.site) == bundle.id, where
        expected = [self.bundles[number].id for number in after] if after else [before, bundle.id]
        assert tree(self.site) == expected_tree(*expected), where

    def check_sentence(self, sentence: str) -> None:
        """What an error says is current, is; what it says is left, and nothing else, is there."""
        for name in re.findall(r"Release (\w+) is (?:still )?current", sentence):
            assert (self.site / "current").readlink().name == name
        left = tree(self.site) - expected_tree() if self.site.exists() else set()
        for name in left:
            if "incoming" in name or name == "lock":
                assert f"{self.site}/{name}" in sentence, (name, sentence)


def moments(operation: str) -> tuple[Any, ...]:
    return ("before", "halfway", "after") if operation.startswith(("put ", "remove_tree ")) else ("before", "after")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, FaultyTransport) for name in SCENARIOS),
        *((name, Hiccup) for name in ("third, and the first has to go", "damaged older one again", "rollback")),
    ],
)
def test_whatever_fails_what_is_current_is_whole(
    board: LocalTransport, quick_bundles: Bundles, tmp_path: Path, name: str, kind: type[FaultyTransport]
) -> None:
    stage = Stage(SCENARIOS[name], board, quick_bundles, tmp_path)
    stage.set()
    counted = FaultyTransport(stage.board)
    stage.act(counted)
    assert current_release(stage.site) == stage.new
    cases = [
        (number, moment) for number, operation in enumerate(counted.operations, 1) for moment in moments(operation)
    ]
    for number, moment in cases:
        stage.set()
        faulty = kind(stage.board, fails_at=number, moment=moment)
        where = f"{moment} {number}: {counted.operations[number - 1]}"
        try:
            done = stage.act(faulty)
            assert kind is Hiccup, where
            assert done.warnings or moment == "after", where
        except DeployError as error:
            stage.check_sentence(str(error))
        assert len(faulty.operations) >= number, where
        stage.finish(where)
