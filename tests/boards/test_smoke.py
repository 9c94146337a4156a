import json
import math
import signal
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
import pytest
from edgequant_device_checks import Device, for_board

from edgequant._smoke import SmokeResult, smoke
from edgequant._transports import Finished, LocalTransport

from ._smoke_bundles import SCORES, Made, dies_of, make_bundle, with_manifest

pytestmark = pytest.mark.slow

ZEROS = np.zeros((1, 4), np.float32)
OTHER = np.array([[3, -6, 120, -9]], np.int8)


class Board(LocalTransport):
    """This machine, said to be another."""

    def __init__(self, name: str, *, title: str = "a board", is_emulated: bool = False) -> None:
        super().__init__()
        self._device = for_board(name)
        self._title = title
        self.is_emulated = is_emulated  # type: ignore[misc]

    @property
    def title(self) -> str:
        return self._title


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all temporary folders are made; nothing is left in it after a test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def run(bundle: Any, transport: LocalTransport | None = None, **options: Any) -> SmokeResult:
    with transport or LocalTransport() as reached:
        result = smoke(bundle, reached, **options)
    assert not list(Path(tempfile.gettempdir()).iterdir()), "something was left there"
    json.dumps(result.to_dict(), allow_nan=False)
    return result


# ---- equal and different ----


def test_equal_goldens_are_exit_code_0(tmp_path: Path) -> None:
    goldens = [Made({"scores": SCORES, "boxes": SCORES.astype(np.float32)})] * 3
    result = run(make_bundle(tmp_path / "made", goldens), Board("pi4"))
    assert (result.exit_code, result.verdict, result.error) == (0, "equal", None)
    assert [golden.number for golden in result.goldens] == [0, 1, 2]
    assert [run.threads for run in result.goldens[0].runs] == [1, 4], "with one thread, and with one for each core"
    assert result.sentences[0] == "All 3 goldens agree on a board, bit for bit, with 1 and 4 threads."
    assert [latency.threads for latency in result.latencies] == [1, 4]
    assert result.memory == {"tensors": 100, "peak_of_process": 4096}


def test_a_number_of_threads_is_the_only_one(tmp_path: Path) -> None:
    result = run(make_bundle(tmp_path / "made"), Board("pi4"), threads=3)
    assert [run.threads for run in result.goldens[0].runs] == [3]
    assert result.headline == "The golden agrees on a board, bit for bit, with 3 threads."


def test_the_first_golden_is_timed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    bundle = make_bundle(tmp_path / "made", [Made({"scores": SCORES})] * 2, then=f"echo \"$*\" >> '{log}'")
    run(bundle, Board("pi-zero"), repeat=7)
    timed, other = log.read_text().splitlines()
    assert "--repeat 7 --seconds 15 " in timed
    assert "--repeat 1 " in other and "--seconds" not in other


@pytest.mark.parametrize(("is_emulated", "repeat"), [(True, "1"), (False, "10")])
def test_an_emulated_board_is_not_timed(tmp_path: Path, is_emulated: bool, repeat: str) -> None:
    log = tmp_path / "log"
    bundle = make_bundle(tmp_path / "made", then=f"echo \"$*\" >> '{log}'")
    result = run(bundle, Board("pi-zero", is_emulated=is_emulated))
    assert log.read_text().split("--repeat ")[1].split()[0] == repeat
    assert result.to_dict()["latency_is_meaningful"] is not is_emulated
    assert (result.load is None) == is_emulated


def test_a_difference_is_exit_code_1_and_told_to_the_value(tmp_path: Path) -> None:
    goldens = [Made({"scores": SCORES}), Made({"boxes": SCORES, "scores": SCORES}, {"boxes": SCORES, "scores": OTHER})]
    result = run(make_bundle(tmp_path / "made", goldens), Board("pi-zero"))
    assert (result.exit_code, result.verdict, result.error) == (1, "different", None)
    first, second = result.goldens
    assert (first.status, second.status) == ("equal", "different")
    boxes, scores = second.runs[0].outputs
    assert boxes.status == "equal"
    found = scores.difference
    assert found is not None
    assert (found.count, found.values, found.first, found.expected, found.got) == (2, 4, (0, 1), -7.0, -6.0)
    assert found.largest == 9.0
    assert result.sentences[0] == "1 of 2 goldens gives other values on a board."
    assert (
        "2 of 4 values differ, first at [0, 1]: -7 expected, -6 got; the largest difference is 9" in result.sentences[1]
    )


def test_the_same_difference_is_said_once_for_all_threads(tmp_path: Path) -> None:
    result = run(make_bundle(tmp_path / "made", [Made({"scores": SCORES}, {"scores": OTHER})]), Board("pi4"))
    assert result.goldens[0].sentence.count("values differ") == 1
    assert "with 1 and 4 threads" in result.goldens[0].sentence


def test_a_difference_with_all_cores_alone_is_found(tmp_path: Path) -> None:
    last = f'[ "$threads" = 4 ] && golden=1\n[ "$golden" = 1 ] || exec cat \'{tmp_path}/made/answers/0.json\''
    bundle = make_bundle(
        tmp_path / "made",
        [Made({"scores": SCORES}), Made({"scores": OTHER})],
        last=last,
    )
    result = run(bundle, Board("pi4"))
    assert [golden.status for golden in result.goldens] == ["different", "equal"]
    assert [run.outputs[0].status for run in result.goldens[0].runs] == ["equal", "different"]


def test_infinities_and_nan_are_told_and_printed_as_null(tmp_path: Path) -> None:
    expected = np.array([1.0, np.nan, np.inf, 2.0], np.float32)
    got = np.array([1.0, np.nan, 5.0, np.nan], np.float32)
    result = run(make_bundle(tmp_path / "made", [Made({"scores": expected}, {"scores": got})]), Board("pi-zero"))
    found = result.goldens[0].runs[0].outputs[0].difference
    assert found is not None and found.count == 2 and found.first == (2,) and math.isinf(found.largest)
    printed = result.to_dict()["goldens"][0]["runs"][0]["outputs"][0]["difference"]
    assert (printed["expected"], printed["got"], printed["largest"]) == (None, 5.0, None)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "status"),
    [(np.int8, 0.0, "different"), (np.int8, 8.0, "different"), (np.int8, 9.0, "within tolerance"),
     (np.float32, 0.07, "different"), (np.float32, 0.08, "within tolerance")],
)  # fmt: skip
def test_tolerance_is_in_steps_of_integers_and_shares_of_floats(
    tmp_path: Path, dtype: Any, tolerance: float, status: str
) -> None:
    goldens = [Made({"scores": SCORES.astype(dtype)}, {"scores": OTHER.astype(dtype)})]
    result = run(make_bundle(tmp_path / "made", goldens, tolerance=tolerance), Board("pi-zero"))
    assert result.goldens[0].status == status
    assert result.exit_code == (status == "different")
    if status == "within tolerance":
        assert result.headline == "The golden agrees on a board: 0 bit for bit, 1 within tolerance, with 1 thread."


@pytest.mark.parametrize(
    ("dtype", "expected", "got", "tolerance", "said"),
    [
        ("float32", [0, 1], [-0.0, 1], 0.0, "[0]: 0 expected, -0 got; the largest difference is 0"),
        ("int64", [2**53, 0], [2**53 + 1, 0], 0.0,
         "9007199254740992 expected, 9007199254740993 got; the largest difference is 1"),
        ("int64", [-(2**63)], [2**63 - 1], 2.0**63, f"the largest difference is {2**64 - 1}"),
        ("int8", [-128], [127], 254.0, "the largest difference is 255"),
        ("uint8", [1], [255], 253.0, "the largest difference is 254"),
        ("bool", [False], [True], 0.5, "0 expected, 1 got; the largest difference is 1"),
        ("float32", [np.inf, 1], [np.nan, 7], 1e-5, "the largest difference is inf"),
        ("float32", [np.inf, 1], [np.inf, 7], 1e-5, "the largest difference is 6"),
        ("float32", [50, 1], [np.nan, 7], 1e308, "the largest difference is inf"),
        ("float64", [1e308], [-1e308], 1e-5, "the largest difference is inf"),
    ],
)  # fmt: skip
def test_no_tolerance_makes_this_near(
    tmp_path: Path, dtype: str, expected: list[float], got: list[float], tolerance: float, said: str
) -> None:
    golden = Made({"scores": np.array(expected, dtype)}, {"scores": np.array(got, dtype)})
    result = run(make_bundle(tmp_path / "made", [golden], tolerance=tolerance), Board("pi-zero"))
    assert (result.exit_code, result.goldens[0].status) == (1, "different")
    assert said in result.sentences[1]


def test_integers_are_near_exactly(tmp_path: Path) -> None:
    goldens = [Made({"scores": np.array([2**62])}, {"scores": np.array([2**62 - 1])})]
    result = run(make_bundle(tmp_path / "made", goldens, tolerance=1.0), Board("pi-zero"))
    assert result.goldens[0].status == "within tolerance"


def test_values_that_are_not_those_of_the_digest_are_a_difference(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "made", [Made({"scores": SCORES}, {"scores": OTHER})], tolerance=100.0)
    for sent in (SCORES, SCORES + np.int8(1)):
        np.save(tmp_path / "made" / "answers" / "0-0.npy", sent)
        result = run(bundle, Board("pi-zero"))
        assert result.exit_code == 1
        assert "not those of the digest that was told there" in result.sentences[1]


def test_other_bits_at_each_run_are_told(tmp_path: Path) -> None:
    last = f'sed \'s/"sha256": "[0-9a-f]*/"sha256": "\'"$$"\'/\' \'{tmp_path}/made/answers/0.json\'; exit'
    result = run(make_bundle(tmp_path / "made", last=last), Board("pi-zero"))
    assert result.exit_code == 1
    assert "other values at each run" in result.sentences[1]


def test_an_output_of_another_shape_is_told(tmp_path: Path) -> None:
    goldens = [Made({"scores": SCORES}, {"scores": OTHER[0].astype(np.int16)})]
    result = run(make_bundle(tmp_path / "made", goldens), Board("pi-zero"))
    assert result.exit_code == 1
    assert "scores: int8 [1, 4] expected, scores: int16 [4] got" in result.sentences[1]


@pytest.mark.parametrize(
    ("name", "got", "said"),
    [
        ("scores", ZEROS.reshape(2, 2), "scores: float32 [2, 2] got"),
        ("scores", ZEROS.view(np.int32), "scores: int32 [1, 4] got"),
        ("boxes", ZEROS, "boxes: float32 [1, 4] got"),
    ],
)
def test_the_same_bytes_of_another_shape_type_or_name_are_a_difference(
    tmp_path: Path, name: str, got: Any, said: str
) -> None:
    bundle = make_bundle(tmp_path / "made", [Made({"scores": ZEROS}, {name: got})])
    result = run(bundle, Board("pi-zero"))
    assert result.exit_code == 1
    assert f"scores: float32 [1, 4] expected, {said}" in result.sentences[1]


def archive(file: BinaryIO) -> None:
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("0", "x" * 10)


def headed(shape: tuple[int, ...]) -> Callable[[BinaryIO], None]:
    return lambda file: np.lib.format.write_array_header_1_0(
        file, {"descr": "|i1", "fortran_order": False, "shape": shape}
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda file: None,
        lambda file: file.write(b"\x93NUMPY is cut off"),
        lambda file: file.write(b"\x93NUMPY\x01\x00\xd0\x07" + b"(" * 2000),
        lambda file: file.write(b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr':" * 2),
        lambda file: np.save(file, OTHER.astype(object), allow_pickle=True),
        lambda file: np.save(file, OTHER[0]),
        archive,
        *map(headed, [(1, 4), (-1,), (10**13,), (10**30,)]),
    ],
)
def test_an_output_that_cannot_be_read_is_still_a_difference(
    tmp_path: Path, change: Callable[[BinaryIO], object]
) -> None:
    bundle = make_bundle(tmp_path / "made", [Made({"scores": SCORES}, {"scores": OTHER})])
    with (tmp_path / "made" / "answers" / "0-0.npy").open("wb") as file:
        change(file)
    result = run(bundle, Board("pi-zero"))
    assert result.exit_code == 1
    assert "the file that came here is no such array" in result.sentences[1]


def test_a_difference_that_cannot_be_fetched_is_still_one(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "made", [Made({"scores": SCORES}, {"scores": OTHER})])
    for missing in (bundle.folder / "goldens" / "0" / "output-0.npy", tmp_path / "made" / "answers" / "0-0.npy"):
        missing.unlink()
        result = run(bundle, Board("pi-zero"))
        assert (result.exit_code, result.error) == (1, None)
        assert "scores different with 1 thread: its values did not come here: " in result.sentences[1]


# ---- what keeps it from running ----


@pytest.mark.parametrize(
    ("first", "board", "options", "said"),
    [
        (dies_of(signal.SIGILL), "pi4", {"assumed": ("neon", "dotprod")},
         "an illegal instruction on a board (Cortex-A72): the bundle's runner takes dotprod for granted, and this CPU "
         "lacks it; make the bundle for this board, or without --assume-features."),
        (dies_of(signal.SIGILL), "pi4", {"assumed": ("neon",)}, "the bundle's runner takes neon for granted; make"),
        (dies_of(signal.SIGILL), "pi-zero", {"family": "armv7", "target": "rpi2"},
         "the bundle's runner is for ARMv7 and later; make the bundle for this board"),
        (dies_of(signal.SIGKILL), "pi4", {"memory_bytes": 30 * 2**20},
         "probably because memory ran out: the model takes about 30 MiB"),
        (dies_of(signal.SIGSEGV), "pi4", {}, "was ended by SIGSEGV"),
        ("echo 'edgequant-run: the file is no model' >&2; exit 2", "pi4", {},
         "On a board, edgequant-run: the file is no model."),
        ("printf 'no\\033[2Jsense\\n' >&2; exit 3", "pi4", {"family": "aarch64"}, "exit code 3: no?[2Jsense."),
        ("echo hello; exit 0", "pi4", {}, "printed no JSON"),
        ("echo '[1]'; exit 0", "pi4", {}, "printed no JSON"),
        ("echo '{\"a\": NaN}'; exit 0", "pi4", {}, "printed no JSON"),
        ("echo '{\"a\": 1e999}'; exit 0", "pi4", {}, "printed no JSON"),
        ("echo '{\"a\": \"\\ud800\"}'; exit 0", "pi4", {}, "did not tell the CPU's features"),
        ("yes '[' | head -100000; exit 0", "pi4", {}, "printed no JSON"),
        ("echo '{\"cpu\": {\"features\": [{}]}}'; exit 0", "pi4", {}, "did not tell the CPU's features"),
        ("echo '{\"cpu\": {\"features\": []}, \"memory_available_bytes\": \"\"}'; exit 0", "pi4", {},
         "did not tell the memory"),
        ("echo '{\"cpu\": {\"features\": []}, \"memory_available_bytes\": -1}'; exit 0", "pi4", {},
         "did not tell the memory"),
        ("echo '{\"cpu\": {\"features\": []}, \"memory_available_bytes\": 1'$(printf '%0400d' 0)'}'; exit 0", "pi4",
         {}, "printed no JSON"),
        ("echo '{\"a\": '$(printf '%0200d' 0 | tr 0 '[')$(printf '%0200d' 0 | tr 0 ']')'}'; exit 0", "pi4", {},
         "printed no JSON"),
        ("echo '{}'; exit 0", "pi4", {}, "did not tell the CPU's features"),
    ],
)  # fmt: skip
def test_a_runner_that_fails_is_a_sentence_and_exit_code_2(
    tmp_path: Path, first: str, board: str, options: dict[str, Any], said: str
) -> None:
    result = run(make_bundle(tmp_path / "made", first=first, **options), Board(board))
    assert (result.exit_code, result.verdict) == (2, "could not run")
    assert result.error is not None and said in result.error
    assert result.headline == result.error and result.probe is None and not result.goldens


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("echo '{}'; exit 0", "edgequant-run's answer is not the one of this version"),
        ("sed 's/12.5/1'$(printf '%0500d' 0)'/' \"$answers/0.json\"; exit 0", "printed no JSON"),
        ('sed \'s/100/"100"/\' "$answers/0.json"; exit 0', "is no whole number"),
        ('sed \'s/12.5/"inf"/\' "$answers/0.json"; exit 0', "is no whole number"),
        ("sed 's/4096/9223372036854775808/' \"$answers/0.json\"; exit 0", "printed no JSON"),
        ("echo '{\"outputs\": 1}'; exit 0", "edgequant-run's answer is not the one of this version"),
        (dies_of(signal.SIGKILL), "probably because memory ran out"),
        ("golden=1", "gave 2 outputs on a board, and the goldens have 1"),
    ],
)
def test_a_run_that_fails_keeps_what_the_probe_said(tmp_path: Path, then: str, said: str) -> None:
    last = "golden=1" if then == "golden=1" else ""
    goldens = [Made({"scores": SCORES}), Made({"scores": SCORES, "boxes": SCORES})]
    result = run(make_bundle(tmp_path / "made", goldens, then=then, last=last), Board("pi4"))
    assert result.exit_code == 2
    assert result.error is not None and said in result.error
    assert result.probe is not None and result.checks


def test_a_program_for_another_processor_is_told(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "made", target="rpi4", family="aarch64")
    # What the kernel looks at: a 64-bit ELF file for AArch64.
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01\x00\x00\x00" + bytes(100)
    (bundle.folder / "edgequant-run").write_bytes(elf)
    result = run(bundle, Board("pi4-32"))
    assert result.exit_code == 2
    assert result.error == (
        "The bundle's runner, a program for 64-bit ARM, cannot be executed on a board, which runs 32-bit (armv7l) "
        "programs: make the bundle for such a target ('edgequant targets' lists them)."
    )


def test_a_runner_without_permission_is_told(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "made")
    (bundle.folder / "edgequant-run").chmod(0o644)
    result = run(bundle)
    assert result.exit_code == 2
    assert result.error is not None and "may not be executed on this machine" in result.error


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    result = run(make_bundle(tmp_path / "made", then="sleep 60"), Board("pi4"), timeout=0.3)
    assert result.exit_code == 2
    assert result.error is not None and "did not end within 0.3 s" in result.error


def test_a_difference_before_a_failure_stays_exit_code_1(tmp_path: Path) -> None:
    goldens = [Made({"scores": SCORES}, {"scores": OTHER}), Made({"scores": SCORES})]
    result = run(make_bundle(tmp_path / "made", goldens, last='[ "$golden" = 1 ] && exit 9'), Board("pi-zero"))
    assert (result.exit_code, result.verdict) == (1, "different")
    assert result.error is not None and result.error in result.sentences


def test_a_golden_that_was_cut_off_counts_as_not_run(tmp_path: Path) -> None:
    result = run(make_bundle(tmp_path / "made", last='[ "$threads" = 4 ] && exit 9'), Board("pi4"))
    assert (result.exit_code, result.goldens) == (2, [])


def test_nothing_to_compare_is_no_success(tmp_path: Path) -> None:
    for goldens in ((), (make_bundle(tmp_path / "outputless", [Made({})]).manifest.goldens[0],)):
        bundle = with_manifest(make_bundle(tmp_path / str(len(goldens))), goldens=goldens)
        result = run(bundle, Board("pi4"))
        assert result.exit_code == 2
        assert result.error is not None and "no goldens" in result.error


def test_an_unknown_target_is_told(tmp_path: Path) -> None:
    result = run(with_manifest(make_bundle(tmp_path / "made"), target="rpi44"))
    assert result.exit_code == 2
    assert result.error is not None and "rpi4" in result.error


# ---- folders ----


def test_a_folder_that_is_there_is_not_written_to(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "made", [Made({"scores": SCORES}, {"scores": OTHER})])
    before = {path: path.stat().st_mtime_ns for path in bundle.folder.rglob("*")}
    result = run(bundle, Board("pi-zero"), folder=PurePosixPath(bundle.folder))
    assert result.exit_code == 1 and result.goldens[0].runs[0].outputs[0].difference is not None
    assert {path: path.stat().st_mtime_ns for path in bundle.folder.rglob("*")} == before


def test_an_interruption_passes_through_and_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    def interrupt(step: str, done: int, total: int | None) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Board("pi4") as board:
        smoke(make_bundle(tmp_path / "made"), board, progress=interrupt)
    assert not list(temporary.iterdir())


# ---- the device ----


@pytest.mark.parametrize(
    ("told", "load"), [("0.25 1.0 2.0 1/200 3", 0.25), ("9" * 400 + ".0", None), ("", None), ("0." + "9" * 400, None)]
)
def test_a_load_average_is_a_number_of_few_digits(tmp_path: Path, told: str, load: float | None) -> None:
    class Loaded(Board):
        def run(self, command: Any, **options: Any) -> Finished:
            return Finished(0, told.encode()) if command[0] == "cat" else super().run(command, **options)

    assert run(make_bundle(tmp_path / "made"), Loaded("pi-zero")).load == load


def test_values_that_differ_by_a_rounding_are_told_apart(tmp_path: Path) -> None:
    expected = np.array([1 / 3], np.float32)
    golden = Made({"scores": expected}, {"scores": np.nextafter(expected, np.float32(1))})
    result = run(make_bundle(tmp_path / "made", [golden]), Board("pi-zero"))
    assert "0.333333343 expected, 0.333333373 got" in result.sentences[1]


def warnings_of(tmp_path: Path, board: str | Device, **options: Any) -> list[str]:
    result = run(make_bundle(tmp_path / "made", **options), Board("pi4") if isinstance(board, Device) else Board(board))
    assert result.exit_code == 0
    assert set(result.sentences[1:]) == {check.sentence for check in result.checks if not check.ok}
    return result.sentences[1:]


def test_a_device_that_lacks_what_the_target_promises_is_warned_of(tmp_path: Path) -> None:
    probe = {"cpu": {"features": ["neon"]}}
    assert warnings_of(tmp_path, "pi4", target="rpi5", family="aarch64", probe=probe) == [
        "The device lacks fp16, dotprod, which rpi5 has: it is slower."
    ]


def test_a_device_that_lacks_what_the_runner_assumes_is_warned_of(tmp_path: Path) -> None:
    probe, assumed = {"cpu": {"features": ["neon"]}}, ("neon", "dotprod")
    found = warnings_of(tmp_path, "pi4", target="rpi4", family="aarch64", assumed=assumed, probe=probe)
    assert found == ["The device lacks dotprod, which the bundle's runner takes for granted."]


def test_a_better_board_is_no_warning(tmp_path: Path) -> None:
    probe = {"cpu": {"features": ["neon", "fp16", "dotprod"]}}
    assert warnings_of(tmp_path, "pi5", target="rpi3", family="aarch64", probe=probe) == []


def test_too_little_memory_is_warned_of(tmp_path: Path) -> None:
    (found,) = warnings_of(
        tmp_path, "pi4", memory_bytes=2**31, target="rpi4", probe={**PROBE_NEON, "memory_available_bytes": 2**20}
    )
    assert found == "The model takes about 2,048.0 MiB; the device has 1 MiB free, which is too little."


PROBE_NEON = {"cpu": {"features": ["neon"]}}


def test_another_processor_is_warned_of_even_if_it_runs(tmp_path: Path) -> None:
    (found,) = warnings_of(tmp_path, "pi-zero", target="rpi4", family="aarch64")
    assert "rpi4 takes programs for 64-bit ARM; the device's own are 32-bit (armv6l)" in found
