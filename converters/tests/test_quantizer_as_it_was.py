"""What a quantized source computed on grids that LiteRT does not have, or in float, is not put on others."""

import pytest

from edgequant_converters.ir import Graph, Operator, Quantization, Tensor, constant
from edgequant_converters.quantizer._as_it_was import differs_from_source


def softmax(*, is_output: bool) -> tuple[Operator, Graph]:
    x, y, z = (Tensor(name, (1, 8)) for name in "xyz")
    own = Operator("SOFTMAX", [x], [y])
    after = [] if is_output else [Operator("ABS", [y], [z])]
    return own, Graph([x], [y if is_output else z], [own, *after])


@pytest.mark.parametrize(("high", "differs"), [(255 / 256, False), (1.0, True), (0.25, True)])
def test_a_softmax_that_is_computed_with_keeps_its_steps(high: float, differs: bool) -> None:
    own, graph = softmax(is_output=False)
    assert differs_from_source(own, graph, "INT8", {"y": (0.0, high)}) is differs


@pytest.mark.parametrize(("high", "differs"), [(255 / 256, False), (1.0, False), (0.25, True)])
def test_a_model_s_probabilities_may_be_a_step_apart(high: float, differs: bool) -> None:
    own, graph = softmax(is_output=True)
    assert differs_from_source(own, graph, "INT8", {"y": (0.0, high)}) is differs


def test_recurrent_layers_without_integers_were_float() -> None:
    x, y, weights = Tensor("x", (1, 4, 3)), Tensor("y", (1, 4, 2)), constant("w", [[0.5] * 3] * 2, "float32")
    layer = Operator("UNIDIRECTIONAL_SEQUENCE_RNN", [x, weights], [y])
    assert differs_from_source(layer, Graph([x], [y], [layer]), "INT8", {})
    weights.quantization = Quantization.of(0.5 / 127)
    assert not differs_from_source(layer, Graph([x], [y], [layer]), "INT8", {})
