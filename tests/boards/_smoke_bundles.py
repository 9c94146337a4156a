"""Bundles whose runner is a shell script that says what a test wants it to say."""

import hashlib
import json
import shlex
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant._bundle import Bundle, Golden, Manifest, ModelEntry, Output, RunnerEntry, TensorFile

Array = NDArray[Any]

PROBE = {"version": "0.1.0", "cpu": {"features": [], "kernels": ["scalar"]}, "memory_available_bytes": 2**30}

# It knows the golden by the folder of its input, and answers from files.
_RUNNER = """#!/bin/sh
answers='{answers}'
{first}
[ "$1" = --probe ] && exec cat "$answers/probe.json"
{then}
written=0
while [ $# -gt 0 ]; do
    case $1 in
    --threads) threads=$2 ;;
    --input) golden=$(basename "$(dirname "$2")") ;;
    --output) cp "$answers/$golden-$written.npy" "$2" || exit 1; written=$((written + 1)) ;;
    esac
    shift
done
{last}
exec cat "$answers/$golden.json"
"""


_FORGETFUL = """#!/bin/sh
[ "$1" = --probe ] && exec {program} --probe
for word; do
    shift
    if [ "$word" = --input ]; then skip=yes; elif [ -n "$skip" ]; then skip=; else set -- "$@" "$word"; fi
done
exec {program} "$@"
"""


def forgetful(program: Path) -> str:
    """Return a script that runs a program without the inputs it is given: on others, which are the same at each run."""
    return _FORGETFUL.format(program=shlex.quote(str(program)))


@dataclass(frozen=True)
class Made:
    """Golden outputs, and those that the script gives."""

    expected: Mapping[str, Array]
    got: Mapping[str, Array] | None = None

    @property
    def given(self) -> Mapping[str, Array]:
        return self.expected if self.got is None else self.got


SCORES = np.array([[3, -7, 120, 0]], np.int8)


def make_bundle(
    folder: Path,
    goldens: Sequence[Made] = (Made({"scores": SCORES}),),
    *,
    target: str = "x86-64",
    family: str = "x86_64",
    assumed: tuple[str, ...] = (),
    tolerance: float = 0.0,
    memory_bytes: int = 2**20,
    probe: Mapping[str, Any] = PROBE,
    first: str = "",
    then: str = "",
    last: str = "",
) -> Bundle:
    """Write a bundle's files; `first`, `then` and `last` are lines of shell: at the start, before and after a run."""
    inside, answers = folder / "bundle", folder / "answers"
    for made in (inside, answers):
        made.mkdir(parents=True)
    (inside / "model.tflite").write_bytes(b"a model")
    runner = inside / "edgequant-run"
    runner.write_text(_RUNNER.format(answers=answers, first=first, then=then, last=last))
    runner.chmod(0o755)
    (answers / "probe.json").write_text(json.dumps(probe))
    written = tuple(_write(inside, answers, number, made) for number, made in enumerate(goldens))
    model = ModelEntry("model.tflite", "int8", "native", (), 1, memory_bytes)
    names = dict.fromkeys(name for made in goldens for name in made.expected)
    manifest = Manifest(
        edgequant="0.1.0", target=target, os=None, model=model,
        runner=RunnerEntry("edgequant-run", "0.1.0", family, assumed), wheels=(),
        outputs=tuple(Output(name, tolerance) for name in names), goldens=written, files=(), source_sha256=None,
        conversion=None,
    )  # fmt: skip
    return Bundle(inside, manifest, "5" * 64)


def with_manifest(bundle: Bundle, **changes: Any) -> Bundle:
    return replace(bundle, manifest=replace(bundle.manifest, **changes))


def dies_of(number: signal.Signals) -> str:
    """Return the line of shell after which the script has died of a signal."""
    return f"kill -{number.name.removeprefix('SIG')} $$"


def digest(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def answer(outputs: Mapping[str, Array]) -> dict[str, Any]:
    """Return what edgequant-run prints as JSON."""
    return {
        "kernels": "scalar",
        "outputs": [
            {"name": name, "type": str(array.dtype), "shape": array.shape, "sha256": digest(array)}
            for name, array in outputs.items()
        ],
        "memory_bytes": {"tensors": 100, "peak_of_process": 4096},
        "runs": 3, "median_us": 12.5, "min_us": 11.0, "open_us": 40.0,
    }  # fmt: skip


def _write(inside: Path, answers: Path, number: int, made: Made) -> Golden:
    here = inside / "goldens" / str(number)
    here.mkdir(parents=True)
    (here / "input-0.npy").write_bytes(b"an input")
    outputs = []
    for index, (name, array) in enumerate(made.expected.items()):
        np.save(here / f"output-{index}.npy", array)
        path = f"goldens/{number}/output-{index}.npy"
        outputs.append(TensorFile(name, path, str(array.dtype), array.shape, digest(array)))
    for index, array in enumerate(made.given.values()):
        np.save(answers / f"{number}-{index}.npy", array)
    (answers / f"{number}.json").write_text(json.dumps(answer(made.given)))
    given = TensorFile("input", f"goldens/{number}/input-0.npy", "int8", (1,), "0" * 64)
    return Golden("random", (given,), tuple(outputs))
