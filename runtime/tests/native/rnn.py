"""Models of one RNN, UNIDIRECTIONAL_SEQUENCE_RNN or BIDIRECTIONAL_SEQUENCE_RNN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .recurrent import TANH, Bidirectional, FloatWeights
from .single_op import Model


@dataclass(frozen=True)
class Rnn:
    """Sizes and options; `time` of 0 is the operator of one time step."""

    batch: int
    time: int
    inputs: int
    units: int
    time_major: bool = False
    activation: int = TANH
    asymmetric: bool = False

    def shape(self, depth: int) -> tuple[int, ...]:
        """Of the input or the output."""
        if self.time == 0:
            return self.batch, depth
        return (self.time, self.batch, depth) if self.time_major else (self.batch, self.time, depth)

    @property
    def options(self) -> dict[str, Any]:
        more = {"timeMajor": self.time_major} if self.time else {}
        return {"fusedActivationFunction": self.activation, "asymmetricQuantizeInputs": self.asymmetric, **more}


def rnns(least_time: int = 0) -> st.SearchStrategy[Rnn]:
    return st.builds(
        Rnn,
        batch=st.integers(1, 3),
        time=st.integers(least_time, 5),
        inputs=st.integers(1, 35),
        units=st.integers(1, 21),
        time_major=st.booleans(),
        activation=st.sampled_from([0, 1, 3, TANH]),
        asymmetric=st.booleans(),
    )


def rnn(spec: Rnn, seed: int, kind: str) -> bytes:
    model = Model()
    weights = FloatWeights(model, kind, seed)
    x = model.input(spec.shape(spec.inputs), "FLOAT32")
    matrices = [weights.matrix(spec.units, spec.inputs), weights.matrix(spec.units, spec.units)]
    inputs = [x, *matrices, weights.floats(spec.units), weights.state(spec.batch, spec.units)]
    y = model.tensor(spec.shape(spec.units), "FLOAT32")
    name = "UNIDIRECTIONAL_SEQUENCE_RNN" if spec.time else "RNN"
    model.operator(name, inputs, [y], "SequenceRNNOptions" if spec.time else "RNNOptions", version=3, **spec.options)
    return model.finish([y])


def bidirectional_rnn(spec: Rnn, kind_of: Bidirectional, seed: int, kind: str) -> bytes:
    """The backward direction has two units more."""
    model = Model()
    weights = FloatWeights(model, kind, seed)
    x = model.input(spec.shape(spec.inputs), "FLOAT32")
    second = kind_of.second_input(model, spec.shape(spec.inputs))
    units = [spec.units, spec.units + 2]
    inputs = [x]
    for n in units:
        matrices = [weights.matrix(n, spec.inputs), weights.matrix(n, n)]
        inputs += [*matrices, weights.floats(n), weights.state(spec.batch, n)]
    beside = [weights.matrix(n, spec.inputs) if kind_of.second == "beside" else -1 for n in units]
    outputs = kind_of.outputs(model, spec.shape(0), *units)
    model.operator("BIDIRECTIONAL_SEQUENCE_RNN", [*inputs, second, *beside], outputs, "BidirectionalSequenceRNNOptions",
                   version=3, mergeOutputs=kind_of.merged, **spec.options)  # fmt: skip
    return model.finish(outputs)
