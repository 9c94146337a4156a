import pytest

torch = pytest.importorskip("torch")

from edgequant_converters import UnsupportedError  # noqa: E402 (torch may be missing)
from edgequant_converters._downcast import downcast, footprint  # noqa: E402


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float16", 485_524), ("bfloat16", 485_524), ("float8_e4m3fn", 242_762), ("float8_e5m2", 242_762)],
)
def test_mlp_footprint(nets, dtype, size):
    module, _ = nets["mlp"]
    before = {key: value.clone() for key, value in module.state_dict().items()}
    smaller = downcast(module, dtype)
    assert footprint(module) == 971_048
    assert footprint(smaller) == size
    assert footprint(downcast(module, getattr(torch, dtype))) == size
    assert {value.dtype for value in smaller.state_dict().values()} == {getattr(torch, dtype)}
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_integers_stay_and_shared_tensors_count_once():
    layer = torch.nn.BatchNorm2d(3)  # 4 x 3 floats and an int64 counter
    assert footprint(layer) == 4 * 3 * 4 + 8
    assert footprint(downcast(layer, "float16")) == 4 * 3 * 2 + 8
    tied = torch.nn.Sequential(torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 4, bias=False))
    tied[1].weight = tied[0].weight
    assert footprint(tied) == 64
    assert footprint(downcast(tied, "float16")) == 32


def test_rounds_to_nearest_even():
    layer = torch.nn.Linear(1, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0625], [1.1875], [-1.3]]))
    # float8_e4m3fn has steps of 1/8 between 1 and 2: the first two are ties.
    assert downcast(layer, "float8_e4m3fn").weight.float().ravel().tolist() == [1.0, 1.25, -1.25]


def test_half_module_runs(nets):
    module, (x,) = nets["mlp"]
    y = downcast(module, "bfloat16")(x.bfloat16()).float()
    assert (y - module(x)).abs().max() < 0.05


@pytest.mark.parametrize(("name", "dtype"), [("fp8", torch.float8_e4m3fn), ("FP8-E5M2", torch.float8_e5m2)])
def test_types_are_named_as_people_write_them(nets, name, dtype):
    assert {value.dtype for value in downcast(nets["mlp"][0], name).state_dict().values()} == {dtype}


@pytest.mark.parametrize("dtype", ["int8", torch.float64, "float4"])
def test_other_types_are_refused(nets, dtype):
    with pytest.raises(UnsupportedError, match="fp16, bf16, fp8-e4m3fn, fp8-e5m2"):
        downcast(nets["mlp"][0], dtype)
