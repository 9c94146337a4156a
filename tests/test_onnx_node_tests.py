"""ONNX's own tests of its operators: what converts gives the expected values, and the page says what does."""

import json
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "onnx_node_tests"
LEAST = 960

pytestmark = pytest.mark.slow


def outcomes(*arguments: str) -> list[dict[str, str]]:
    command = [sys.executable, str(SCRIPT), "--json", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout)


def failures(found: list[dict[str, str]]) -> list[dict[str, str]]:
    return [outcome for outcome in found if outcome["result"] not in ("passes", "refused")]


def test_what_converts_is_right_and_the_page_says_what_does() -> None:
    found = outcomes()
    assert failures(found) == []
    assert Counter(outcome["result"] for outcome in found)["passes"] >= LEAST
    script = runpy.run_path(str(SCRIPT))
    table = script["page"]([script["Outcome"](**outcome) for outcome in found])
    assert table in (ROOT / "docs" / "onnx-operators.md").read_text(), "run scripts/onnx_node_tests --write-docs"


def test_every_refusal_names_the_operator() -> None:
    refused = [outcome for kind in ((), ("--types",)) for outcome in outcomes(*kind) if outcome["result"] == "refused"]
    assert [outcome for outcome in refused if outcome["operator"] not in outcome["reason"]] == []


@pytest.mark.parametrize("kind", ["--expanded", "--types"])
def test_functions_written_out_and_all_other_types_are_right(kind: str) -> None:
    assert failures(outcomes(kind)) == []


def test_litert_runs_all_that_the_native_engine_runs() -> None:
    assert failures(outcomes("--engine", "litert")) == []
