"""Modules that stand in for others while a network is traced compute the same, and leave the network as it was."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from edgequant_converters.sources._torch_stand_ins import with_stand_ins  # noqa: E402 (needs torch)


def outputs(module: Any, x: Any) -> Any:
    with torch.no_grad():
        return module(x)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_one_length(mode: str) -> None:
    net = torch.nn.Sequential(torch.nn.EmbeddingBag(10, 6, mode=mode), torch.nn.ReLU()).eval()
    bag, x = net[0], torch.arange(8).reshape(2, 4)
    with with_stand_ins(net) as traced:
        assert traced[0] is not bag
        torch.testing.assert_close(outputs(traced, x), torch.relu(outputs(bag, x)))
    assert net[0] is bag


def test_a_network_that_is_one_such_module() -> None:
    module, x = torch.nn.CrossMapLRN2d(3, 0.5, 0.6, 2.0), torch.randn(1, 6, 4, 4)
    with with_stand_ins(module) as traced:
        torch.testing.assert_close(outputs(traced, x), outputs(module, x))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_that_leave_their_padding_out(mode: str) -> None:
    module = torch.nn.EmbeddingBag(10, 6, mode=mode, padding_idx=3).eval()
    x = torch.tensor([[1, 3, 2], [3, 3, 3], [5, 6, 7]])
    with with_stand_ins(module) as traced:
        torch.testing.assert_close(outputs(traced, x), outputs(module, x))


def test_bags_that_change_their_rows_are_left_alone() -> None:
    module = torch.nn.EmbeddingBag(10, 6, max_norm=1.0)
    with with_stand_ins(module) as traced:
        assert traced is module


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("shape", [(7, 2, 6), (7, 6)])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2, "bias": False}])
@pytest.mark.parametrize("given", [False, True])
def test_projections_of_an_lstm_become_part_of_its_recurrence(
    shape: tuple[int, ...], options: dict[str, Any], *, given: bool
) -> None:
    module = torch.nn.LSTM(6, 8, proj_size=4, batch_first=len(shape) == 3, **options).eval()
    ways = 4 if options else 1
    batch = shape[:1] if len(shape) == 3 else ()
    states = (torch.randn(ways, *batch, 4), torch.randn(ways, *batch, 8)) if given else None
    x = torch.randn(shape)
    with torch.no_grad(), with_stand_ins(module) as traced:
        assert traced is not module
        found, wanted = traced(x, states), module(x, states)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)
