"""LSTM, GRU and RNN layers, unrolled over their steps: a LiteRT model has no loop that can be quantized."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from ._node import Node
from ._registry import operator

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Relu": F.relu, "HardSigmoid": lambda x: (0.2 * x + 0.5).clamp(0, 1),
    "Softsign": F.softsign, "Softplus": F.softplus,
}  # fmt: skip

_State = tuple[Tensor, ...]
_Step = Callable[[Tensor, _State], _State]
"""Takes a step's share of the input, already multiplied (batch, gates * hidden), and the state; returns the state."""


@operator("LSTM")
def lstm(
    node: Node, x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, lengths: Tensor | None = None,
    h: Tensor | None = None, c: Tensor | None = None, peepholes: Tensor | None = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Long short-term memory; gates in the order input, output, forget, cell."""
    node.refuse("input_forget", 0)
    if peepholes is not None:
        node.unsupported("peephole weights")
    gate, cell, hidden = range(3)

    def step_of(r: Tensor, bias: Tensor, functions: Sequence[Callable[[Tensor], Tensor]]) -> _Step:
        def step(share: Tensor, state: _State) -> _State:
            i, o, f, g = (share + F.linear(state[0], r, bias)).chunk(4, dim=-1)
            memory = functions[gate](f) * state[1] + functions[gate](i) * functions[cell](g)
            return functions[gate](o) * functions[hidden](memory), memory

        return step

    return _run(node, x, w, r, b, lengths, (h, c), ("Sigmoid", "Tanh", "Tanh"), step_of)


@operator("GRU")
def gru(
    node: Node, x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, lengths: Tensor | None = None,
    h: Tensor | None = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Gated recurrent unit; gates in the order update, reset, hidden."""
    resets_product = bool(node.get("linear_before_reset", 0))
    gate, candidate = range(2)

    def step_of(r: Tensor, bias: Tensor, functions: Sequence[Callable[[Tensor], Tensor]]) -> _Step:
        size = r.shape[-1]
        r_gates, r_hidden, b_gates, b_hidden = r[: 2 * size], r[2 * size :], bias[: 2 * size], bias[2 * size :]

        def step(share: Tensor, state: _State) -> _State:
            (h,) = state
            gates = functions[gate](share[:, : 2 * size] + F.linear(h, r_gates, b_gates))
            update, reset = gates.chunk(2, dim=-1)
            if resets_product:
                recurrent = reset * F.linear(h, r_hidden, b_hidden)
            else:
                recurrent = F.linear(reset * h, r_hidden, b_hidden)
            new = functions[candidate](share[:, 2 * size :] + recurrent)
            return ((1 - update) * new + update * h,)

        return step

    return _run(node, x, w, r, b, lengths, (h,), ("Sigmoid", "Tanh"), step_of)


@operator("RNN")
def rnn(
    node: Node, x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, lengths: Tensor | None = None,
    h: Tensor | None = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Plain recurrent layer."""

    def step_of(r: Tensor, bias: Tensor, functions: Sequence[Callable[[Tensor], Tensor]]) -> _Step:
        return lambda share, state: (functions[0](share + F.linear(state[0], r, bias)),)

    return _run(node, x, w, r, b, lengths, (h,), ("Tanh",), step_of)


def _run(
    node: Node, x: Tensor, w: Tensor, r: Tensor, b: Tensor | None, lengths: Tensor | None,
    initial: Sequence[Tensor | None], defaults: Sequence[str],
    step_of: Callable[[Tensor, Tensor, Sequence[Callable[[Tensor], Tensor]]], _Step],
) -> tuple[Tensor, ...]:  # fmt: skip
    """Run all directions; returns Y, Y_h and for an LSTM Y_c, in the layout that the node asks for."""
    batch_first = bool(node.get("layout", 0))
    x = x.transpose(0, 1) if batch_first else x  # (steps, batch, features)
    _refuse_what_is_rare(node, x, lengths)
    directions, size = w.shape[0], r.shape[-1]
    names = node.get("activations", list(defaults) * directions)
    sequences, finals = [], []
    for d in range(directions):
        backwards = node.get("direction", "forward") == "reverse" or d == 1
        functions = [_ACTIVATIONS[name] for name in names[d * len(defaults) : (d + 1) * len(defaults)]]
        bias_w, bias_r = (None, r.new_zeros(r.shape[1])) if b is None else b[d].chunk(2)
        starts = [value if value is None or not batch_first else value.transpose(0, 1) for value in initial]
        state = tuple(x.new_zeros(x.shape[1], size) if start is None else start[d] for start in starts)
        step = step_of(r[d], bias_r, functions)
        outputs, state = _unroll(F.linear(x, w[d], bias_w), state, step, backwards)
        sequences.append(outputs)
        finals.append(state)
    y = torch.stack(sequences, dim=1)  # (steps, directions, batch, hidden)
    ends = [torch.stack(values) for values in zip(*finals, strict=True)]  # (directions, batch, hidden) each
    if batch_first:
        return (y.permute(2, 0, 1, 3), *(end.transpose(0, 1) for end in ends))
    return (y, *ends)


def _unroll(shares: Tensor, state: _State, step: _Step, backwards: bool) -> tuple[Tensor, _State]:
    outputs: list[Tensor] = []
    order = reversed(range(shares.shape[0])) if backwards else range(shares.shape[0])
    for index in order:
        state = step(shares[index], state)
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if backwards else outputs), state


def _refuse_what_is_rare(node: Node, x: Tensor, lengths: Tensor | None) -> None:
    if lengths is not None and not (node.constant(4) == x.shape[0]).all():
        node.unsupported("sequences of different lengths")
    for attribute in ("clip", "activation_alpha", "activation_beta"):
        if node.attributes.get(attribute):
            node.unsupported(attribute)
    unknown = set(node.get("activations", [])) - set(_ACTIVATIONS)
    if unknown:
        node.unsupported(f"the activation {', '.join(sorted(unknown))}")
