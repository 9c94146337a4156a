"""Convert a model to several formats, and print each one's name and digest: runs here and on the emulated board."""

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_converters import convert
from edgequant_runtime.isolation import current_process, engine_process


def samples(hub: Path) -> list[dict[str, Any]]:
    """Return noise for the inputs of the float model."""
    random = np.random.default_rng(0)
    inputs = current_process().open(hub, engine="native").inputs
    return [{i.name: random.normal(size=i.shape).astype(i.dtype) for i in inputs} for _ in range(12)]


def main(model: Path) -> None:
    """Write float32 first: the others are made of it, as they are in one conversion."""
    with tempfile.TemporaryDirectory() as folder, engine_process():
        hub = Path(folder, "fp32.tflite")
        for scheme in ("fp32", "dynamic", "int8"):
            path = Path(folder, f"{scheme}.tflite")
            data = samples(hub) if scheme == "int8" else None
            convert(model if scheme == "fp32" else hub, path, quantize=scheme, calibration=data)
            print(scheme, hashlib.sha256(path.read_bytes()).hexdigest()[:16], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
