import io
import json
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parent.parent / "device_checks" / "tests" / "fixtures"


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_this_machine_as_json(cli) -> None:
    result = cli("check", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["device"]["word_size"] in (32, 64)
    assert document["device"]["features"]
    assert "model" in document["device"]
    assert {"format", "engine", "reasons", "why_not"} <= set(document["recommendation"])
    assert result.stderr == ""


def test_file_as_json(cli) -> None:
    document = json.loads(cli("check", "--from", FIXTURES / "pi5.cpuinfo", "--json").stdout)
    assert "asimddp" in document["device"]["features"]
    assert document["device"]["capabilities"]["bf16"] is False
    assert document["recommendation"]["format"] == "int8"
    assert document["recommendation"]["engine"] == "native"
    assert document["recommendation"]["reasons"][0].startswith("The dot product")


def test_standard_input(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = FIXTURES / "two-clusters-nested.json"
    give(monkeypatch, path.read_bytes())
    piped = cli("check", "--from", "-", "--json").stdout
    assert json.loads(piped) == json.loads(cli("check", "--from", path, "--json").stdout)


def test_text_output(cli) -> None:
    out = cli("check", "--board", "pi4").stdout
    for part in ("Raspberry Pi 4 Model B", "4 x Cortex-A72", "Take int8 with native", "Why not another format", "bf16"):
        assert part in out
    assert "MobileNetV1" in out
    assert "onnxruntime 1.31.1" in out
    assert "\x1b" not in out


def test_brackets_of_a_processor_name_are_no_markup(cli, tmp_path: Path) -> None:
    dump = tmp_path / "lscpu"
    dump.write_text("Architecture: x86_64\nModel name: [bold]odd[/bold]\nFlags: fpu sse2 lm\n")
    assert "[bold]odd[/bold]" in cli("check", "--from", dump).stdout


def test_no_engine_is_null(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, b"Architecture: riscv64\nCPU(s): 4\nModel name: -\n")
    document = json.loads(cli("check", "--from", "-", "--json").stdout)
    assert (document["recommendation"]["engine"], document["recommendation"]["format"]) == (None, "fp32")
    give(monkeypatch, b"Architecture: riscv64\nCPU(s): 4\nModel name: -\n")
    assert "Take fp32; no engine installs" in cli("check", "--from", "-").stdout


def test_release_of_the_system(cli) -> None:
    document = json.loads(cli("check", "--board", "pi4-32", "--os", "bookworm", "--json").stdout)
    assert {wheel["package"]: wheel["installs"] for wheel in document["wheels"]}["tflite-runtime"] is True
    assert document["recommendation"]["engine"] == "native"
    assert "Take int8 with native" in cli("check", "--board", "pi4-32", "--os", "bookworm").stdout


def test_flags_alone_make_a_headline(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, b"Architecture: x86_64\nFlags: fpu sse2 lm avx2\n")
    out = cli("check", "--from", "-").stdout
    assert out.splitlines()[0].strip() == "x86-64 processor"
    assert "unknown core" not in out


def test_measured_latencies_outvote_the_rule(cli, tmp_path: Path) -> None:
    bench = tmp_path / "bench.json"
    results = [
        {"format": "int8", "engine": "litert", "threads": 1, "median_us": 20.0},
        {"format": "fp32", "engine": "onnxruntime", "threads": 1, "median_us": 10.0},
    ]
    bench.write_text(json.dumps({"results": results}))
    document = json.loads(cli("check", "--board", "pi4", "--measured", bench, "--json").stdout)
    assert document["recommendation"]["format"] == "fp32"
    assert document["recommendation"]["engine"] == "onnxruntime"
    assert document["recommendation"]["measured"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "absent.txt"), "error: absent.txt cannot be read: No such file or directory."),
        (("--from", FIXTURES.parent / "hostile" / "empty.lscpu"), "It is empty"),
        (("--from", FIXTURES.parent / "hostile" / "binary.lscpu"), "It is not text"),
        (("--from", FIXTURES.parent / "hostile" / "readme.lscpu"), "neither lscpu output nor /proc/cpuinfo"),
        (("--board", "pi44"), "did you mean pi4?"),
        (("--board", "pi4", "--host", "pi@pi"), "only one of --from, --board and --host"),
        (("--os", "trixie"), "--os goes with --board"),
        (("--board", "pi4", "--os", "buster"), "trixie, bookworm, bullseye"),
        (("--host", "-oProxyCommand=x"), "is not a host to connect to"),
        (("--board", "pi4", "--measured", "absent.json"), "absent.json cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(cli, arguments: tuple[object, ...], message: str) -> None:
    result = cli("check", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_bad_standard_input(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, b"")
    result = cli("check", "--from", "-")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: standard input: It is empty")
