from __future__ import annotations

import sys

import pytest

from edgequant_runtime import EngineError, Session
from edgequant_runtime._engines._wheels import Machine, how_to_install, this_machine

PI_5 = Machine("Linux", "aarch64", (3, 11), (2, 36))


@pytest.mark.parametrize(
    ("engine", "machine", "sentence"),
    [
        ("litert", PI_5, "install it in a virtual environment with: pip install ai-edge-litert"),
        ("onnxruntime", PI_5, "install it in a virtual environment with: pip install onnxruntime"),
        (
            "litert",
            Machine("Linux", "armv7l", (3, 11), (2, 36)),
            "install it in a virtual environment with: pip install tflite-runtime",
        ),
        (
            "litert",
            Machine("Linux", "aarch64", (3, 9), (2, 36)),
            "install it in a virtual environment with: pip install ai-edge-litert",
        ),
        (
            "onnxruntime",
            Machine("Linux", "armv7l", (3, 11), (2, 36)),
            "there is no wheel of it for this machine: "
            "onnxruntime 1.31.1 has wheels for aarch64 and x86_64, not for armv7l",
        ),
        (
            "litert",
            Machine("Linux", "armv6l", (3, 11), (2, 36)),
            "there is no wheel of it for this machine: "
            "ai-edge-litert 2.3.0 has wheels for aarch64 and x86_64, not for armv6l; "
            "tflite-runtime 2.14.0 has wheels for aarch64, armv7l and x86_64, not for armv6l",
        ),
        (
            "litert",
            Machine("Linux", "x86_64", (3, 8), (2, 17)),  # its wheel for x86_64 needs less than that for ARM
            "install it in a virtual environment with: pip install tflite-runtime",
        ),
        (
            "onnxruntime",
            Machine("Linux", "aarch64", (3, 9), (2, 31)),  # Debian 11
            "install it in a virtual environment with: pip install onnxruntime",
        ),
        (
            "onnxruntime",
            Machine("Linux", "aarch64", (3, 8), (2, 31)),
            "there is no wheel of it for this machine: onnxruntime 1.31.1 is for Python 3.11 to 3.14, and this is 3.8",
        ),
        (
            "onnxruntime",
            Machine("Linux", "aarch64", (3, 9), (2, 26)),
            "there is no wheel of it for this machine: onnxruntime 1.19.2 needs glibc 2.27, and this system has 2.26",
        ),
        (
            "onnxruntime",
            Machine("Linux", "aarch64", (3, 12), (2, 27)),
            "there is no wheel of it for this machine: onnxruntime 1.31.1 needs glibc 2.28, and this system has 2.27",
        ),
        (
            "onnxruntime",
            Machine("Linux", "x86_64", (3, 12), None),
            "there is no wheel of it for this machine: "
            "onnxruntime 1.31.1 needs glibc, and this system has another C library",
        ),
        (
            "onnxruntime",
            Machine("Darwin", "arm64", (3, 12), None),
            "install it in a virtual environment with: pip install onnxruntime",
        ),
    ],
)
def test_advice(engine, machine, sentence):
    assert how_to_install(engine, machine) == sentence


def test_a_32_bit_userland_on_a_64_bit_kernel_takes_32_bit_wheels(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert this_machine().architecture == "armv7l"
    assert this_machine().glibc == (2, 36)


@pytest.mark.parametrize(
    ("model", "engine", "modules"),
    [
        ("float.tflite", "litert", ["ai_edge_litert", "tflite_runtime"]),
        ("float.onnx", "onnxruntime", ["onnxruntime"]),
    ],
)
def test_a_missing_engine_is_named(models, monkeypatch, model, engine, modules):
    for name in [name for name in sys.modules if name.partition(".")[0] in modules]:
        monkeypatch.delitem(sys.modules, name)
    hidden = _Hidden(modules)
    monkeypatch.setattr(sys, "meta_path", [hidden, *sys.meta_path])
    with pytest.raises(EngineError, match=rf"^The engine '{engine}' is not installed: (install it|there is no wheel)"):
        Session(models / model, engine=engine)


class _Hidden:
    """Hides modules as if they were not installed."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])


def test_a_broken_engine_is_told_from_a_missing_one(models, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('libcuda.so: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match=r"is installed but broken: libcuda\.so: no such file"):
        Session(models / "float.onnx")
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
