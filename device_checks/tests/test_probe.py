from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import edgequant_device_checks
from edgequant_device_checks import DeviceCheckError, _probe, from_text, probe

POINTER_BITS = struct.calcsize("P") * 8


def test_this_machine() -> None:
    device = probe()
    assert device.word_size == POINTER_BITS
    assert device.sources["word_size"] == "this process"
    assert device.python == platform.python_version()
    assert device.features
    assert device.kernel == platform.release()
    assert device.cpu_count == os.cpu_count()


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux's /proc")
def test_without_lscpu_the_processor_comes_from_cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complete = probe()
    for name in ("sh", "cat", "uname", "head", "tr", "getconf", "python3"):
        program = shutil.which(name)
        if program:
            (tmp_path / name).symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("lscpu") is None
    device = probe()
    assert device.sources["clusters"] == "/proc/cpuinfo"
    assert (device.features, device.architecture) == (complete.features, complete.architecture)
    assert device.cpu_count == complete.cpu_count


def test_without_a_shell_the_architecture_comes_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    device = probe()
    assert device.kernel_architecture == platform.machine()
    assert device.word_size == POINTER_BITS


class FakeLibc:
    """A C library whose getauxval answers as a given kernel's would."""

    def __init__(self, words: dict[int, int]) -> None:
        def getauxval(key: int) -> int:
            return words.get(key, 0)

        self.getauxval = getauxval


def as_arm_kernel(monkeypatch: pytest.MonkeyPatch, machine: str, libc: object) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)


def test_hwcap_is_the_ground_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under QEMU /proc/cpuinfo is the host's: what getauxval says outvotes it."""
    host = "@@edgequant uname@@\nLinux\n6.1.0\naarch64\n@@edgequant cpuinfo@@\nprocessor : 0\nflags : fpu sse2 lm\n"
    as_arm_kernel(monkeypatch, "aarch64", FakeLibc({16: 1 << 0 | 1 << 1 | 1 << 20, 26: 1 << 13 | 1 << 14}))
    monkeypatch.setattr(_probe, "_run_collector", lambda: host)
    monkeypatch.setattr(struct, "calcsize", lambda form: 8)
    device = probe()
    assert device.features == ("asimd", "asimddp", "bf16", "fp", "i8mm")
    assert device.sources["features"] == "getauxval"
    assert device.architecture == "aarch64"
    assert device.clusters == ()


def test_hwcap_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    as_arm_kernel(monkeypatch, "armv7l", FakeLibc({16: 1 << 1 | 1 << 12 | 1 << 13}))
    monkeypatch.setattr(_probe, "_run_collector", lambda: "")
    monkeypatch.setattr(struct, "calcsize", lambda form: 4)
    device = probe()
    assert device.features == ("half", "neon", "vfpv3")
    assert (device.architecture, device.word_size) == ("armv7l", 32)


def test_a_c_library_without_getauxval(monkeypatch: pytest.MonkeyPatch) -> None:
    as_arm_kernel(monkeypatch, "aarch64", object())
    assert _probe._read_hwcap() is None


def test_x86_is_not_asked_for_arm_words(monkeypatch: pytest.MonkeyPatch) -> None:
    as_arm_kernel(monkeypatch, "x86_64", FakeLibc({16: 0xFFFFFFFF}))
    assert _probe._read_hwcap() is None


def test_collector_output_can_be_saved_and_read() -> None:
    done = subprocess.run(
        ["sh", "-s"], input=_probe.collector_script(), capture_output=True, text=True, check=True, timeout=60
    )
    device = from_text(done.stdout)
    assert device.features == probe().features
    assert device.word_size in (32, 64)


def test_sections_that_tell_nothing() -> None:
    with pytest.raises(DeviceCheckError, match="architecture"):
        from_text("@@edgequant python@@\nPython 3.11.2\n@@edgequant end@@\n")


def test_module_prints_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgequant_device_checks"], capture_output=True, text=True, check=True, timeout=60
    )
    document = json.loads(done.stdout)
    assert document["device"]["word_size"] == POINTER_BITS
    assert document["recommendation"]["format"]
    assert {wheel["package"] for wheel in document["wheels"]} >= {"numpy"}


def test_imports_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, importlib, pkgutil\n"
        "before = set(sys.modules)\n"
        "import edgequant_device_checks as package\n"
        "names = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name != '__main__']\n"
        "[importlib.import_module(f'edgequant_device_checks.{name}') for name in names]\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - set(sys.stdlib_module_names)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["edgequant_device_checks"]


def test_every_public_name_is_there() -> None:
    for name in edgequant_device_checks.__all__:
        assert getattr(edgequant_device_checks, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        edgequant_device_checks.nothing  # noqa: B018
