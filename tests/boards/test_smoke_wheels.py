"""Bundles with wheels in place of a runner: their own smoke.py, in a Python there."""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from edgequant_device_checks import Device, for_board

from edgequant._bundle import Bundle, open_bundle, write_bundle
from edgequant._smoke import SmokeResult, smoke
from edgequant._targets import find_target
from edgequant._transports import LocalTransport

from ._smoke_bundles import SCORES, Made, digest, make_bundle, with_manifest

pytestmark = pytest.mark.slow

EQUAL = {
    "name": "scores", "status": "equal", "equal": True, "sha256": digest(SCORES), "values": 4, "different": 0,
    "first": None, "expected": None, "got": None, "largest": 0.0, "tolerance": 1.0,
}  # fmt: skip
NEAR = EQUAL | {
    "status": "within tolerance", "equal": False, "sha256": "ab" * 32, "different": 2, "first": [0, 1], "expected": 3.0,
    "got": 4.0, "largest": 1.0,
}  # fmt: skip
FAR = NEAR | {"status": "different", "got": None, "largest": None}


def answer(*outputs: dict[str, Any]) -> dict[str, Any]:
    goldens = [{"kind": "random", "us": [9.0, 7.0, 8.0], "outputs": [output]} for output in outputs]
    return {
        "engine": "litert", "version": "2.3.0", "python": "3.13.5", "threads": 1, "open_us": 100.0,
        "peak_memory_bytes": 4096, "result": worst(outputs), "goldens": goldens,
    }  # fmt: skip


def worst(outputs: Sequence[Mapping[str, Any]]) -> str:
    statuses = [str(output["status"]) for output in outputs]
    return next((status for status in ("different", "within tolerance") if status in statuses), "equal")


def wheel_bundle(folder: Path, script: str, goldens: int = 1, tolerance: float = 1.0) -> Bundle:
    made = [Made({"scores": SCORES})] * goldens
    bundle = make_bundle(folder, made, target="rpi4", family="aarch64", tolerance=tolerance)
    (bundle.folder / "edgequant-run").unlink()
    (bundle.folder / "smoke.py").write_text(script)
    model = replace(bundle.manifest.model, engine="litert")
    return with_manifest(bundle, runner=None, model=model)


def says(folder: Path, *outputs: dict[str, Any]) -> Bundle:
    return prints(folder, answer(*outputs), int(worst(outputs) == "different"))


def prints(folder: Path, document: dict[str, Any], status: int, tolerance: float = 1.0) -> Bundle:
    script = f"print({json.dumps(json.dumps(document))}); raise SystemExit({status})"
    return wheel_bundle(folder, script, len(document["goldens"]), tolerance)


class Cores(LocalTransport):
    """A computer with four cores."""

    def device(self) -> Device:
        return for_board("pi4")


def run(bundle: Bundle, python: str = sys.executable, **options: Any) -> SmokeResult:
    with LocalTransport() as transport:
        result = smoke(bundle, transport, python=python, **options)
    json.dumps(result.to_dict(), allow_nan=False)
    return result


def test_equal(tmp_path: Path) -> None:
    result = run(says(tmp_path / "made", EQUAL, EQUAL), threads=2)
    assert (result.exit_code, result.error) == (0, None)
    assert result.headline == "All 2 goldens agree on this machine, bit for bit, with 2 threads."
    assert result.probe == {"engine": "litert", "version": "2.3.0", "python": "3.13.5"}
    (latency,) = result.latencies
    assert (latency.threads, latency.runs, latency.median_us, latency.min_us) == (2, 3, 8.0, 7.0)
    assert result.memory == {"peak_of_process": 4096}


def test_tolerance_and_difference(tmp_path: Path) -> None:
    result = run(says(tmp_path / "near", EQUAL, NEAR), threads=1)
    assert (result.exit_code, [golden.status for golden in result.goldens]) == (0, ["equal", "within tolerance"])
    assert "1 bit for bit, 1 within tolerance" in result.headline
    result = run(says(tmp_path / "far", FAR), threads=1)
    assert result.exit_code == 1
    assert (
        "2 of 4 values differ, first at [0, 1]: 3 expected, nan got; the largest difference is inf"
        in result.sentences[1]
    )
    other_type = FAR | {"first": None, "different": 4}
    assert "not of one type and shape" in run(says(tmp_path / "type", other_type), threads=1).sentences[1]
    same_bytes = other_type | {"sha256": digest(SCORES)}
    assert "not of one type and shape" in run(says(tmp_path / "bytes", same_bytes), threads=1).sentences[1]


@pytest.mark.parametrize(
    ("output", "changes", "status", "tolerance", "said"),
    [
        (EQUAL, {}, 3, 1.0, "smoke.py ended with exit code 3 on this machine, which does not go with its answer"),
        (EQUAL, {}, 1, 1.0, "smoke.py ended with exit code 1 on this machine, which does not go with its answer"),
        (FAR, {}, 0, 1.0, "smoke.py ended with exit code 0 on this machine, which does not go with its answer"),
        (EQUAL, {"result": "different"}, 1, 1.0, "the result 'different', which is not that of its goldens"),
        (FAR, {"result": "equal"}, 0, 1.0, "the result 'equal', which is not that of its goldens"),
        (EQUAL | {"sha256": "ab" * 32}, {}, 0, 1.0, "an output 'scores' said to be 'equal', which it cannot be"),
        (EQUAL | {"status": "within tolerance"}, {}, 0, 1.0, "said to be 'within tolerance', which it cannot be"),
        (EQUAL | {"status": "fine"}, {}, 0, 1.0, "said to be 'fine', which it cannot be"),
        (EQUAL | {"status": []}, {}, 0, 1.0, "TypeError"),
        (NEAR, {}, 0, 0.0, "said to be 'within tolerance', which it cannot be"),
        (EQUAL | {"name": "OTHER"}, {}, 0, 1.0, "an output 'OTHER' in place of 'scores'"),
        (EQUAL, {"open_us": "1"}, 0, 1.0, "'1' is no whole number"),
        (FAR | {"different": 10**400}, {}, 1, 1.0, "smoke.py failed on this machine"),
    ],
)
def test_an_answer_that_cannot_be_true_is_no_success(
    tmp_path: Path, output: dict[str, Any], changes: dict[str, Any], status: int, tolerance: float, said: str
) -> None:
    result = run(prints(tmp_path / "made", answer(output) | changes, status, tolerance), threads=1)
    assert (result.exit_code, result.goldens) == (2, [])
    assert result.error is not None and said in result.error


@pytest.mark.parametrize("outputs", [[], [EQUAL, EQUAL]])
def test_another_number_of_outputs_is_no_success(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    document = answer(EQUAL)
    document["goldens"][0]["outputs"] = outputs
    result = run(prints(tmp_path / "made", document, 0), threads=1)
    assert result.exit_code == 2
    assert result.error is not None and "answer is not the one of this version" in result.error


def test_a_golden_that_ran_with_one_thread_alone_counts_as_not_run(tmp_path: Path) -> None:
    script = "import sys\nif sys.argv[2] != '1': sys.exit('out of luck')\nprint({!r})\nraise SystemExit({})"
    for output, status, verdict in ((EQUAL, 0, "could not run"), (FAR, 1, "different")):
        bundle = wheel_bundle(tmp_path / verdict, script.format(json.dumps(answer(output)), status))
        with Cores() as transport:
            result = smoke(bundle, transport, python=sys.executable)
        assert result.verdict == verdict
        assert result.error is not None and "out of luck" in result.error
        assert len(result.goldens) == status


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('print(\'{"error": "No module named ai_edge_litert: install them."}\'); raise SystemExit(2)',
         "lacks the bundle's wheels (No module named ai_edge_litert): unpack the bundle there, run 'python3 -m venv "
         "~/edgequant-venv && ~/edgequant-venv/bin/python -m pip install --require-hashes --only-binary :all: -r "
         "bundle/wheels.txt', and add --python edgequant-venv/bin/python here."),
        ('print(\'{"error": "litert cannot open the model: no."}\'); raise SystemExit(2)',
         "On this machine: litert cannot open the model: no."),
        ("raise SyntaxError('old Python')", "smoke.py failed on this machine: SyntaxError: old Python."),
        ("print('{}')", "smoke.py's answer is not the one of this version"),
        (f"print({json.dumps(json.dumps(answer()))})", "smoke.py's answer is not the one of this version"),
        ("import os; os.kill(os.getpid(), 9)", "was killed on this machine, probably because memory ran out"),
        ("import os; os.kill(os.getpid(), 4)", "died of an illegal instruction on this machine"),
    ],
)  # fmt: skip
def test_what_fails_there_is_a_sentence(tmp_path: Path, script: str, said: str) -> None:
    result = run(wheel_bundle(tmp_path / "made", script))
    assert result.exit_code == 2
    assert result.error is not None and said in result.error


@pytest.mark.parametrize("python", ["no-such-python", "/no/such/python", "venv/bin/python"])
def test_a_python_that_is_not_there(tmp_path: Path, python: str) -> None:
    result = run(says(tmp_path / "made", EQUAL), python)
    assert result.exit_code == 2
    assert result.error is not None and "There is no " in result.error and "--python" in result.error


@pytest.mark.parametrize("python", ["venv/bin/python", "~/venv/bin/python"])
def test_a_path_starts_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    assert run(says(tmp_path / "made", EQUAL), python).exit_code == 0


def test_it_is_not_emulated(tmp_path: Path) -> None:
    class Emulated(LocalTransport):
        is_emulated = True

    with Emulated() as transport:
        result = smoke(says(tmp_path / "made", EQUAL), transport)
    assert result.exit_code == 2
    assert result.error is not None and "test it on the board with --host" in result.error


@pytest.mark.parametrize(("model", "engine"), [("float.tflite", "litert"), ("float.onnx", "onnxruntime")])
def test_real_engines(models: Path, tmp_path: Path, model: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    write_bundle(models / model, find_target("rpi4"), tmp_path / "bundle.tar.gz", goldens=1, engine=engine)
    with open_bundle(tmp_path / "bundle.tar.gz") as bundle:
        result = run(bundle, threads=1)
    assert result.exit_code == 0, result.sentences
    assert [check.name for check in result.checks if not check.ok] == ["architecture"]
    assert not list(temporary.iterdir())
