"""A layer of any framework in four number formats, run natively, and the page of the docs that lists them."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_converters import ConverterError, convert, sqnr_db
from edgequant_converters.ir import read_ir
from edgequant_converters.tflite import read_model
from edgequant_runtime import SessionError
from edgequant_runtime.isolation import EngineProcess, engine_process
from numpy.typing import NDArray

FORMATS = ("fp32", "fp16", "dynamic", "int8")
LEAST_DB = {"fp32": 60.0, "fp16": 40.0}
"""Of a file against the framework. dynamic and int8 are as good as their weights; they are run, and int8's is shown."""
SAMPLES, COMPARED = 16, 4

Arrays = Sequence[NDArray[Any]]


@dataclass
class Network:
    """A layer as a network of its own: what `convert` takes, and what the framework makes of inputs."""

    source: Any
    options: dict[str, Any]
    samples: list[Arrays]
    run: Callable[[Arrays], list[NDArray[Any]]]


@dataclass
class Outcome:
    """A layer, the SQNR of its float and its int8 file in dB, its operators, and by format why there is no file."""

    layer: str
    fp32_db: float = float("nan")
    int8_db: float = float("nan")
    operators: int = 0
    reasons: dict[str, str] = field(default_factory=dict)


def main(description: str, cases: Sequence[tuple[str, str]], build: Callable[[str, str], Network], page: Path) -> int:
    """Convert the cases that the command line asks for; `build` makes a network of a case's two texts."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="PATTERN", help="layers written so, * stands for anything")
    parser.add_argument("--json", action="store_true", help="print a list with what became of each layer")
    parser.add_argument("--write-docs", action="store_true", help=f"write the table in docs/{page.name}")
    asked = parser.parse_args()
    chosen = [case for case in cases if not asked.only or any(fnmatch(case[0], wanted) for wanted in asked.only)]
    outcomes = []
    with engine_process(), EngineProcess() as engines, tempfile.TemporaryDirectory() as folder:
        for number, (text, sizes) in enumerate(chosen, 1):
            print(f"{number} of {len(chosen)}: {text}", file=sys.stderr, flush=True)
            outcomes.append(outcome(text, sizes, build, Path(folder), engines))
            if not asked.json:
                print(line(outcomes[-1]), flush=True)
    if asked.json:
        print(json.dumps([asdict(o) for o in outcomes], indent=1))
    if asked.write_docs:
        before, begin, rest = page.read_text().partition(BEGIN)
        page.write_text(f"{before}{begin}{table(outcomes)}{END}{rest.partition(END)[2]}")
    return 0


def outcome(
    text: str, sizes: str, build: Callable[[str, str], Network], folder: Path, engines: EngineProcess
) -> Outcome:
    """Convert a layer to every format; of those behind the first the float file is the source, as in one conversion."""
    result, hub = Outcome(text), folder / "fp32.tflite"
    try:
        network = build(text, sizes)
    except Exception as error:
        result.reasons["fp32"] = f"the framework: {type(error).__name__}: {error}"
        return result
    for scheme in FORMATS:
        path = folder / f"{scheme}.tflite"
        try:
            if scheme == "fp32":
                convert(network.source, path, **network.options)
            else:
                data = calibration(hub, network, engines) if scheme == "int8" else None
                convert(hub, path, quantize=scheme, calibration=data)
            decibels = compared(path, network, engines)
        except (ConverterError, SessionError) as error:
            result.reasons[scheme] = f"{error}"
        except Exception as error:
            result.reasons[scheme] = f"traceback: {type(error).__name__}: {error}"
        else:
            note(result, scheme, decibels, path)
        if scheme == "fp32" and scheme in result.reasons:
            break
    return result


def note(result: Outcome, scheme: str, decibels: float, path: Path) -> None:
    """Enter a file that runs."""
    if decibels < LEAST_DB.get(scheme, -np.inf):
        result.reasons[scheme] = f"wrong: {decibels:.1f} dB"
    if scheme == "int8":
        result.int8_db = decibels
    if scheme == "fp32":
        result.fp32_db = decibels
        result.operators = len(read_ir(read_model(path)).main.operators)


def calibration(hub: Path, network: Network, engines: EngineProcess) -> list[dict[str, Any]]:
    """Return the samples by the hub's names."""
    names = [entry.name for entry in engines.open(hub, engine="native").inputs]
    return [dict(zip(names, sample, strict=True)) for sample in network.samples]


def compared(path: Path, network: Network, engines: EngineProcess) -> float:
    """Return the worst output's SQNR against the framework, natively."""
    session = engines.open(path, engine="native")
    wanted, found = [], []
    for sample in network.samples[:COMPARED]:
        wanted.append(network.run(sample))
        outputs = session.run({i.name: x for i, x in zip(session.inputs, sample, strict=True)}, anew=True)
        found.append([np.asarray(x) for x in outputs.values()])
    worst = float("inf")
    for expected, computed in zip(zip(*wanted, strict=True), zip(*found, strict=True), strict=True):
        if [x.shape for x in expected] != [x.shape for x in computed]:
            raise ValueError(f"an output of {computed[0].shape} and not {expected[0].shape}")
        worst = min(worst, sqnr_db(np.stack(expected), np.stack(computed)))
    return worst


def line(o: Outcome) -> str:
    """Return what is printed of a layer."""
    reasons = "".join(f"\n    {scheme}: {reason}" for scheme, reason in o.reasons.items())
    return f"{o.layer:70} {o.fp32_db:6.1f} {o.int8_db:6.1f} {o.operators:4}{reasons}"


BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of a docs page."""
    whole = sum(not o.reasons for o in outcomes)
    lines = [
        f"{len(outcomes)} layers: {whole} convert to {', '.join(FORMATS)}, and the native engine runs every file.\n",
        "\n| layer | operators | what does not convert |\n|---|---:|---|\n",
    ]
    for o in outcomes:
        reasons = "; ".join(f"{scheme}: {reason}" for scheme, reason in o.reasons.items())
        count = o.operators or ""
        lines.append(f"| `{o.layer}` | {count} | {reasons.replace('|', '/')} |\n")
    return "".join(lines)
