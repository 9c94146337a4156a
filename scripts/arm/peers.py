"""ncnn and MNN: their aarch64 wheels in the emulated root, and their converters here, from an .onnx of float32."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx

from .debian import PYTHON, run
from .emulated_root import PLATFORMS

RUNTIMES = {"ncnn": "ncnn==1.0.20261020", "mnn": "mnn==3.6.1"}
CONVERTERS = {"ncnn": "pnnx==20261020", "mnn": "mnn==3.6.1"}
QUANTIZED = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}


def install(folder: Path, peer: str) -> Path:
    """Put the peer's packages for aarch64 in folder/peers; return where Python finds them."""
    packages = folder / "peers" / RUNTIMES[peer]
    if not packages.exists():
        cpython = ["--implementation", "cp", "--python-version", PYTHON.removeprefix("python")]
        platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
        _unpack(RUNTIMES[peer], packages, [*cpython, *platforms])
    return packages


def convert(folder: Path, peer: str, model: Path) -> Path | None:
    """Convert an .onnx model in folder/peers; None if it is none of float32, or the peer's converter refuses it."""
    kinds = {node.op_type for node in onnx.load(model, load_external_data=False).graph.node}
    if kinds & QUANTIZED:
        return None
    tools = folder / "peers" / f"{CONVERTERS[peer]}-converter"
    if not tools.exists():
        _unpack(CONVERTERS[peer], tools, [])
    output = folder / "peers" / f"{model.stem}-{model.stat().st_mtime_ns}.{peer}"
    return _with_pnnx(tools, model, output) if peer == "ncnn" else _with_mnn(tools, model, output)


def _unpack(wheel: str, folder: Path, options: list[str]) -> None:
    downloads = folder.parent / "wheels" / folder.name
    run(
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "-d",
        downloads,
        *options,
        wheel,
    )
    for path in downloads.glob("*.whl"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)


def _with_pnnx(tools: Path, model: Path, output: Path) -> Path | None:
    """Run pnnx on a copy, beside which it writes more than what is named; both files have the returned path's name."""
    program = tools / "pnnx/pnnx"
    program.chmod(0o755)
    copy = output.with_suffix(".source.onnx")
    shutil.copyfile(model, copy)
    parts = [f"ncnnparam={output}.param", f"ncnnbin={output}.bin", f"pnnxparam={output}.pnnx.param"]
    parts += [
        f"pnnxbin={output}.pnnx.bin",
        f"pnnxpy={output}.py",
        f"pnnxonnx={output}.onnx",
        f"ncnnpy={output}.ncnn.py",
    ]
    subprocess.run([program, copy, *parts, "fp16=0"], capture_output=True, check=False)
    return output if Path(f"{output}.param").exists() else None


def _with_mnn(tools: Path, model: Path, output: Path) -> Path | None:
    """Call the compiled converter: MNN's program around it writes to a log service in the network."""
    code = "import sys, _tools; _tools.mnnconvert(['mnnconvert', *sys.argv[1:]])"
    words = ["-f", "ONNX", "--modelFile", model, "--MNNModel", output, "--bizCode", "edgequant"]
    subprocess.run([sys.executable, "-c", code, *words], cwd=tools, capture_output=True, check=False)
    return output if output.exists() else None
