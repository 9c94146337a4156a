"""Each technique by itself: what it does to the graph, and that it does nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgequant_converters import IDENTICAL_DB, convert, sqnr_db
from edgequant_converters._evaluate import open_model
from edgequant_converters.calibration import Histogram, least_squares_range
from edgequant_converters.doctor._corrections import round_weights
from edgequant_converters.doctor._dead_channels import silence
from edgequant_converters.doctor._edits import RoundWeights, SplitOutput, edit_from_dict
from edgequant_converters.doctor._equalize import channel_groups, equalize
from edgequant_converters.doctor._judge import Judge, Score, joined
from edgequant_converters.doctor._mixed_outputs import mixed_outputs
from edgequant_converters.doctor._network import Layer, Network, along, channel_scales
from edgequant_converters.doctor._relu6 import unclip
from edgequant_converters.doctor._rounding import LayerMoments, best_steps
from edgequant_converters.doctor._samples import Evidence, Judged
from edgequant_converters.doctor._saturation import saturated_ranges
from edgequant_converters.doctor._treatment import LitertWorkshop, edited
from edgequant_converters.quantizer import LitertActivations
from edgequant_converters.quantizer._plan import Floats

pytestmark = pytest.mark.slow

Sample = Mapping[str, np.ndarray]

SAME_DB = 100.0  # float32 arithmetic in another order


def build(kind: str) -> Any:
    """A network of every kind of layer, or of one that a technique is about; (1, 3, 16, 16) images."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        """Strided, depthwise and pointwise convolutions, a residual, pooling, a flattening, two matrices."""

        def __init__(self, activation: type[nn.Module]) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), activation())
            self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), activation())
            self.pointwise = nn.Conv2d(8, 8, 1)
            self.narrow = nn.Sequential(nn.Conv2d(8, 4, 3, 2), activation())
            self.hidden, self.head = nn.Linear(4, 16), nn.Linear(16, 6)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            x = self.stem(image)
            x = torch.relu(x + self.pointwise(self.depthwise(x)))
            x = self.narrow(nn.functional.max_pool2d(x, 2)).mean((2, 3))
            return self.head(torch.relu(self.hidden(x)))

    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.boxes, self.scores = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 2, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            parts = 100 * self.boxes(image), torch.sigmoid(self.scores(image))
            return torch.cat([part.flatten(2).transpose(1, 2) for part in parts], dim=-1)

    with torch.random.fork_rng():
        torch.manual_seed(7)
        match kind:
            case "relu":
                return Residual(nn.ReLU)
            case "relu6":
                return Residual(nn.ReLU6)
            case "swish":
                return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Hardswish(), nn.Conv2d(8, 4, 1), nn.ReLU())
            case "joined":
                return Joined()
            case _:
                head = nn.Linear(8, 5)
                with torch.no_grad():
                    head.weight[:3] *= 500
                return nn.Sequential(nn.Flatten(), nn.Linear(768, 8), nn.ReLU(), head)


@pytest.fixture(scope="module")
def hubs(make_once: Callable[..., Path]) -> Any:
    """kind -> (float .tflite, samples); each network is converted once."""
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(3).normal(size=(24, 1, 3, 16, 16)).astype(np.float32)

    def hub(kind: str) -> tuple[Path, list[Sample]]:
        def fill(folder: Path) -> None:
            convert(build(kind).eval(), folder / "hub.tflite", example_inputs=(torch.zeros(1, 3, 16, 16),))

        path = make_once(f"doctor's {kind}", fill) / "hub.tflite"
        name = open_model(path).inputs[0].name
        return path, [{name: image} for image in images]

    return hub


def workshop(hub: Path, samples: list[Sample]) -> LitertWorkshop:
    judged = Judged(samples, None)
    return LitertWorkshop(hub, Evidence(samples, judged, judged, "the same"), "int8", True, Floats.NONE)


def outputs(network: Network, samples: list[Sample], folder: Path) -> list[np.ndarray]:
    path = folder / "edited.tflite"
    path.write_bytes(network.to_bytes())
    model = open_model(path)
    runs = [model.run_real(list(sample.values())) for sample in samples]
    return [np.stack(values) for values in zip(*runs, strict=True)]


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_equalization_leaves_the_float_network_as_it_is(alpha: float, hubs: Any, tmp_path: Path) -> None:
    hub, samples = hubs("relu")
    own = workshop(hub, samples)
    scalings = equalize(own.network(()), own.statistics(()), alpha)
    # stem and pointwise meet in the residual; depthwise, narrow, hidden are groups of their own.
    assert sorted((len(s.producers), len(s.consumers)) for s in scalings) == [(1, 1), (1, 1), (1, 1), (2, 2)]
    before, after = (outputs(own.network(edits), samples, tmp_path)[0] for edits in ((), scalings))
    assert sqnr_db(before, after) > SAME_DB
    seen = own.statistics(scalings)
    if alpha == 1.0:
        alone = [s for s in scalings if len(s.producers) == 1]
        spread = [seen[s.producers[0]].magnitude for s in alone]
        assert all(m[m > 0].max() < 1.001 * m[m > 0].min() for m in spread), "the ranges should be even"


def test_relu6_stops_equalization_unless_it_never_clips(hubs: Any, tmp_path: Path) -> None:
    hub, samples = hubs("relu6")
    own = workshop(hub, samples)
    network, seen = own.network(()), own.statistics(())
    assert not any(layer.activation == "RELU6" for group in channel_groups(network) for layer in group.producers)
    opened = unclip(network, seen)
    assert opened is not None
    assert len(list(channel_groups(own.network((opened,))))) > len(list(channel_groups(network)))
    before, after = (outputs(own.network(edits), samples, tmp_path)[0] for edits in ((), (opened,)))
    assert np.array_equal(before, after)
    loud = [{name: 100 * value for name, value in sample.items()} for sample in samples]
    stem = network.layers[0].name
    clipped = unclip(network, workshop(hub, loud).statistics(()))
    assert stem in opened.layers and (clipped is None or stem not in clipped.layers)


@pytest.mark.parametrize("kind", ["joined", "matrix"])
def test_outputs_of_mixed_ranges_are_found_and_split(kind: str, hubs: Any, tmp_path: Path) -> None:
    hub, samples = hubs(kind)
    own = workshop(hub, samples)
    (found,) = mixed_outputs(own.network(()), own.statistics(()))
    boundary = 4 if kind == "joined" else 3
    assert [(part.start, part.stop) for part in found.parts] == [
        (0, boundary),
        (boundary, 6 if kind == "joined" else 5),
    ]
    assert found.edit == SplitOutput(0, 2 if kind == "joined" else 1, (boundary,))
    split = edited(hub.read_bytes(), [found.edit])
    whole, parts = outputs(own.network(()), samples, tmp_path), outputs(split, samples, tmp_path)
    assert len(parts) == 2
    rejoined = np.stack([joined([part[i] for part in parts], [found.edit])[0] for i in range(len(samples))])
    assert sqnr_db(whole[0], rejoined) > SAME_DB
    judge = Judge(hub, samples, None, found.parts)
    path = tmp_path / "int8.tflite"
    path.write_bytes(own.build(own.plain()))
    plain = judge.measure(path).sqnr_db
    path.write_bytes(own.build(own.plain((found.edit,))))
    assert judge.measure(path, (found.edit,)).sqnr_db > plain + 20


def ends_in(path: Path, *kinds: str) -> Path:
    """Write a network of (1, 4) values whose outputs are those, or the place of the largest or smallest."""
    nodes = [helper.make_node(kind, ["x"], [kind], **({} if kind == "Identity" else {"axis": 1})) for kind in kinds]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    types = {"Identity": TensorProto.FLOAT, "ArgMax": TensorProto.INT64, "ArgMin": TensorProto.INT64}
    outputs = [helper.make_tensor_value_info(kind, types[kind], [1, "n"]) for kind in kinds]
    graph = helper.make_graph(nodes, "ends", [given], outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_whole_numbers_are_judged_only_where_there_is_nothing_else(tmp_path: Path) -> None:
    samples = [{"x": row} for row in np.random.default_rng(0).normal(size=(8, 1, 4)).astype(np.float32)]
    both = Judge(ends_in(tmp_path / "both.onnx", "Identity", "ArgMax"), samples)
    assert both.measure(ends_in(tmp_path / "other.onnx", "Identity", "ArgMin")).sqnr_db == IDENTICAL_DB
    alone = Judge(ends_in(tmp_path / "alone.onnx", "ArgMax"), samples)
    assert alone.measure(ends_in(tmp_path / "least.onnx", "ArgMin")).sqnr_db < 15


def test_outputs_of_like_ranges_are_left_together(hubs: Any) -> None:
    hub, samples = hubs("relu")
    own = workshop(hub, samples)
    assert list(mixed_outputs(own.network(()), own.statistics(()))) == []


def test_weights_that_read_dead_channels_no_longer_set_the_scale(hubs: Any, tmp_path: Path) -> None:
    hub, samples = hubs("relu")
    network = Network(hub.read_bytes())
    stem, depthwise = network.layers[:2]
    bias = network.bias(stem).copy()
    bias[2] = -1e3  # ReLU never lets channel 2 through
    network.set_bias(stem, bias)
    reader = next(layer for layer in network.layers if layer.type == "CONV_2D" and layer.input == depthwise.output)
    weights = network.weights(reader).copy()
    weights[..., 2] = 50.0
    bias = network.bias(depthwise).copy()
    bias[2] = -1.0  # so channel 2 of the depthwise layer is dead as well
    network.set_bias(depthwise, bias)
    network.set_weights(reader, weights)
    changed = tmp_path / "dead.tflite"
    changed.write_bytes(network.to_bytes())
    own = workshop(changed, samples)
    edits = silence(own.network(()), own.statistics(()))
    assert 2 in {edit.layer: edit.channels for edit in edits}[reader.name]
    before, after = (outputs(own.network(e), samples, tmp_path)[0] for e in ((), edits))
    assert np.array_equal(before, after)
    scales = [channel_scales(own.network(e).weights(reader), 0).max() for e in ((), edits)]
    assert scales[1] < scales[0] / 10


def test_the_range_below_a_hard_swish_ends_at_minus_three(hubs: Any) -> None:
    hub, _ = hubs("swish")
    network = Network(hub.read_bytes())
    kinds = [network.type_of(operator) for operator in network.graph.operators]
    assert "HARD_SWISH" in kinds, kinds
    reads = network.graph.operators[kinds.index("HARD_SWISH")].inputs[0]
    name = network.tensor_name(int(reads))
    assert saturated_ranges(network, {name: (-9.0, 7.0)}) == {name: (-3.0, 7.0)}
    assert saturated_ranges(network, {name: (-2.0, 7.0)}) == {}


def test_moments_are_those_of_what_the_layer_computes(hubs: Any) -> None:
    """For random v, v' G v = E (v x)^2 with v x as LiteRT computes it: patches, padding and strides are right."""
    hub, samples = hubs("relu")
    network = Network(hub.read_bytes())
    for layer in network.layers:
        network.set_activation(layer, "NONE")
        network.set_bias(layer, np.zeros_like(network.bias(layer)))
    values = dict(LitertActivations(network.model, network.to_bytes()).run(samples[0]))
    types = set()
    for layer in network.layers:
        weights = network.weights(layer)
        moments = LayerMoments(layer, weights, network.graph.operators[layer.position].builtinOptions)
        x = values[network.tensor_name(layer.input)]
        moments.update(x, x)
        depthwise = layer.type == "DEPTHWISE_CONV_2D"
        rows = weights.reshape(-1, weights.shape[-1]).T[:, None] if depthwise else weights.reshape(1, len(weights), -1)
        energy = np.einsum("gok,gkl,gol->go", rows, moments.gram, rows, optimize=True).ravel()
        expected = (values[layer.name].reshape(-1, len(energy)).astype(np.float64) ** 2).sum(axis=0)
        np.testing.assert_allclose(energy, expected, rtol=1e-4)
        types.add(layer.type)
    assert types == {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def test_rounding_by_the_layers_error_beats_rounding_to_nearest() -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(8, 32)).astype(np.float32)
    layer = Layer(0, "FULLY_CONNECTED", "y", 0, 1, "NONE")
    x = (generator.normal(size=(200, 6)) @ generator.normal(size=(6, 32))).astype(np.float32)  # correlated inputs
    moments = LayerMoments(layer, weights, None)
    for sample in x:
        moments.update(sample[None], sample[None])
    steps = best_steps(weights, layer, moments)
    scale = along(channel_scales(weights, 0), 0, 2)
    nearest = np.rint(weights / scale) * scale
    errors = [np.square(x @ (w - weights).T).sum() for w in (nearest, nearest + steps * scale)]
    assert set(np.unique(steps)) <= {-1, 0, 1}
    assert errors[1] < errors[0] / 4
    assert np.array_equal(np.abs(nearest + steps * scale).max(axis=1), np.abs(nearest).max(axis=1)), "scales must stay"


def test_the_quantizer_stores_the_rounded_integers(hubs: Any) -> None:
    hub, samples = hubs("relu")
    own = workshop(hub, samples)
    treatment = round_weights(own, own.plain(), lambda done, total: None)
    steps = [edit for edit in treatment.corrections if isinstance(edit, RoundWeights)]
    assert len(steps) == len(own.network(()).layers)
    network = own.network(())
    stored = Network(own.build(treatment)).graph.tensors
    model = Network(own.build(treatment))
    by_name = {tensor.name.decode(): tensor for tensor in stored}
    moved = 0
    for layer in network.layers:
        real = own.network(treatment.corrections).weights(layer)
        scale = along(channel_scales(network.weights(layer), layer.channel_axis), layer.channel_axis, real.ndim)
        name = network.tensor_name(int(network.graph.operators[layer.position].inputs[1]))
        data = model.model.buffers[by_name[name].buffer].data
        assert np.array_equal(np.rint(real / scale), np.frombuffer(bytes(data), np.int8).reshape(real.shape))
        moved += int((np.rint(network.weights(layer) / scale) != np.rint(real / scale)).sum())
    assert moved > 0


def test_edits_survive_json(hubs: Any) -> None:
    import json

    hub, samples = hubs("relu")
    own = workshop(hub, samples)
    for edit in equalize(own.network(()), own.statistics(()), 0.5):
        assert edit_from_dict(json.loads(json.dumps(edit.to_dict()))) == edit


def test_the_least_squares_range_is_the_best_of_all_ranges() -> None:
    generator = np.random.default_rng(1)
    values = np.concatenate([generator.normal(size=200_000), [8.0, -7.0]])
    histogram = Histogram()
    histogram.update(values)
    low, high = least_squares_range(histogram)

    def error(low: float, high: float) -> float:
        scale = (high - low) / 255
        quantized = np.clip(np.rint((values - low) / scale), 0, 255) * scale + low
        return float(np.mean((values - quantized) ** 2))

    assert -7.0 < low < -3.0
    assert 3.0 < high < 8.0
    grid = [(-a, b) for a in np.geomspace(1, 7, 16) for b in np.geomspace(1, 8, 16)]
    assert error(low, high) < 1.1 * min(error(*pair) for pair in grid)
    assert error(low, high) < error(-7.0, 8.0) / 1.2


def test_what_some_samples_gain_by_and_others_lose_by_is_chance() -> None:
    before = Score(20.0, 20.0, None, (18.0, 20.0, 22.0, 20.0))
    assert Score(20.2, 20.2, None, (18.2, 20.3, 22.1, 20.2)).gains_on(before)
    assert not Score(20.2, 20.2, None, (17.5, 21.0, 21.3, 21.0)).gains_on(before)
    assert not Score(19.0, 19.0, None, (17.0, 19.0, 21.0, 19.0)).gains_on(before)
    assert Score(20.2, 20.2, None, (20.2,)).gains_on(Score(20.0, 20.0, None, (20.0,)))
