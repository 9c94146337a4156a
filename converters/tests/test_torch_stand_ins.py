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


def test_bags_that_leave_something_out_are_left_alone() -> None:
    module = torch.nn.EmbeddingBag(10, 6, padding_idx=0)
    with with_stand_ins(module) as traced:
        assert traced is module
