"""Runs the golden inputs of this bundle in LiteRT or ONNX Runtime and compares the outputs; see README.md.

    python3 smoke.py [--threads N] [--repeat N]

Needs Python 3.9, numpy and the engine. Prints one JSON document:

    {"engine": "litert", "version": "2.3.0", "python": "3.13.5", "threads": 1, "open_us": 5210.0,
     "peak_memory_bytes": 41000000, "result": "equal",
     "goldens": [{"kind": "sample", "us": [812.1, 640.7],
                  "outputs": [{"name": "scores", "status": "equal", "equal": true, "sha256": "...", "values": 10,
                               "different": 0, "first": null, "expected": null, "got": null, "largest": 0.0,
                               "tolerance": 1.0}]}]}

`status` and `result` are "equal" (bit for bit), "within tolerance" or "different"; `first` is the place of the first
value that differs, `largest` the largest difference, null if one is not finite. The first golden runs --repeat times.
Exit code 0: equal or within tolerance; 1: different; 2: it could not run, then {"error": "a sentence"}.
"""

# ruff: noqa: B905 (zip() has no `strict` in Python 3.9)

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
import time
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DISTRIBUTIONS = {"litert": "ai-edge-litert", "onnxruntime": "onnxruntime"}


class LiteRt:
    """A model in LiteRT; inputs and outputs are in its own order."""

    def __init__(self, model: Path, threads: int) -> None:
        interpreter = import_module("ai_edge_litert.interpreter").Interpreter
        self._interpreter = interpreter(model_path=str(model), num_threads=threads)
        self._interpreter.allocate_tensors()

    def run(self, named: dict[str, Any], names: list[str]) -> tuple[list[Any], float]:
        """Return the outputs and the microseconds of one inference from the initial state."""
        # The bundle's names may be those of a signature, which the interpreter does not use: count them.
        given, inputs = self._interpreter.get_input_details(), list(named.values())
        outputs = self._interpreter.get_output_details()
        if (len(given), len(outputs)) != (len(inputs), len(names)):
            raise ValueError(f"it has {len(given)} inputs and {len(outputs)} outputs, and the goldens other numbers")
        if any(tuple(detail["shape"]) != value.shape for detail, value in zip(given, inputs)):
            for detail, value in zip(given, inputs):
                self._interpreter.resize_tensor_input(detail["index"], value.shape)
            self._interpreter.allocate_tensors()
        self._interpreter.reset_all_variables()
        for detail, value in zip(given, inputs):
            self._interpreter.set_tensor(detail["index"], value)
        begin = time.perf_counter()
        self._interpreter.invoke()
        microseconds = (time.perf_counter() - begin) * 1e6
        return [self._output(detail["index"]) for detail in self._interpreter.get_output_details()], microseconds

    def _output(self, index: int) -> Any:
        try:
            return self._interpreter.get_tensor(index)
        except ValueError:  # LiteRT has no memory to copy from if the data made the output empty
            detail = next(d for d in self._interpreter.get_output_details() if d["index"] == index)
            return import_module("numpy").zeros(detail["shape"], detail["dtype"])


class OnnxRuntime:
    """A model in ONNX Runtime."""

    def __init__(self, model: Path, threads: int) -> None:
        self._session = self._open(model, threads, bf16=False)
        if self._session.get_modelmeta().custom_metadata_map.get("edgequant.weights") == "bfloat16":
            self._session = self._open(model, threads, bf16=True)

    @staticmethod
    def _open(model: Path, threads: int, *, bf16: bool) -> Any:
        onnxruntime = import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4
        if bf16:  # as edgequant's own sessions do: weights stored as bf16 lose nothing by it
            options.add_session_config_entry("mlas.enable_gemm_fastmath_arm64_bfloat16", "1")
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def run(self, named: dict[str, Any], names: list[str]) -> tuple[list[Any], float]:
        """Return the outputs of these names and the microseconds of one inference."""
        begin = time.perf_counter()
        outputs = self._session.run(names, named)
        return list(outputs), (time.perf_counter() - begin) * 1e6


ENGINES: dict[str, Any] = {"litert": LiteRt, "onnxruntime": OnnxRuntime}


def compare(numpy: Any, tensor: dict[str, Any], expected: Any, got: Any, tolerance: float) -> dict[str, Any]:
    """Hold an output against the golden: integers may be off by `tolerance`, floats by that share of the largest.

    Equal are equal bits; a difference that is not finite is never near.
    """
    found: dict[str, Any] = {
        "name": tensor["name"], "sha256": hashlib.sha256(numpy.ascontiguousarray(got).tobytes()).hexdigest(),
        "values": int(expected.size), "different": 0, "first": None, "expected": None, "got": None, "largest": 0.0,
        "tolerance": tolerance, "status": "equal", "equal": True,
    }  # fmt: skip
    if (got.shape, got.dtype) != (expected.shape, expected.dtype):
        return {**found, "equal": False, "status": "different", "different": found["values"], "largest": None}
    if found["sha256"] == tensor["data_sha256"]:
        return found
    found["equal"] = False
    bits = [numpy.asarray(array, order="C").view(f"u{array.dtype.itemsize}") for array in (expected, got)]
    places = numpy.argwhere(bits[0] != bits[1])
    if len(places) == 0:  # the manifest's digest is of other values than its golden
        return {**found, "status": "different", "largest": None}
    first = tuple(int(place) for place in places[0])
    largest, allowed = _distance(numpy, expected, got, tolerance)
    is_near = tolerance > 0 and largest <= allowed < float("inf")  # False for NaN
    return {
        **found, "status": "within tolerance" if is_near else "different", "different": len(places),
        "first": list(first), "expected": _value(expected[first]), "got": _value(got[first]),
        "largest": float(largest) if largest < float("inf") else None,
    }  # fmt: skip


def _distance(numpy: Any, expected: Any, got: Any, tolerance: float) -> tuple[float, float]:
    """Return the largest difference and what is allowed; integers are exact, of 64 bits too."""
    expected, got = expected.ravel(), got.ravel()
    if expected.dtype.kind in "iub":
        higher, lower = (pick(expected, got).astype("uint64") for pick in (numpy.maximum, numpy.minimum))
        return int((higher - lower).max()), tolerance
    before, after = expected.astype("float64"), got.astype("float64")
    with numpy.errstate(over="ignore", invalid="ignore"):
        return float(numpy.abs(before - after).max()), tolerance * float(numpy.abs(before).max())


def _value(number: Any) -> float | None:
    return float(number) if abs(float(number)) < float("inf") else None


def run_goldens(manifest: dict[str, Any], threads: int, repeat: int) -> dict[str, Any]:
    """Return the document that is printed; raises ImportError, or whatever the engine raises."""
    numpy, name = import_module("numpy"), manifest["model"]["engine"]
    begin = time.perf_counter()
    engine = ENGINES[name](HERE / manifest["model"]["path"], threads)
    open_us = (time.perf_counter() - begin) * 1e6
    tolerances = {output["name"]: output["tolerance"] for output in manifest["outputs"]}
    goldens: list[dict[str, Any]] = []
    for golden in manifest["goldens"]:
        inputs, expected = (
            {tensor["name"]: numpy.load(HERE / tensor["path"], allow_pickle=False) for tensor in golden[role]}
            for role in ("inputs", "outputs")
        )
        runs = [engine.run(inputs, list(expected)) for _ in range(1 if goldens else repeat)]
        outputs = [
            compare(numpy, tensor, expected[tensor["name"]], got, tolerances[tensor["name"]])
            for tensor, got in zip(golden["outputs"], runs[-1][0])
        ]
        goldens.append({"kind": golden["kind"], "us": [us for _, us in runs], "outputs": outputs})
    found = {output["status"] for golden in goldens for output in golden["outputs"]}
    return {
        "engine": name, "version": metadata.version(DISTRIBUTIONS[name]), "python": platform.python_version(),
        "threads": threads, "open_us": open_us, "peak_memory_bytes": peak_memory(),
        "result": next(status for status in ("different", "within tolerance", "equal") if status in found),
        "goldens": goldens,
    }  # fmt: skip


def peak_memory() -> int | None:
    """Return the largest resident set of this process so far, None where /proc does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


def main() -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Run this bundle's goldens and compare the outputs.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1, help="inferences of the first golden, for its latency")
    given = parser.parse_args()
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    try:
        document = run_goldens(manifest, max(given.threads, 1), max(given.repeat, 1))
    except ImportError as error:
        install = f"{sys.executable} -m pip install --require-hashes --only-binary :all: -r wheels.txt"
        document = {"error": f"{error}: install the packages with '{install}'."}
    except Exception as error:  # those of ONNX Runtime have no common base
        reason = " ".join(str(error).split()) or type(error).__name__
        document = {"error": f"{manifest['model']['engine']} cannot run the model: {reason}."}
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 2 if "error" in document else int(document["result"] == "different")


if __name__ == "__main__":
    sys.exit(main())
