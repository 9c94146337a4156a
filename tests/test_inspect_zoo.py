"""What `inspect` says an engine runs, that engine opens, for every file of a collection of public models."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgequant._inspect import inspect

# Opens each (model, engine) of its arguments and prints a line for each; an engine may end the process.
WORKER = """
import json, sys
from edgequant_runtime import Session, SessionError
for model, engine in json.loads(sys.argv[1]):
    try:
        Session(model, engine=engine, threads=1)
        said = ""
    except SessionError as error:
        said = str(error)
    print(json.dumps(said), flush=True)
"""


def open_all(pairs: list[tuple[str, str]]) -> list[str]:
    """Return "" for each model that its engine opens, else what it says; a process that ends counts for one model."""
    said: list[str] = []
    while len(said) < len(pairs):
        command = [sys.executable, "-c", WORKER, json.dumps(pairs[len(said) :])]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        said += [json.loads(line) for line in done.stdout.splitlines()]
        if len(said) < len(pairs):
            said.append(f"ended the process with {done.returncode}")
    return said


def test_verdicts_are_what_the_engines_do(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = sorted(path for path in (shared / "zoo").iterdir() if path.suffix in (".tflite", ".onnx"))
    verdicts = {(str(path), one.engine): one.obstacle for path in models for one in inspect(path).engines}
    opened = dict(zip(verdicts, open_all(list(verdicts)), strict=True))
    wrong = {
        key: (obstacle, said)
        for (key, obstacle), said in zip(verdicts.items(), opened.values(), strict=True)
        # Sizes that are free must be given before some models can be planned: then they run.
        if (obstacle is None) != (not said) and "input_shapes" not in said
    }
    nowhere = [path.name for path in models if all(verdicts[key] for key in verdicts if key[0] == str(path))]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(verdicts)} verdicts on {len(models)} models, {len(wrong)} wrong; {len(nowhere)} run nowhere\n"
        )
    assert not wrong, wrong
    assert nowhere  # some are made for other programs
