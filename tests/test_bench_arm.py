"""What scripts/bench_arm makes of engines that do not run a model."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
STAND_IN = """
class Net:
    def __init__(self):
        self.opt = self

    def load_param(self, path):
        return -1  # "layer Pad not exists or registered"
"""


def test_a_network_with_layers_that_ncnn_lacks_ends_with_a_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ncnn.py").write_text(STAND_IN)
    command = [sys.executable, str(SCRIPTS / "arm" / "run_engine.py"), "ncnn", "model", "1", "1", "3"]
    ended = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (3, "")


@pytest.mark.parametrize("status", [3, 1])
def test_such_a_network_has_a_dash_and_other_failures_end_the_script(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = runpy.run_path(str(SCRIPTS / "bench_arm"))
    error: type[SystemExit] = script["CommandError"]

    def fail(*_: Any) -> None:
        raise error(status, "what the engine wrote")

    model = tmp_path / "network.tflite"
    model.touch()
    bench = script["Bench"](tmp_path, None, 1, False)
    monkeypatch.setattr(bench, "_count", fail)
    if status == 3:
        assert bench.measure("litert", "rpi4", model) is None
        assert script["cell"](None, True) == "-"
    else:
        with pytest.raises(SystemExit, match="what the engine wrote"):
            bench.measure("litert", "rpi4", model)
