"""What became of boards, by what the modules said of each: states, JSON, JUnit XML and the page."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from edgequant.fleet import FleetRun, write_html, write_json, write_junit

NEW, OLD = "e8be01b51c6b02df", "abb240b08721e0a6"
DEPLOYED = {
    "state": "deployed", "changed": True, "current": NEW, "previous": OLD, "release": NEW, "bundle": "kws.tar.gz",
    "device": {"title": "Raspberry Pi Zero", "architecture": "armv6l"}, "latency_us": 4200.0,
}  # fmt: skip
BACK = {"state": "rolled_back", "changed": True, "current": OLD, "previous": None}
ILL = {"failed": True, "msg": "Ill."}
Said = list[tuple[str, dict[str, Any]]]


def run_of(said: dict[str, Said], *, check: bool = False) -> FleetRun:
    run = FleetRun("rollout", check=check, started=datetime(2026, 11, 29, tzinfo=UTC))
    for board, results in said.items():
        run.expect([board])
        for action, result in results:
            run.take(board, action, result, 1.5)
    return run


@pytest.mark.parametrize(
    ("said", "state", "release", "sentence"),
    [
        ([], "untouched", None, ""),
        ([("release", DEPLOYED)], "current", NEW, ""),
        ([("device_facts", {}), ("smoke", {"verdict": "equal"})], "passed", None, ""),
        ([("smoke", {"failed": True, "msg": "Differs."})], "failed", None, "Differs."),
        ([("release", DEPLOYED), ("smoke", {"verdict": "equal"})], "current", NEW, ""),
        ([("release", DEPLOYED), ("release", BACK)], "rolled back", OLD, "Went back because other boards failed"),
        (
            [("release", DEPLOYED), ("smoke", ILL), ("release", BACK)],
            "failed", OLD, "Ill. It went back.",
        ),
        (
            [("release", DEPLOYED), ("smoke", ILL), ("release", {"failed": True, "msg": "Lost."})],
            "failed", NEW, "Ill. Lost.",
        ),
        ([("release", {"failed": True})], "failed", None, "It failed without a word."),
        ([("release", {"state": "absent", "changed": True, "current": None})], "absent", None, ""),
        ([("release", {"state": "rolled_back", "changed": False, "current": OLD})], "passed", OLD, ""),
    ],
)  # fmt: skip
def test_the_state_of_a_board(said: Said, state: str, release: str | None, sentence: str) -> None:
    (board,) = run_of({"a": said}).in_order
    assert (board.state, board.release) == (state, release)
    assert board.sentence.startswith(sentence) and bool(board.sentence) == bool(sentence)


def test_check_mode_says_what_would_change() -> None:
    unchanged = {**DEPLOYED, "changed": False}
    run = run_of({"a": [("release", DEPLOYED)], "b": [("release", unchanged)]}, check=True)
    assert run.counts == {"would change": 1, "current": 1}
    assert run.is_good


@pytest.fixture
def mixed() -> FleetRun:
    lost = {"failed": True, "msg": "ssh: <b>\x1b did not answer."}
    return run_of({"a": [("release", DEPLOYED)], "<b>": [("release", lost)], "c": [], "d": [("release", lost)]})


def test_json(mixed: FleetRun, tmp_path: Path) -> None:
    write_json(tmp_path / "fleet.json", mixed)
    found = json.loads((tmp_path / "fleet.json").read_text())
    assert (found["good"], found["counts"]) == (False, {"failed": 2, "untouched": 1, "current": 1})
    assert found["headline"] == "4 boards: 2 failed, 1 untouched, 1 current."
    assert [board["board"] for board in found["boards"]] == ["<b>", "d", "c", "a"]
    assert found["started"] == "2026-11-29T00:00:00Z"


def test_junit(mixed: FleetRun, tmp_path: Path) -> None:
    write_junit(tmp_path / "fleet.xml", mixed)
    suite = ElementTree.parse(tmp_path / "fleet.xml").getroot()[0]
    assert [suite.get(key) for key in ("tests", "failures", "skipped")] == ["4", "2", "1"]
    failure = suite[0].find("failure")
    assert failure is not None and "did not answer" in str(failure.text)


def test_the_page(
    mixed: FleetRun, tmp_path: Path, open_in_chromium: Callable[[Path, int], tuple[list[str], list[str]]]
) -> None:
    page = tmp_path / "fleet.html"
    write_html(page, mixed)
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;" in text and "<b>" not in text
    assert "ssh: the board" in text  # two boards with their own names in one sentence
    for width in (400, 1100):
        console, requests = open_in_chromium(page, width)
        assert (console, [url for url in requests if not url.startswith(("file:", "data:"))]) == ([], [])
