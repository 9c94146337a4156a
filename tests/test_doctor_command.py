"""What `edgequant doctor` says besides its report."""

import json
from pathlib import Path

import edgequant_converters.doctor
import pytest
from edgequant_converters import Target
from edgequant_converters.doctor import DoctorReport
from edgequant_converters.doctor._judge import Score
from edgequant_converters.doctor._report import Milliseconds


def report(milliseconds: Milliseconds) -> DoctorReport:
    score = Score(30.0, 30.0, None)
    return DoctorReport(
        source="net.onnx", output=Path("o.tflite"), recipe=Path("o.recipe.json"), target=Target.LITERT, findings=(),
        steps=(), plain=score, mended=score, float_accuracy=None, measured_on="samples", bytes=1, plain_bytes=1,
        source_bytes=1, off_int8={}, limits=(), milliseconds=milliseconds, seconds=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(("mended", "warned"), [(11.9, False), (12.1, True), (None, True)])
def test_a_missed_budget_of_milliseconds_is_a_warning(cli, monkeypatch, mended, warned):
    told = report(Milliseconds(12, 11, mended))
    monkeypatch.setattr(edgequant_converters.doctor, "doctor", lambda *_, **__: told)
    arguments = ("doctor", "net.onnx", "-o", "o.tflite", "--calibration", "samples.npy", "--budget-ms", 12)
    done = cli(*arguments, "--json")
    assert done.exit_code == 0
    assert ("WARNING: the budget of 12 ms is not kept" in done.stderr) == warned
    assert json.loads(done.stdout)["milliseconds"] == {"budget": 12, "plain": 11, "mended": mended}
    said = "unknown" if mended is None else f"{mended} ms"
    assert f"Of 12 ms plain int8 takes 11 ms, this model {said}" in cli(*arguments).stdout
