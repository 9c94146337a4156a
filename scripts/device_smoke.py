"""What must hold in an environment that has the two device distributions and numpy, and nothing else."""

import importlib.metadata
import json
import subprocess
import sys

ALLOWED = {"edgequant-device-checks", "edgequant-runtime", "numpy", "pip", "setuptools"}
HEAVY = ("torch", "tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert", "jax")


def main() -> None:
    """Check what is installed, what importing loads, and that the device can be probed."""
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

    try:
        edgequant_runtime.Session(b"\0\0\0\0TFL3" + bytes(64))
    except edgequant_runtime.SessionError as error:
        assert "ai-edge-litert" in str(error), error
    else:
        raise AssertionError("a Session opened without any engine installed")
    print(f"device install: {', '.join(sorted(installed))}; probed {device['model'] or device['architecture']}")


main()
