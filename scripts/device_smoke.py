"""What must hold in an environment that has the two device distributions and numpy, and nothing else.

Its argument is the int8 model of the runtime's tests.
"""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

ALLOWED = {"edgequant-device-checks", "edgequant-runtime", "numpy", "pip", "setuptools"}
HEAVY = ("torch", "tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert", "jax")
# Of x86-64, with kernels for AVX-512; a wheel for AArch64 holds 0.7 million.
INSTALLED_BYTES = 1_100_000
# Of the outputs for every int8 value, four at a time.
GOLDEN = "c6bf538d4a39997df52d99c825c7a01edc1f21f0aa5e167ab913037095b90e37"


def main(model: str) -> None:
    """Check what is installed and what importing loads, probe the device, and run int8."""
    names = (distribution.metadata["Name"] for distribution in importlib.metadata.distributions())
    installed = {name.lower().replace("_", "-") for name in names}
    assert installed <= ALLOWED, f"more than numpy was installed: {sorted(installed - ALLOWED)}"

    import edgequant_device_checks  # noqa: F401 (what it loads is the question)
    import edgequant_runtime

    loaded = [name for name in HEAVY if name in sys.modules]
    assert not loaded, f"importing the device packages loaded {loaded}"

    command = [sys.executable, "-I", "-m", "edgequant_device_checks"]
    probe = subprocess.run(command, capture_output=True, text=True, check=True)
    device = json.loads(probe.stdout)["device"]
    assert device["word_size"] in (32, 64), device

    digest = run_int8(edgequant_runtime, model)
    assert digest == GOLDEN, f"the outputs of {model} have the SHA-256 {digest}, not {GOLDEN}"
    size = installed_bytes("edgequant-runtime")
    assert size <= INSTALLED_BYTES, f"edgequant-runtime takes {size:,} bytes"
    print(
        f"device install: {', '.join(sorted(installed))}; probed {device['model'] or device['architecture']}; "
        f"int8 natively, outputs as expected; edgequant-runtime takes {size:,} bytes"
    )


def run_int8(runtime, model: str) -> str:
    """Return the SHA-256 of the outputs for every int8 value."""
    import numpy as np

    session = runtime.Session(model)
    assert session.engine == "native", session.fallback_reason
    integers = np.arange(-128, 128).astype(np.int8).reshape(64, 4)
    (output,) = session.run(integers, raw=True).values()
    return hashlib.sha256(output.tobytes()).hexdigest()


def installed_bytes(distribution: str) -> int:
    """Return what the files of a distribution take, without the bytecode that Python makes of them."""
    files = importlib.metadata.files(distribution) or []
    return sum(Path(file.locate()).stat().st_size for file in files if file.suffix != ".pyc")


main(sys.argv[1])
