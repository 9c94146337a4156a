from __future__ import annotations

from dataclasses import replace

import pytest

from edgequant_device_checks import for_board, from_text, wheel_for_engine, wheels_for


def installs(device) -> dict[str, bool | None]:
    return {status.package: status.installs for status in wheels_for(device)}


@pytest.mark.parametrize(
    ("board", "os", "expected"),
    [
        # edgequant-runtime, ai-edge-litert, onnxruntime, tflite-runtime, numpy
        ("pi5", "trixie", (True, True, True, False, True)),
        ("pi5", "bookworm", (True, True, True, True, True)),
        ("pi4-32", "bookworm", (True, False, False, True, True)),
        ("pi4-32", "trixie", (True, False, False, False, True)),
        ("pi-zero", "trixie", (True, False, False, False, True)),
        ("pi4", "bullseye", (True, True, True, True, True)),
        ("pi4-32", "bullseye", (True, False, False, True, True)),
        ("pi-zero", "bullseye", (True, False, False, False, True)),
    ],
)
def test_raspberry_pi_os(board: str, os: str, expected: tuple[bool, ...]) -> None:
    assert tuple(installs(for_board(board, os=os)).values()) == expected


@pytest.mark.parametrize(
    ("python", "version"), [("3.13", "2.5.5"), ("3.11", "2.4.6"), ("3.10", "2.2.6"), ("3.9", "2.0.2")]
)
def test_last_numpy_of_each_python(python: str, version: str) -> None:
    device = replace(for_board("pi5"), python=python)
    numpy = next(status for status in wheels_for(device) if status.package == "numpy")
    assert (numpy.version, numpy.installs) == (version, True)


def test_python_3_10_has_an_older_onnxruntime() -> None:
    device = replace(for_board("pi5"), python="3.10.12", libc_version="2.35")
    assert installs(device) == {
        "edgequant-runtime": True, "ai-edge-litert": True, "onnxruntime": True, "tflite-runtime": True, "numpy": True,
    }  # fmt: skip
    assert wheel_for_engine("onnxruntime", device).version == "1.23.2"


def test_glibc_too_old() -> None:
    device = replace(for_board("pi5", os="bookworm"), libc_version="2.27")
    assert installs(device)["ai-edge-litert"] is True
    assert installs(device)["onnxruntime"] is False


def test_bullseye_has_the_last_releases_for_python_3_9() -> None:
    versions = {status.package: status.version for status in wheels_for(for_board("pi4", os="bullseye"))}
    assert (versions["ai-edge-litert"], versions["onnxruntime"], versions["numpy"]) == ("2.1.0", "1.19.2", "2.0.2")
    assert wheel_for_engine("litert", for_board("pi4-32", os="bullseye")).version == "2.13.0"


@pytest.mark.parametrize("board", ["pi4-32", "pi-zero"])
def test_numpy_of_32_bit_systems_comes_from_the_system_or_piwheels(board: str) -> None:
    def numpy(os: str | None):
        return next(one for one in wheels_for(replace(for_board(board), os=os)) if one.package == "numpy")

    for raspberry in ("Raspberry Pi OS (trixie, 32-bit)", "Raspbian GNU/Linux 12 (bookworm)"):
        assert numpy(raspberry).installs is True
        assert "apt install python3-numpy" in numpy(raspberry).reason and "piwheels" in numpy(raspberry).reason
    assert numpy("Debian GNU/Linux 12 (bookworm)").installs is True
    assert "piwheels" not in numpy("Debian GNU/Linux 12 (bookworm)").reason
    assert numpy(None).installs is None


def test_what_only_one_of_two_readings_has_may_install() -> None:
    device = from_text("Architecture: aarch64\nFlags: fp asimd cpuid\n")
    litert = wheel_for_engine("litert", device)
    assert litert.installs is None
    assert "64-bit programs: needs Python 3.10" in litert.reason
    assert "32-bit programs: no wheel for armv7l" in litert.reason


def test_nothing_is_known_of_a_dump() -> None:
    device = from_text("Architecture: aarch64\nFlags: fp asimd cpuid\n")
    assert set(installs(device).values()) == {None}


def test_engines_are_named() -> None:
    engines = {status.package: status.engine for status in wheels_for(for_board("pi5"))}
    assert engines == {
        "edgequant-runtime": "native",
        "ai-edge-litert": "litert",
        "onnxruntime": "onnxruntime",
        "tflite-runtime": "litert",
        "numpy": None,
    }
    assert "python3-numpy" in next(s.reason for s in wheels_for(for_board("pi-zero")) if s.package == "numpy")


def test_the_native_engine_needs_python_3_9_and_no_certain_c_library() -> None:
    status = wheel_for_engine("native", replace(for_board("pi-zero"), libc="musl", libc_version="1.2", python="3.20"))
    assert (status.package, status.installs) == ("edgequant-runtime", True)
    assert status.reason.startswith("needs Python 3.9 or newer, and a wheel from 'edgequant wheel' (glibc 2.17 or")
    assert wheel_for_engine("native", replace(for_board("pi-zero"), python="3.8.10")).installs is False
    assert wheel_for_engine("native", replace(for_board("pi-zero"), python=None)).installs is None


@pytest.mark.parametrize(
    ("board", "os", "package", "does_install"),
    [
        ("pi5", "bookworm", "ai-edge-litert", True),  # both packages install: the newer one is taken
        ("pi4-32", "bookworm", "tflite-runtime", True),
        ("pi4-32", "trixie", "ai-edge-litert", False),
        ("rock5b", "trixie", "ai-edge-litert", None),
    ],
)
def test_package_that_brings_litert(board: str, os: str, package: str, does_install: bool | None) -> None:
    status = wheel_for_engine("litert", for_board(board, os=os))
    assert (status.package, status.engine, status.installs) == (package, "litert", does_install)
