"""What the quantizer does not take ends in a sentence whose way out works."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from edgequant_converters import UnsupportedError, convert

pytestmark = pytest.mark.torch_export

DATA = np.random.default_rng(0).normal(size=(8, 4, 8, 8)).astype(np.float32)


class Normalised(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(4, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.conv(x).mean((2, 3)))


def test_the_named_operators_kept_float_are_a_way_out(tmp_path: Path) -> None:
    hub, output = tmp_path / "hub.tflite", tmp_path / "int8.tflite"
    convert(Normalised(), hub, example_inputs=(torch.zeros(1, 4, 8, 8),))
    with pytest.raises(
        UnsupportedError, match=r"no scale for a constant .*normalize has\. Add --keep-float"
    ) as refused:
        convert(hub, output, quantize="int8", calibration=DATA)
    named = re.search(r"--keep-float '(.*?)'", str(refused.value))
    assert named is not None
    report = convert(hub, output, quantize="int8", calibration=DATA, keep_float=named[1])
    assert report.sqnr_db is not None and report.sqnr_db > 30


def test_dynamic_is_a_way_out_of_windows_with_a_body(tmp_path: Path) -> None:
    hub, output = tmp_path / "hub.tflite", tmp_path / "int8.tflite"
    net = torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3), torch.nn.MaxPool2d(3, 1, dilation=2))
    convert(net, hub, example_inputs=(torch.zeros(1, 4, 8, 8),))
    with pytest.raises(UnsupportedError, match=r"it has STABLEHLO_REDUCE_WINDOW, .* Try dynamic, or write int8 as"):
        convert(hub, output, quantize="int8", calibration=DATA)
    report = convert(hub, output, quantize="dynamic")
    assert report.sqnr_db is not None and report.sqnr_db > 25
