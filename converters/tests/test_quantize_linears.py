"""Weight-only int8 linear layers put into torch modules: footprint, values, state_dict, export, and the refusals."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgequant_converters import (  # noqa: E402 (torch may be missing)
    FootprintChange,
    UnsupportedError,
    WeightOnlyInt8Linear,
    convert,
    footprint,
    linear,
    quantize_linears_,
    sqnr_db,
)

pytestmark = pytest.mark.torch_export


@pytest.fixture
def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.GELU(), torch.nn.Linear(96, 10)).eval()


def run(module, *inputs):
    with torch.no_grad():
        return module(*inputs)


def test_weights_scales_and_footprint(net):
    original = copy.deepcopy(net)
    change = quantize_linears_(net)
    parameters = 64 * 96 + 96 + 96 * 10 + 10
    assert change == FootprintChange(parameters * 4, 64 * 96 + 96 * 10 + (96 + 10) * 2 * 4)
    assert str(change) == "0.028840 MB to 0.007952 MB (27.6%)"
    assert footprint(net) == change.after
    weight = original[0].weight.detach().numpy()
    quantizer = linear.fit(weight, axis=0)
    assert type(net[0]) is WeightOnlyInt8Linear
    assert np.array_equal(net[0].int8_weight.numpy(), quantizer.quantize(weight))
    assert np.array_equal(net[0].scale.numpy(), quantizer.scale)
    assert np.array_equal(net[0].weight.numpy(), quantizer.round_trip(weight))
    assert torch.equal(net[0].bias, original[0].bias)
    x = torch.randn(5, 3, 64)
    assert sqnr_db(run(original, x).numpy(), run(net, x).numpy()) > 38


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_layers_run_in_half_precision(net, dtype):
    x = torch.randn(4, 64)
    reference = run(net, x)
    half = copy.deepcopy(net).to(dtype)
    before = footprint(half)
    assert quantize_linears_(half).before == before
    assert half[0].scale.dtype == half[0].weight.dtype == dtype
    y = run(half, x.to(dtype))
    assert y.dtype == dtype
    assert sqnr_db(reference.numpy(), y.float().numpy()) > 30


def test_large_activations_do_not_overflow_float16():
    layer = torch.nn.Sequential(torch.nn.Linear(1024, 4, bias=False)).half()
    torch.nn.init.constant_(layer[0].weight, 0.01)
    x = torch.full((1, 1024), 100.0).half()
    quantize_linears_(layer)
    # Steps of 127 times 100, summed 1024 times, would be 13 million; float16 ends at 65504.
    assert run(layer, x).float() == pytest.approx(np.full((1, 4), 1024.0), rel=2e-3)


def test_groups_are_closer(net):
    reference, grouped = copy.deepcopy(net), copy.deepcopy(net)
    quantize_linears_(net)
    quantize_linears_(grouped, group_size=8)
    assert grouped[0].scale.shape == (96, 8) and grouped[2].scale.shape == (10, 12)
    assert "group_size=8" in repr(grouped[0]) and "group_size" not in repr(net[0])
    weight = reference[0].weight.detach()
    assert (grouped[0].weight - weight).square().mean() < (net[0].weight - weight).square().mean()


def test_exclude_by_own_name_and_by_path():
    def build():
        block = torch.nn.ModuleDict({"fc": torch.nn.Linear(4, 4), "out": torch.nn.Linear(4, 4)})
        return torch.nn.ModuleDict({"a": block, "b": copy.deepcopy(block)})

    def quantized(module):
        return [name for name, layer in module.named_modules() if isinstance(layer, WeightOnlyInt8Linear)]

    module = build()
    quantize_linears_(module, exclude=["fc"])
    assert quantized(module) == ["a.out", "b.out"]
    module = build()
    quantize_linears_(module, exclude=["a.fc", "b.out"])
    assert quantized(module) == ["a.out", "b.fc"]


def test_state_dict_round_trip(net, tmp_path):
    fresh = copy.deepcopy(net)
    for parameter in fresh.parameters():
        torch.nn.init.uniform_(parameter)
    quantize_linears_(net, group_size=16)
    quantize_linears_(fresh, group_size=16)
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    assert sorted(net.state_dict()) == [
        "0.bias", "0.int8_weight", "0.scale", "2.bias", "2.int8_weight", "2.scale",
    ]  # fmt: skip
    fresh.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    x = torch.randn(2, 64)
    assert torch.equal(run(fresh, x), run(net, x))


def test_export_keeps_int8_weights_and_the_outputs(net, tmp_path):
    quantize_linears_(net, group_size=16)
    x = torch.randn(2, 64)
    torch.export.save(torch.export.export(net, (x,)), tmp_path / "net.pt2")
    loaded = torch.export.load(tmp_path / "net.pt2")
    assert loaded.state_dict["0.int8_weight"].dtype == torch.int8
    assert torch.equal(run(loaded.module(), x), run(net, x))


@pytest.mark.parametrize("name", ["net.onnx", "net.tflite"])
def test_weight_int8_conversion_finds_the_same_integers_again(net, tmp_path, name):
    quantize_linears_(net)
    report = convert(net, tmp_path / name, quantize="weight-int8", example_inputs=(torch.randn(1, 64),))
    assert report.sqnr_db > 100
    assert report.bytes < report.source_bytes / 2


def test_attention_and_encoder_layers_still_run():
    torch.manual_seed(1)
    layer = torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True).eval()
    x = torch.randn(2, 7, 32)
    reference = run(layer, x)
    quantize_linears_(layer)
    assert isinstance(layer.self_attn.out_proj, WeightOnlyInt8Linear)
    assert sqnr_db(reference.numpy(), run(layer, x).numpy()) > 30


def test_a_layer_used_twice_stays_one_and_shared_weights_stay_shared(net):
    layer = torch.nn.Linear(8, 8)
    tied = torch.nn.Linear(8, 8, bias=False)
    tied.weight = layer.weight
    module = torch.nn.ModuleDict({"a": layer, "b": layer, "c": tied})
    quantize_linears_(module)
    assert module["a"] is module["b"]
    assert module["c"].int8_weight is module["a"].int8_weight
    assert footprint(module) == 64 + 8 * 4 + 8 * 4


def test_training_mode_and_device_stay(net):
    net.train()
    quantize_linears_(net)
    assert net[0].training and net[0].int8_weight.device == torch.device("cpu")


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(10, 4)
        self.body, self.head = torch.nn.Linear(4, 4), torch.nn.Linear(4, 10, bias=False)
        self.head.weight = self.embedding.weight


def with_infinity():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2))
    module[0].weight.data[0, 0] = torch.inf
    return module


@pytest.mark.parametrize(
    ("build", "how", "message"),
    [
        (lambda: torch.nn.Linear(2, 2), {}, "give its parent"),
        (lambda: torch.nn.Sequential(torch.nn.ReLU()), {}, "no linear layer to quantize"),
        (lambda: torch.nn.Sequential(torch.nn.Linear(2, 2)), {"exclude": ["0"]}, "no linear layer to quantize"),
        (lambda: torch.nn.Sequential(torch.nn.Linear(2, 2)), {"exclude": ["head"]}, "No linear layer is called 'head'"),
        (lambda: torch.nn.Sequential(torch.nn.Linear(6, 2)), {"group_size": 4}, r"'0' cannot.*Groups of 4 do not"),
        (with_infinity, {}, "'0' cannot be quantized. The tensor holds infinite"),
        (lambda: torch.nn.Sequential(torch.nn.Linear(2, 2)).to(torch.float8_e5m2), {}, "cast it to float16 or wider"),
        (Tied, {}, "'head' shares its weight with 'embedding': exclude it"),
    ],
)
def test_refusals_change_nothing(build, how, message):
    module = build()
    kinds, size = [type(layer) for layer in module.modules()], footprint(module)
    with pytest.raises(UnsupportedError, match=message):
        quantize_linears_(module, **how)
    assert ([type(layer) for layer in module.modules()], footprint(module)) == (kinds, size)


def test_tied_head_can_be_excluded():
    module = Tied()
    quantize_linears_(module, exclude=["head"])
    assert isinstance(module.body, WeightOnlyInt8Linear)
    assert module.head.weight is module.embedding.weight
