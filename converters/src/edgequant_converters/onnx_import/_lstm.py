"""LSTM: LiteRT's fused operator where nothing asks for more, else step by step."""

from functools import partial

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._recurrent import Direction, Layer, State, Step, fused, joined, read_layer, run, zero_state
from ._registry import lowers

_ONNX_GATES = ("input", "output", "forget", "cell")
_LITERT_GATES = ("input", "forget", "cell", "output")
_FUSED_ACTIVATIONS = {"tanh": "TANH", "relu": "RELU"}


@lowers("LSTM")
def lstm(node: Node, build: Builder) -> list[Tensor | None]:
    """Long short-term memory; the outputs are Y, and the last hidden and cell states."""
    layer = read_layer(node, build, 2, ("Sigmoid", "Tanh", "Tanh"), 4)
    coupled = bool(node.get("input_forget", 0))
    wants_cells = len(node.outputs) > 2 and bool(node.outputs[2])
    outputs, finals = [], []
    for direction in layer.directions:
        if _is_fused(layer, direction) and not wants_cells and not coupled:
            y, final = fused(build, layer, direction, partial(_append, build, layer, direction))
        else:
            sequence, final = run(node, build, layer, direction, _step(layer, coupled=coupled))
            y = (sequence, True)
        outputs.append(y)
        finals.append(final)
    return joined(node, build, outputs, finals, 2)


def _is_fused(layer: Layer, direction: Direction) -> bool:
    gate, cell, hidden = direction.names
    return (
        layer.lengths is None
        and not layer.clip
        and direction.starts_at_zero
        and direction.has_constant_weights
        and gate == "sigmoid"
        and cell == hidden
        and cell in _FUSED_ACTIVATIONS
    )


def _append(build: Builder, layer: Layer, direction: Direction, x: Tensor) -> Tensor:
    def rows(tensor: Tensor, gate: str, name: str) -> Tensor:
        first = _ONNX_GATES.index(gate) * layer.hidden
        return build.constant(tensor.values[first : first + layer.hidden], name=f"{build.scope}/{name}")

    bias = build.add(direction.bias, direction.recurrent_bias)
    peepholes: list[Tensor | None] = [None] * 3
    if direction.peepholes is not None:
        known = direction.peepholes
        peepholes = [rows(known, gate, f"cell_to_{gate}") for gate in ("input", "forget", "output")]
    inputs = [
        x,
        *(rows(direction.weights, gate, f"input_to_{gate}") for gate in _LITERT_GATES),
        *(rows(direction.recurrent, gate, f"recurrent_to_{gate}") for gate in _LITERT_GATES),
        *peepholes,
        *(rows(bias, gate, f"{gate}_bias") for gate in _LITERT_GATES),
        None, None,
        zero_state(build, layer, "hidden_state"), zero_state(build, layer, "cell_state"),
        None, None, None, None,
    ]  # fmt: skip
    return build.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (*x.shape[:2], layer.hidden), timeMajor=layer.time_major,
        fusedActivationFunction=_FUSED_ACTIVATIONS[direction.names[1]],
    )  # fmt: skip


def _step(layer: Layer, *, coupled: bool) -> Step:
    """Return a step; gates lie in the order input, output, forget, cell. Coupled, what comes in is forgotten."""
    size = layer.hidden

    def step(build: Builder, direction: Direction, share: Tensor, state: State) -> State:
        h, c = state
        gate, cell, hidden = direction.activations
        sums = build.add(share, build.fully_connected(h, direction.recurrent, direction.recurrent_bias))

        def part(first: int, count: int = 1) -> Tensor:
            return build.slice(sums, (0, first * size), (layer.batch, count * size))

        def seen(index: int, cells: Tensor) -> Tensor:
            """Return a gate's sum with what its peephole sees of the cells."""
            if direction.peepholes is None:
                return layer.limited(build, part(index))
            look = build.slice(direction.peepholes, (index * size,), (size,))
            return layer.limited(build, build.add(part(index), build.mul(cells, look)))

        new = cell(build, layer.limited(build, part(3)))
        entering = gate(build, seen(0, c))
        staying = build.sub(build.like(1.0, entering), entering) if coupled else gate(build, seen(2, c))
        memory = build.add(build.mul(staying, c), build.mul(entering, new))
        shown = hidden(build, memory)
        return [build.mul(gate(build, seen(1, memory)), shown), memory]

    return step
