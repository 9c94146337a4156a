"""What LSTM, GRU and RNN share: their inputs read once, and their steps, written out if few, else in a WHILE."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._body import Body, put, repeat, take
from ._gates import Activation, clipped, read_activations
from ._node import Node

_FEW_STEPS = 4  # that are written out: a quantizer sees them, and a WHILE's copies cost more


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a layer: weights (rows, features) and (rows, hidden), biases (rows), states (batch, hidden)."""

    weights: Tensor
    recurrent: Tensor
    bias: Tensor
    recurrent_bias: Tensor
    initial: list[Tensor]
    names: list[str]
    activations: list[Activation]
    backwards: bool
    peepholes: Tensor | None

    @property
    def starts_at_zero(self) -> bool:
        """Whether all first states are zeros."""
        return all(state.is_constant and not state.values.any() for state in self.initial)

    @property
    def has_constant_weights(self) -> bool:
        """Whether all weights and biases are known."""
        parts = (self.weights, self.recurrent, self.bias, self.recurrent_bias)
        return all(part.is_constant for part in parts) and (self.peepholes is None or self.peepholes.is_constant)


@dataclass(frozen=True, slots=True)
class Layer:
    """A recurrent layer: its input in either order of its first two axes, and its directions.

    `lengths` (batch, 1) is None where all sequences have all steps.
    """

    x: Tensor
    time_major: bool
    directions: list[Direction]
    lengths: Tensor | None
    hidden: int
    clip: float

    @property
    def steps(self) -> int:
        """The number of steps."""
        return self.x.shape[0 if self.time_major else 1]

    @property
    def batch(self) -> int:
        """The number of sequences."""
        return self.x.shape[1 if self.time_major else 0]

    def limited(self, build: Builder, x: Tensor) -> Tensor:
        """Return what goes into an activation, limited to the layer's clip."""
        return clipped(build, x, -self.clip, self.clip) if self.clip else x


State = list[Tensor]
Step = Callable[[Builder, Direction, Tensor, State], State]
"""Takes a step's share of the input (batch, rows), biases of both kinds not added, and the state; returns the next."""


def read_layer(node: Node, build: Builder, states: int, defaults: Sequence[str], gates: int) -> Layer:
    """Read a node with this number of states, the first of which it gives out at every step."""
    x, w, r, b = node.input(0), node.input(1), node.input(2), node.optional(3)
    if min(x.shape) < 0:
        node.refuse("a free size")
    batch_major = bool(node.get("layout", 0))
    count, rows, hidden = w.shape[0], w.shape[1], r.shape[-1]
    assert rows == gates * hidden
    batch = x.shape[0 if batch_major else 1]
    activations = read_activations(node, defaults, count)
    initial = [node.optional(5 + index) for index in range(states)]
    directions = []
    for d in range(count):
        both = None if b is None else _part(build, b, d)
        zeros = build.constant(np.zeros(rows), np.float32)
        own = [_first_state(build, state, d, batch_major, (batch, hidden)) for state in initial]
        peepholes = node.optional(7)
        names, functions = activations[d]
        directions.append(
            Direction(
                _part(build, w, d), _part(build, r, d),
                zeros if both is None else build.slice(both, (0,), (rows,)),
                zeros if both is None else build.slice(both, (rows,), (rows,)),
                own, names, functions, node.get("direction", "forward") == "reverse" or d == 1,
                None if peepholes is None else _part(build, peepholes, d),
            )
        )  # fmt: skip
    return Layer(
        *_source(build, x, batch_major), directions, _lengths(node, build, x.shape[1 if batch_major else 0]), hidden,
        float(node.get("clip", 0.0)),
    )  # fmt: skip


def _part(build: Builder, x: Tensor, index: int) -> Tensor:
    begin = [index, *[0] * (x.rank - 1)]
    return build.reshape(build.slice(x, begin, (1, *x.shape[1:])), x.shape[1:])


def _first_state(build: Builder, x: Tensor | None, d: int, batch_major: bool, shape: tuple[int, int]) -> Tensor:
    if x is None:
        return build.constant(np.zeros(shape), np.float32)
    begin, size = ([0, d, 0], [shape[0], 1, shape[1]]) if batch_major else ([d, 0, 0], [1, *shape])
    return build.reshape(build.slice(x, begin, size), shape)


def _source(build: Builder, x: Tensor, batch_major: bool) -> tuple[Tensor, bool]:
    """Return the input, and whether its first axis is the steps; a transposition before the layer is left out."""
    if batch_major:
        return x, False
    maker = build.graph.producers().get(x)
    if maker is not None and maker.code == "TRANSPOSE" and x.rank == 3:
        source, order = maker.inputs
        if source is not None and order is not None and order.is_constant and list(order.values) == [1, 0, 2]:
            return source, False
    return x, True


def _lengths(node: Node, build: Builder, steps: int) -> Tensor | None:
    lengths = node.optional(4)
    if lengths is None or (lengths.is_constant and (lengths.values == steps).all()):
        return None
    return build.reshape(build.cast(lengths, "INT32"), (-1, 1))


def run(node: Node, build: Builder, layer: Layer, direction: Direction, step: Step) -> tuple[Tensor, State]:
    """Append the steps; return the outputs (steps, batch, hidden) and the last states (batch, hidden)."""
    x = layer.x if layer.time_major else build.transpose(layer.x, (1, 0, 2))
    shares = build.fully_connected(x, direction.weights, direction.bias)
    if layer.steps <= _FEW_STEPS:
        return _written_out(build, layer, direction, shares, step)
    buffer = build.constant(np.zeros((layer.steps, layer.batch, layer.hidden)), np.float32)

    def round_(body: Body, number: Tensor, values: State) -> State:
        inner = body.build
        *state, outputs = values
        last = inner.constant(layer.steps - 1, np.int32)
        time = inner.sub(last, number) if direction.backwards else number
        share = take(inner, body.capture(shares), time)
        lengths = None if layer.lengths is None else body.capture(layer.lengths)
        own = _captured(body, direction)
        following, given = _masked(inner, replace(layer, lengths=lengths), own, share, state, step, time)
        return [*following, put(inner, outputs, given, time)]

    *state, outputs = repeat(node, build, layer.steps, [*direction.initial, buffer], round_)
    return outputs, state


def _captured(body: Body, direction: Direction) -> Direction:
    return replace(
        direction,
        recurrent=body.capture(direction.recurrent),
        recurrent_bias=body.capture(direction.recurrent_bias),
        peepholes=None if direction.peepholes is None else body.capture(direction.peepholes),
    )


def _written_out(
    build: Builder, layer: Layer, direction: Direction, shares: Tensor, step: Step
) -> tuple[Tensor, State]:
    times = range(layer.steps)
    outputs: dict[int, Tensor] = {}
    state = direction.initial
    rows = shares.shape[2]
    for time in reversed(times) if direction.backwards else times:
        share = build.reshape(build.slice(shares, (time, 0, 0), (1, layer.batch, rows)), (layer.batch, rows))
        number = build.constant(time, np.int32)
        state, given = _masked(build, layer, direction, share, state, step, number)
        outputs[time] = build.reshape(given, (1, *given.shape))
    return build.concat([outputs[time] for time in times], 0), state


def _masked(
    build: Builder, layer: Layer, direction: Direction, share: Tensor, state: State, step: Step, time: Tensor
) -> tuple[State, Tensor]:
    """Return the next states and the output; behind a sequence's end its states stay, and the output is 0."""
    following = step(build, direction, share, state)
    if layer.lengths is None:
        return following, following[0]
    inside = build.binary("LESS", time, layer.lengths)
    kept = [build.select(inside, new, old) for new, old in zip(following, state, strict=True)]
    return kept, build.select(inside, following[0], build.like(0.0, following[0]))


def joined(
    node: Node, build: Builder, outputs: Sequence[tuple[Tensor, bool]], finals: Sequence[State | None], states: int
) -> list[Tensor | None]:
    """Return Y and the last states in the layout that the node asks for.

    `outputs` are those of each direction, (steps, batch, hidden) if they are marked as time-major, else
    (batch, steps, hidden); `finals` are its last states.
    """
    batch_major = bool(node.get("layout", 0))
    sequences = []
    for y, time_major in outputs:
        if batch_major:
            ordered = build.transpose(y, (1, 0, 2)) if time_major else y
            sequences.append(build.reshape(ordered, (*ordered.shape[:2], 1, ordered.shape[2])))
        else:
            ordered = y if time_major else build.transpose(y, (1, 0, 2))
            sequences.append(build.reshape(ordered, (ordered.shape[0], 1, *ordered.shape[1:])))
    made: list[Tensor | None] = [build.concat(sequences, 2 if batch_major else 1)]
    for index in range(states):
        given = [final[index] for final in finals if final is not None and index < len(final)]
        if len(given) < len(finals):
            made.append(None)
            continue
        batch, hidden = given[0].shape
        shape = (batch, 1, hidden) if batch_major else (1, batch, hidden)
        made.append(build.concat([build.reshape(final, shape) for final in given], 1 if batch_major else 0))
    return made


def fused(
    build: Builder, layer: Layer, direction: Direction, append: Callable[[Tensor], Tensor]
) -> tuple[tuple[Tensor, bool], State]:
    """Return the outputs of an operator that reads a whole sequence, and the last of them; backwards it is turned."""
    axis = 0 if layer.time_major else 1

    def turned(x: Tensor) -> Tensor:
        return build.op("REVERSE_V2", [x, build.constant([axis], np.int32)], x.shape)

    y = append(turned(layer.x) if direction.backwards else layer.x)
    begin, size = [0, 0, 0], list(y.shape)
    begin[axis], size[axis] = layer.steps - 1, 1
    last = build.reshape(build.slice(y, begin, size), (layer.batch, layer.hidden))
    return (turned(y) if direction.backwards else y, layer.time_major), [last]


def zero_state(build: Builder, layer: Layer, name: str) -> Tensor:
    """Return a variable (batch, hidden), which is zero when an inference of one shot begins."""
    return Tensor(f"{build.scope}/{name}", (layer.batch, layer.hidden), variable=True)
