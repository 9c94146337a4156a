"""Quantization-aware training: the grids, the folding, the way of learned ranges into both file formats."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from edgequant_converters import (  # noqa: E402
    CalibrationError,
    ConversionReport,
    SourceError,
    UnsupportedError,
    convert,
    qat,
)
from edgequant_converters._evaluate import open_model  # noqa: E402
from edgequant_converters.qat._fake_quantize import FakeQuantize, fake_quantize_weight, weight_scales  # noqa: E402
from edgequant_converters.qat._layers import BatchNorm, QuantizedLayer  # noqa: E402
from edgequant_converters.qat._recognise import LearnedRanges  # noqa: E402

pytestmark = pytest.mark.torch_export

SUFFIXES = (".tflite", ".onnx")


class Branches(nn.Module):
    """Shares grids every way there is: concatenation, residual sum, pooling, flattening."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.left = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), nn.ReLU())
        self.right = nn.Conv2d(8, 8, 1)
        self.mixed = nn.Sequential(nn.Conv2d(16, 8, 1), nn.BatchNorm2d(8))
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(8 * 4, 5)

    def forward(self, image: Any) -> Any:
        x = self.stem(image)
        x = x + self.mixed(torch.cat([self.left(x), self.right(x)], 1))
        # Means of nine: those of two or four integers are halves all too often, and engines round halves differently.
        x = functional.avg_pool2d(functional.max_pool2d(x, 2), 3, 1)
        return self.classifier(self.dropout(x.flatten(1)))


@pytest.fixture(scope="module")
def images() -> Any:
    return torch.randn(64, 2, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network(images: Any) -> nn.Module:
    torch.manual_seed(0)
    network = Branches().train()
    for _ in range(40):  # batch norms take the statistics of the images
        network(images)
    return network.eval()


def learned(network: nn.Module, images: Any, **options: Any) -> nn.Module:
    """Prepared, with the ranges of these images, in evaluation mode."""
    prepared = qat.prepare(network, (images[:1],), **options)
    qat.freeze(prepared, ranges=False)
    with torch.no_grad():
        prepared(images)
    return prepared.eval()


def outputs_of(path: Path, images: Any) -> np.ndarray:
    model = open_model(path)
    return np.concatenate([model.run_real([image[None]])[0] for image in images.numpy()])


# --- the grids ---


def test_an_activation_grid_is_that_of_the_litert_specification() -> None:
    grid = FakeQuantize(1).train()
    grid(torch.tensor([-1.0, 0.3, 4.1]), 0)
    assert grid.scale.item() == pytest.approx(5.1 / 255)
    assert grid.zero_point.item() == -128 + 50
    values = grid(torch.linspace(-2, 6, 1001), 0)
    steps = values / grid.scale
    assert torch.allclose(steps, steps.round(), atol=1e-3)
    assert 0.0 in grid.eval()(torch.zeros(1), 0)


@pytest.mark.parametrize("values", [[0.0, 0.0], [3.0, 5.0], [-5.0, -3.0]])
def test_zero_is_always_on_the_grid(values: list[float]) -> None:
    grid = FakeQuantize(1).train()
    grid(torch.tensor(values), 0)
    assert grid.eval()(torch.zeros(1), 0).item() == 0.0


def test_a_range_is_a_moving_average_that_stops_when_frozen_and_in_evaluation() -> None:
    grid = FakeQuantize(1).train()
    grid(torch.tensor([0.0, 1.0]), 0)
    grid(torch.tensor([0.0, 2.0]), 0)
    assert grid.range == pytest.approx((0.0, 1.05))
    grid.eval()(torch.tensor([0.0, 9.0]), 0)
    grid.frozen.fill_(True)
    grid.train()(torch.tensor([0.0, 9.0]), 0)
    assert grid.range == pytest.approx((0.0, 1.05))


def test_sites_of_one_grid_have_the_union_of_their_ranges() -> None:
    grid = FakeQuantize(2).train()
    grid(torch.tensor([0.0, 1.0]), 0)
    assert not grid.seen
    grid(torch.tensor([-3.0, 0.5]), 1)
    assert grid.range == (-3.0, 1.0)


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_are_symmetric_per_channel(bits: int) -> None:
    weight = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10, 0]).view(
        3, 1, 1, 1
    )
    scales = weight_scales(weight, bits)
    steps = fake_quantize_weight(weight, scales, bits) / scales.view(3, 1, 1, 1)
    largest = 2 ** (bits - 1) - 1
    assert [channel.abs().max().round().item() for channel in steps] == [largest, largest, 0]
    assert torch.allclose(steps, steps.round(), atol=1e-3)


def test_gradients_pass_through_the_rounding(network: nn.Module, images: Any) -> None:
    prepared = qat.prepare(network, (images[:1],))
    prepared(images).square().sum().backward()
    missing = [name for name, p in prepared.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # A bias before a batch norm has no influence while the norm subtracts the batch's own mean.
    assert all("bias" in name for name in missing), missing


# --- preparing ---


def test_preparing_leaves_the_module_as_it_is(network: nn.Module, images: Any) -> None:
    before = copy.deepcopy(network.state_dict())
    prepared = qat.prepare(network, (images[:1],))
    prepared(images)
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_with_frozen_norms_training_and_evaluation_compute_the_same(network: nn.Module, images: Any) -> None:
    prepared = learned(network, images)
    qat.freeze(prepared)
    prepared.train()
    for module in prepared.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    trained = prepared(images)
    assert torch.equal(trained, prepared.eval()(images))


def test_a_learning_norm_computes_what_the_float_network_does_in_training(network: nn.Module, images: Any) -> None:
    reference = copy.deepcopy(network).train()
    prepared = qat.prepare(network, (images[:1],))
    for module in (*reference.modules(), *prepared.modules()):
        if isinstance(module, nn.Dropout):
            module.eval()
    with torch.no_grad():
        expected, computed = reference(images), prepared(images)
    assert (expected - computed).abs().max() < 0.1 * expected.abs().max()
    ours = [m for m in prepared.modules() if isinstance(m, BatchNorm)]
    theirs = [m for m in reference.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(ours) == len(theirs) == 3
    for own, other in zip(ours, theirs, strict=True):
        assert torch.allclose(own.running_var, other.running_var, rtol=0.1, atol=0.01)


def test_values_that_litert_keeps_on_one_scale_share_a_grid(network: nn.Module, images: Any) -> None:
    grids = qat.prepare(network, (images[:1],)).grids  # type: ignore[attr-defined]
    joined = {grids[name] for name in ("cat", "relu", "layer_conv2d_2")}
    assert len(joined) == 1
    assert len({grids[name] for name in ("add", "max_pool2d", "avg_pool2d", "flatten")}) == 1
    assert grids["hardtanh"] == grids["layer_conv2d"]  # fused
    assert len({*grids.values()}) == 6


def test_a_state_dict_restores_ranges_and_weights(network: nn.Module, images: Any) -> None:
    prepared = learned(network, images)
    other = qat.prepare(network, (images[:1],))
    other.load_state_dict(prepared.state_dict())
    assert torch.equal(other.eval()(images), prepared(images))


def test_depthwise_and_single_channel_layers_keep_8_bits(network: nn.Module, images: Any) -> None:
    prepared = qat.prepare(network, (images[:1],), weight_bits=4)
    bits = [module.bits for module in prepared.modules() if isinstance(module, QuantizedLayer)]
    assert bits == [4, 8, 4, 4, 4]


# --- converting ---


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_written_model_computes_what_was_trained(
    suffix: str, bits: int, network: nn.Module, images: Any, tmp_path: Path
) -> None:
    prepared = learned(network, images, weight_bits=bits)
    report: ConversionReport = convert(prepared, tmp_path / f"net{suffix}", quantize="int8")
    assert report.float_ops == ()
    assert report.calibration_samples == 0
    steps = [m.scale.item() for m in prepared.modules() if isinstance(m, FakeQuantize)]
    if report.outputs[0].scale is not None:
        assert report.outputs[0].scale == pytest.approx(steps[-1], rel=1e-5)
    with torch.no_grad():
        expected = prepared(images).numpy()
    errors = np.abs(outputs_of(report.output, images) - expected)
    # LiteRT's convolutions with 4-bit weights round twice, so that some values of each layer are one step off.
    rounds_twice = bits == 4 and suffix == ".tflite"
    assert np.mean(errors <= 1.001 * steps[-1]) >= (0.9 if rounds_twice else 0.99)


def test_4_bit_weights_take_half_the_bytes_in_litert(nets: Any, tmp_path: Path) -> None:
    module, (example,) = nets["lenet"]
    written = [
        convert(learned(module, example.repeat(2, 1, 1, 1), weight_bits=bits), tmp_path / "n.tflite", quantize="int8")
        for bits in (8, 4)
    ]
    assert written[1].bytes < 0.65 * written[0].bytes


def test_the_ranges_in_the_file_are_the_learned_ones(network: nn.Module, images: Any, tmp_path: Path) -> None:
    prepared = learned(network, images)
    for module in prepared.modules():
        if isinstance(module, FakeQuantize):
            module.sites_high.mul_(2)  # as no calibration data would give
            module._update_grid()
    report = convert(prepared, tmp_path / "net.tflite", quantize="int8")
    grids = [m.scale.item() for m in prepared.modules() if isinstance(m, FakeQuantize)]
    assert report.inputs[0].scale == pytest.approx(grids[0], rel=1e-5)
    assert report.outputs[0].scale == pytest.approx(grids[-1], rel=1e-5)


def test_layout_inputs_and_excluded_operators_are_as_asked(network: nn.Module, images: Any, tmp_path: Path) -> None:
    options = {"input_layout": "nhwc", "io": "float", "keep_float": "FULLY_CONNECTED"}
    report = convert(learned(network, images), tmp_path / "net.tflite", quantize="int8", **options)
    assert [(spec.shape, spec.dtype.name) for spec in report.inputs] == [((1, 16, 16, 2), "float32")]
    assert [op.type for op in report.float_ops] == ["FULLY_CONNECTED"]


def test_the_float_twin_has_the_trained_weights(network: nn.Module, images: Any, tmp_path: Path) -> None:
    report = convert(learned(network, images), tmp_path / "net.onnx")
    with torch.no_grad():
        expected = network(images).numpy()
    errors = outputs_of(report.output, images) - expected
    assert 10 * np.log10(np.mean(expected**2) / np.mean(errors**2)) > 30  # 8-bit weights


def test_writing_twice_gives_the_same_bytes(network: nn.Module, images: Any, tmp_path: Path) -> None:
    prepared = learned(network, images)
    paths = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in paths:
        convert(prepared, path, quantize="int8")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_training_on_digits_gives_back_what_4_bits_cost(tmp_path: Path) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    images = torch.from_numpy((digits.images / 16).astype(np.float32)[:, np.newaxis])
    labels = torch.from_numpy(digits.target.astype(np.int64))
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip
    train(net, images[:1300], labels[:1300], 6, 5e-3)
    with torch.no_grad():  # the same network in float, with channels that one scale cannot serve
        factors = 64 ** torch.rand(8)
        net[4].weight *= factors
        net[4].bias *= factors
        net[6].weight /= factors.view(1, 8, 1, 1)
    untrained = learned(net, images[:300], weight_bits=4)
    prepared = qat.prepare(net, (images[:1],), weight_bits=4)
    train(prepared, images[:1300], labels[:1300], 6, 4e-3)
    qat.freeze(prepared)
    train(prepared, images[:1300], labels[:1300], 1, 2e-4)
    for suffix in SUFFIXES:
        before, after = (
            accuracy(convert(p, tmp_path / f"net{suffix}", quantize="int8").output, images[1300:], labels[1300:])
            for p in (untrained, prepared)
        )
        with torch.no_grad():
            reference = float((net.eval()(images[1300:]).argmax(1) == labels[1300:]).float().mean())
        assert reference - before >= 0.02, (reference, before, after)
        assert after - before >= 0.5 * (reference - before), (reference, before, after)


def train(network: nn.Module, images: Any, labels: Any, epochs: int, rate: float) -> None:
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(32):
            optimizer.zero_grad()
            functional.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()


def accuracy(path: Path, images: Any, labels: Any) -> float:
    return float(np.mean(outputs_of(path, images).argmax(1) == labels.numpy()))


# --- recognising tensors ---


def test_a_tensor_is_recognised_whatever_its_name_layout_and_padding() -> None:
    generator = np.random.default_rng(0)
    values = {name: generator.normal(size=(2, 3, 4, 5)).astype(np.float32) for name in ("a", "b")}
    collector = LearnedRanges(
        {name: np.sort(value, axis=None) for name, value in values.items()}, {"a": (-1.0, 2.0), "b": (-3.0, 4.0)}
    )
    collector.update("permuted", values["a"].transpose(0, 2, 3, 1) * np.float32(1 + 1e-6))
    collector.update("reshaped", values["b"].reshape(6, 20))
    collector.update("padded", np.pad(values["b"], 1))
    collector.update("another", generator.normal(size=(2, 3, 4, 5)).astype(np.float32))
    collector.update("scaled", 1.01 * values["a"])
    assert collector.ranges() == {"permuted": (-1.0, 2.0), "reshaped": (-3.0, 4.0), "padded": (-3.0, 4.0)}


# --- what is refused ---


def test_a_module_that_saw_no_data_is_refused(network: nn.Module, images: Any, tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="has seen no data"):
        convert(qat.prepare(network, (images[:1],)), tmp_path / "net.tflite", quantize="int8")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int16x8"}, "was trained for int8"),
        ({"quantize": "int8", "per_channel": False}, "one weight scale per channel"),
        ({"quantize": "int8", "example_inputs": (torch.zeros(1, 2, 16, 16),)}, "has its own"),
    ],
)
def test_what_was_not_trained_for_is_refused(
    options: dict[str, Any], message: str, network: nn.Module, images: Any, tmp_path: Path
) -> None:
    with pytest.raises((UnsupportedError, CalibrationError), match=message):
        convert(learned(network, images), tmp_path / "net.tflite", **options)


def test_recurrent_networks_are_refused(nets: Any) -> None:
    with pytest.raises(UnsupportedError, match="recurrent layer"):
        qat.prepare(*nets["lstm"])


def test_a_norm_without_statistics_is_refused() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(UnsupportedError, match="without running statistics"):
        qat.prepare(network, torch.zeros(2, 1, 8, 8))


def test_dropout_of_channels_and_norms_of_their_own_train(images: Any) -> None:
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3), nn.Dropout2d(0.5))
    prepared = qat.prepare(network, images[:1])
    maps = prepared(images + 3)
    dropped = (maps == 0).flatten(2).all(2)
    assert 0.3 < dropped.float().mean() < 0.7
    norm = next(m for m in prepared.modules() if isinstance(m, BatchNorm))
    assert torch.allclose(norm.running_mean, torch.full((2,), 0.3), atol=0.03)


def test_other_bit_widths_and_other_modules_are_refused(network: nn.Module, images: Any) -> None:
    with pytest.raises(UnsupportedError, match="3 bits"):
        qat.prepare(network, (images[:1],), weight_bits=3)
    with pytest.raises(UnsupportedError, match="not made by"):
        qat.freeze(network)
    with pytest.raises(SourceError, match="cannot be traced"):
        qat.prepare(network, (torch.zeros(1, 3, 16, 16),))


def test_a_fixed_batch_is_refused() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.reshape(2, 8)

    with pytest.raises(SourceError, match=r"fixes its batch size|cannot be traced"):
        qat.prepare(Fixed(), torch.zeros(2, 4, 2))
