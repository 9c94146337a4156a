"""Programs that PT2E has quantized become LiteRT models of the same integers.

torchao writes them; what it writes are PyTorch's own operators, with which the program here is put together.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime import Session

from edgequant_converters import convert
from edgequant_converters._quiet import quiet

pytestmark = pytest.mark.torch_export

torch = pytest.importorskip("torch")


class Quantized(torch.nn.Module):
    """A convolution and a dense layer with int8 weights, per channel and per tensor, between quantized activations."""

    def __init__(self) -> None:
        super().__init__()
        with quiet():
            import torch.ao.quantization.fx._decomposed
        draw = torch.Generator().manual_seed(0)
        self.register_buffer("kernel", torch.randint(-127, 128, (8, 3, 3, 3), generator=draw, dtype=torch.int8))
        self.register_buffer("scales", 0.002 * (1 + torch.rand(8, generator=draw)))
        self.register_buffer("matrix", torch.randint(-127, 128, (5, 8 * 36), generator=draw, dtype=torch.int8))
        self.register_buffer("bias", torch.randn(8, generator=draw))

    def forward(self, x: Any) -> Any:
        own = torch.ops.quantized_decomposed
        zeros = torch.zeros(8, dtype=torch.int64)
        kernel = own.dequantize_per_channel(self.kernel, self.scales, zeros, 0, -127, 127, torch.int8)
        matrix = own.dequantize_per_tensor(self.matrix, 0.001, 0, -127, 127, torch.int8)
        made = torch.nn.functional.conv2d(rounded(x, 0.04, 3), kernel, self.bias, padding=1)
        made = rounded(torch.relu(made), 0.05, -128)
        return rounded(torch.nn.functional.linear(made.flatten(1), matrix), 0.06, -11)


def rounded(x: Any, scale: float, zero: int) -> Any:
    own = torch.ops.quantized_decomposed
    stored = own.quantize_per_tensor(x, scale, zero, -128, 127, torch.int8)
    return own.dequantize_per_tensor(stored, scale, zero, -128, 127, torch.int8)


def test_a_quantized_program_keeps_its_integers(tmp_path: Path) -> None:
    module, x = Quantized().eval(), torch.randn(20, 1, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    with quiet():
        torch.export.save(torch.export.export(module, (x[0],)), tmp_path / "net.pt2")
    report = convert(tmp_path / "net.pt2", tmp_path / "net.tflite", quantize="int8")
    assert not report.float_ops
    assert report.warnings[0].startswith("net.pt2 (torch exported program) is in fewer bits already.")
    session = Session(tmp_path / "net.tflite", engine="native")
    assert session.inputs[0].scale == pytest.approx(0.04)
    assert session.outputs[0].scale == pytest.approx(0.06)
    with torch.no_grad():
        expected = [module(sample).numpy() for sample in x]
    found = [session.run({"x": sample.numpy()})[session.outputs[0].name] for sample in x]
    apart = np.abs(np.array(found) - np.array(expected)) / 0.06
    assert np.mean(apart <= 1.01) >= 0.99


class Pooled(torch.nn.Module):
    """Means of four pixels, a quarter of them half way: around an odd zero point, or on a finer scale."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        with quiet():
            pass
        self.whole = whole

    def forward(self, x: Any) -> Any:
        stored = rounded(x, 0.0625, -27)
        if self.whole:
            pooled = rounded(stored.mean((2, 3)), 0.0625, -27)
        else:
            pooled = rounded(torch.nn.functional.avg_pool2d(stored, 2), 0.05, 3)
        return rounded(2 * pooled, 0.125, -27)


@pytest.mark.parametrize("whole", [True, False])
def test_means_round_once_and_to_the_same_side(whole: bool, tmp_path: Path) -> None:
    module, x = Pooled(whole=whole), torch.randn(1, 64, 2, 2, generator=torch.Generator().manual_seed(1))
    with quiet():
        torch.export.save(torch.export.export(module, (x,)), tmp_path / "net.pt2")
    convert(tmp_path / "net.pt2", tmp_path / "net.tflite", quantize="int8")
    session = Session(tmp_path / "net.tflite", engine="native")
    np.testing.assert_array_equal(session.run({"x": x.numpy()})[session.outputs[0].name], module(x).numpy())
