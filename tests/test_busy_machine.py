"""Timings taken while other programs were busy say so, here as on boards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgequant._bench import Conditions, State
from edgequant._bench._contention import Contention
from edgequant._report._measured import collect, read_measured

# Works until it has used so much processor time, and says so: no clock is asked.
SPIN = "import time\nwhile time.process_time() < 0.4: pass\nprint('spun', flush=True)\ninput()"


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="needs Linux's /proc")
def test_the_work_of_others_is_told_from_our_own() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SPIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin and other.stdout
        with_it, without_it = Contention([other.pid]), Contention([])
        assert other.stdout.readline() == "spun\n"
        ours, others = with_it.other_cores(), without_it.other_cores()
        other.stdin.write("\n")
        other.stdin.flush()
    assert ours is not None and others is not None
    assert others > ours >= 0


def test_a_process_that_is_gone_leaves_it_unknown() -> None:
    assert Contention([2**22 + 1]).other_cores() is None


def test_a_moment_is_too_short_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([(10.0, 50.0, 1.0), (10.05, 51.0, 1.0), (10.0, 50.0, 1.0), (12.0, 51.0, 1.0)])
    monkeypatch.setattr(Contention, "_read", lambda self: next(moments))
    assert Contention([]).other_cores() is None
    assert Contention([]).other_cores() == 0.5


def test_no_more_processors_are_busy_than_there_are() -> None:
    (note,) = Conditions(State(), State(), other_cores=os.cpu_count() + 0.3).notes
    assert f"kept {os.cpu_count()}.0 of {os.cpu_count()} processors" in note


def test_notes_tell_of_other_programs_before_and_during() -> None:
    quiet, busy = State(load_average=0.1), State(load_average=1.5)
    assert Conditions(quiet, quiet, 0.1).notes == ()
    (during,) = Conditions(quiet, quiet, 1.25).notes
    assert during.startswith(f"Other programs kept 1.2 of {os.cpu_count()} processors busy while it was timed")
    (before,) = Conditions(busy, busy, None).notes
    assert "busy before the start (load average 1.50)" in before


def test_a_file_of_bench_brings_its_notes_to_the_report(tmp_path: Path) -> None:
    result = {"model": "a.tflite", "format": "int8", "engine": "native", "threads": 1, "median_us": 5.0}
    path = tmp_path / "pi4.json"
    path.write_text(json.dumps({"results": [result], "notes": ["It was busy.", 3]}))
    (measured,) = read_measured([path], ["a.tflite"])
    assert measured.notes == ("It was busy.",)
    assert collect("x", None, [result], ["a.tflite"], "no list").notes == ()
