"""What has no integer form stays in float by itself, and the rest of the network is quantized around it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from edgequant_runtime import Session
from numpy.typing import NDArray

from edgequant_converters import ConversionReport, convert, sqnr_db

pytestmark = pytest.mark.torch_export

DATA = np.random.default_rng(0).normal(size=(8, 4, 8, 8)).astype(np.float32)


class Normalised(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(4, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.conv(x).mean((2, 3)))


def int8_of(
    net: torch.nn.Module, folder: Path, data: NDArray[np.float32] = DATA, name: str = "int8.tflite"
) -> ConversionReport:
    return convert(net, folder / name, quantize="int8", calibration=data, example_inputs=(torch.zeros(1, 4, 8, 8),))


def test_a_constant_beside_an_activation_has_a_scale(tmp_path: Path) -> None:
    report = int8_of(Normalised(), tmp_path)
    assert "CONV_2D" not in [op.type for op in report.float_ops]
    assert report.sqnr_db is not None and report.sqnr_db > 30


def test_a_pooling_of_windows_with_gaps_is_whole_in_int8(tmp_path: Path) -> None:
    torch.manual_seed(0)
    report = int8_of(torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3), torch.nn.MaxPool2d(3, 1, dilation=2)), tmp_path)
    assert report.float_ops == ()
    assert report.sqnr_db is not None and report.sqnr_db > 30


class LogMel(torch.nn.Module):
    """The logarithm of bands of a power spectrum, as recognizers of speech begin with."""

    def __init__(self, *, smallest_weight: float, negated: bool = False) -> None:
        super().__init__()
        self.negated = negated
        torch.manual_seed(0)
        self.spectrum, self.bands = torch.nn.Conv2d(4, 8, 1, bias=False), torch.nn.Conv2d(8, 4, 1, bias=False)
        torch.nn.init.uniform_(self.bands.weight, smallest_weight, 1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spectrum = self.spectrum(x)[:, :, 1:]
        spectrum = -spectrum if self.negated else -2 * spectrum
        return torch.log(self.bands(spectrum**2).clamp(min=1e-6))


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("name", "layer"), [("int8.tflite", "CONV_2D"), ("int8.onnx", "Conv")])
def test_the_spectrum_under_a_logarithm_is_computed_in_float(
    name: str, layer: str, negated: bool, tmp_path: Path
) -> None:
    """A quiet band counts as much as a loud one, which is three decades above it: no int8 step is left for it."""
    quiet = DATA * np.geomspace(1, 0.03, 8, dtype=np.float32)
    report = int8_of(LogMel(smallest_weight=0.0, negated=negated), tmp_path, quiet, name)
    assert [op.type for op in report.float_ops].count(layer) == 2
    assert report.sqnr_db is not None and report.sqnr_db > 25
    # Bands of differences are no powers: nothing says how small a spectrum they ask for.
    differences = int8_of(LogMel(smallest_weight=-1.0), tmp_path, quiet, name)
    assert layer not in [op.type for op in differences.float_ops]


class Rows(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.dense = torch.nn.LayerNorm(8), torch.nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.norm(x))


def test_rows_are_normalised_beside_one_whose_values_are_nearly_alike(tmp_path: Path) -> None:
    """Its inverse deviation is 100 times theirs, which would have no step left."""
    report = int8_of(Rows(), tmp_path, DATA * np.float32([1e-4, *[1] * 7])[:, None])
    assert ["FULLY_CONNECTED"] not in [[op.type] for op in report.float_ops]
    session, hub = Session(tmp_path / "int8.tflite"), Rows()
    x = DATA[:1] * np.float32([1e-4, *[1] * 7])[:, None]
    (found,) = session.run({session.inputs[0].name: x}).values()
    expected = hub(torch.from_numpy(x)).detach().numpy()
    assert sqnr_db(expected[..., 1:, :], found[..., 1:, :]) > 25


class Loudest(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / (x.abs().amax((1, 2, 3), keepdim=True) + 1e-3)


def test_a_divisor_may_be_0_on_data_that_calibration_did_not_see(tmp_path: Path) -> None:
    """LiteRT ends a run at an int8 divisor of 0, as silence makes one."""
    assert "DIV" in [op.type for op in int8_of(Loudest(), tmp_path).float_ops]
    session = Session(tmp_path / "int8.tflite", engine="litert")
    silence = np.zeros((1, 4, 8, 8), np.float32)
    assert not np.any(session.run({session.inputs[0].name: silence})[session.outputs[0].name])


class Divided(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.above, self.below = torch.nn.Conv2d(4, 8, 3), torch.nn.Conv2d(4, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.above(x) / (1.5 + self.below(x).sigmoid())


@pytest.mark.parametrize(
    ("name", "divisor"), [("int8.tflite", {"ADD", "LOGISTIC", "TRANSPOSE"}), ("int8.onnx", set[str]())]
)
def test_divisors_that_are_not_small_are_integers_in_onnx(name: str, divisor: set[str], tmp_path: Path) -> None:
    """ONNX Runtime divides floats, so that what LiteRT does at a divisor of 0 is no reason there."""
    report = int8_of(Divided(), tmp_path, name=name)
    assert {op.type.upper() for op in report.float_ops} == {"DIV"} | divisor
    assert report.sqnr_db is not None and report.sqnr_db > 30


@pytest.mark.parametrize(("last", "name"), [(torch.nn.Softmax(1), "SOFTMAX"), (torch.nn.Sigmoid(), "LOGISTIC")])
def test_probabilities_below_a_few_steps_stay_in_float(last: torch.nn.Module, name: str, tmp_path: Path) -> None:
    """A thousand classes of which none is likely: LiteRT's int8 has steps of 1/256 for them."""
    torch.manual_seed(0)
    scores = torch.nn.Linear(256, 1000)
    scores.bias.data -= 6
    report = int8_of(torch.nn.Sequential(torch.nn.Flatten(), scores, last), tmp_path)
    assert [op.type for op in report.float_ops] == [name]
    assert report.sqnr_db is not None and report.sqnr_db > 30


class Magnitudes(torch.nn.Module):
    """What a network of sounds begins with: the magnitudes of two products, through their squares."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.real, self.imaginary, self.last = (torch.nn.Conv2d(4, 4, 1, bias=False) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.sqrt(self.real(x) ** 2 + self.imaginary(x) ** 2 + 1e-6))


def test_magnitudes_are_computed_in_float(tmp_path: Path) -> None:
    """Half of the values lie below a sixteenth of the largest, and their squares below its 256th: no int8 step."""
    report = int8_of(Magnitudes(), tmp_path, DATA * np.geomspace(1, 0.01, 8, dtype=np.float32))
    assert "SQRT" in [op.type for op in report.float_ops]
    assert "CONV_2D" not in [op.type for op in report.float_ops]
    assert report.sqnr_db is not None and report.sqnr_db > 30
