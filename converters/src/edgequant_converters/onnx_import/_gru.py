"""GRU and RNN: LiteRT has a fused operator for the second; the first goes step by step."""

from functools import partial

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._recurrent import Direction, Layer, State, Step, fused, joined, read_layer, run, zero_state
from ._registry import lowers

_FUSED_ACTIVATIONS = {"tanh": "TANH", "relu": "RELU"}


@lowers("GRU")
def gru(node: Node, build: Builder) -> list[Tensor | None]:
    """Gated recurrent unit; the outputs are Y and the last hidden state."""
    layer = read_layer(node, build, 1, ("Sigmoid", "Tanh"), 3)
    step = _gru_step(layer, resets_product=bool(node.get("linear_before_reset", 0)))
    made = [run(node, build, layer, direction, step) for direction in layer.directions]
    return joined(node, build, [(y, True) for y, _ in made], [state for _, state in made], 1)


def _gru_step(layer: Layer, *, resets_product: bool) -> Step:
    """Return a step; gates lie in the order update, reset, hidden."""
    size, batch = layer.hidden, layer.batch

    def step(build: Builder, direction: Direction, share: Tensor, state: State) -> State:
        (h,) = state
        gate, candidate = direction.activations

        def rows(first: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
            """Return the input's share, recurrent weights and bias of some gates."""
            return (
                build.slice(share, (0, first * size), (batch, count * size)),
                build.slice(direction.recurrent, (first * size, 0), (count * size, size)),
                build.slice(direction.recurrent_bias, (first * size,), (count * size,)),
            )

        if resets_product:
            product = build.fully_connected(h, direction.recurrent, direction.recurrent_bias)
            given = build.slice(share, (0, 0), (batch, 2 * size))
            sums = build.add(given, build.slice(product, (0, 0), (batch, 2 * size)))
        else:
            given, weights, bias = rows(0, 2)
            sums = build.add(given, build.fully_connected(h, weights, bias))
        gates = gate(build, layer.limited(build, sums))
        update = build.slice(gates, (0, 0), (batch, size))
        reset = build.slice(gates, (0, size), (batch, size))
        if resets_product:
            given = build.slice(share, (0, 2 * size), (batch, size))
            remembered = build.mul(reset, build.slice(product, (0, 2 * size), (batch, size)))
        else:
            given, weights, bias = rows(2, 1)
            remembered = build.fully_connected(build.mul(reset, h), weights, bias)
        new = candidate(build, layer.limited(build, build.add(given, remembered)))
        return [build.add(new, build.mul(update, build.sub(h, new)))]

    return step


@lowers("RNN")
def rnn(node: Node, build: Builder) -> list[Tensor | None]:
    """Plain recurrent layer; the outputs are Y and the last hidden state."""
    layer = read_layer(node, build, 1, ("Tanh",), 1)
    outputs, finals = [], []
    for direction in layer.directions:
        if _is_fused(layer, direction):
            y, final = fused(build, layer, direction, partial(_append, build, layer, direction))
        else:
            sequence, final = run(node, build, layer, direction, partial(_rnn_step, layer))
            y = (sequence, True)
        outputs.append(y)
        finals.append(final)
    return joined(node, build, outputs, finals, 1)


def _is_fused(layer: Layer, direction: Direction) -> bool:
    plain = layer.lengths is None and not layer.clip and direction.names[0] in _FUSED_ACTIVATIONS
    return plain and direction.starts_at_zero and direction.has_constant_weights


def _append(build: Builder, layer: Layer, direction: Direction, x: Tensor) -> Tensor:
    bias = build.add(direction.bias, direction.recurrent_bias)
    state = zero_state(build, layer, "hidden_state")
    return build.op(
        "UNIDIRECTIONAL_SEQUENCE_RNN", [x, direction.weights, direction.recurrent, bias, state],
        (*x.shape[:2], layer.hidden), timeMajor=layer.time_major,
        fusedActivationFunction=_FUSED_ACTIVATIONS[direction.names[0]],
    )  # fmt: skip


def _rnn_step(layer: Layer, build: Builder, direction: Direction, share: Tensor, state: State) -> State:
    product = build.fully_connected(state[0], direction.recurrent, direction.recurrent_bias)
    return [direction.activations[0](build, layer.limited(build, build.add(share, product)))]
