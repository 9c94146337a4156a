"""After an import: the float hub file must compute what the trained network computes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._evaluate import open_model
from edgequant_converters._metrics import IDENTICAL_DB, ErrorStatistics, sqnr_db
from edgequant_converters.graph import read_graph

MINIMUM_SQNR_DB = 60.0
"""Float rounding leaves 100 dB or more; below 60 dB (an error of 0.1 %) the conversion computes something else."""

_NEGLIGIBLE = 1e-5
"""The absolute error allowed where the network's own output is all zero, so that a ratio means nothing."""

_NEAR_ZERO = 2.0**-21
"""The absolute error allowed to probabilities: ONNX Runtime's own Sigmoid is 1.7e-7 off, which may be all of one near
0. Its Tanh is 3e-7 of the result off, however near 0 that is: 130 dB."""

_PROBABILITIES = frozenset({"LOGISTIC", "SIGMOID", "SOFTMAX"})

_OF_PROBABILITIES = frozenset(
    {"CAST", "CONCAT", "CONCATENATION", "FLATTEN", "GATHER", "IDENTITY", "MUL", "RESHAPE", "SLICE", "SPLIT", "SQUEEZE",
     "STRIDED_SLICE", "TRANSPOSE", "UNSQUEEZE"}
)  # fmt: skip
"""What only moves probabilities, or multiplies them with others."""


def check_hub(
    path: Path, inputs: Mapping[str, NDArray[Any]], expected: Sequence[NDArray[Any]], description: str
) -> float:
    """Compare the hub's outputs with the network's own; return the lowest SQNR in dB (300: identical).

    `inputs` are by the hub's input names, in the hub's layout, and cast to the hub's types (LiteRT hubs take 32-bit
    integers where the network takes 64-bit ones); `expected` is in the hub's output order. `description` names the
    network in the message.

    Raises SourceError if an output's SQNR is below 60 dB (but for probabilities whose largest error is 4.8e-7), if one
    is not finite, or if the outputs differ in number or shape, and UnsupportedError for a hub that its engine does not
    open.
    """
    try:
        model = open_model(path)
    except SourceError as error:
        target, other = ("ONNX", ".tflite") if path.suffix == ".onnx" else ("LiteRT", ".onnx")
        said = f"its converter writes what does not open, so try {other}. {str(error).replace(path.name, 'it')}"
        raise UnsupportedError(f"{description} cannot be converted to {target}: {said}") from error
    computed = model.run({spec.name: inputs[spec.name].astype(spec.dtype, copy=False) for spec in model.inputs})
    if len(computed) != len(expected):
        raise SourceError(
            f"{description}: the converted model has {len(computed)} outputs where the network has {len(expected)}."
        )
    return min(
        (_compare(path, index, *pair, description) for index, pair in enumerate(zip(expected, computed, strict=True))),
        default=IDENTICAL_DB,
    )


def agreement(names: Sequence[str], theirs: Sequence[NDArray[Any]], ours: Sequence[NDArray[Any]]) -> tuple[float, str]:
    """Return how far the float model of a quantized one is from it, in dB and in words, by the worst output."""
    lowest, output, _, our = min(
        ((sqnr_db(*pair), name, *pair) for pair, name in zip(zip(theirs, ours, strict=True), names, strict=True)),
        key=lambda found: found[0],
    )
    if lowest == -IDENTICAL_DB:  # no ratio to nothing
        found = f"gives {np.abs(our).max():.2g} at most where its output '{output}' is 0 throughout (one input)"
    else:
        found = f"agrees with it to {lowest:.1f} dB (output '{output}', one input)"
    return lowest, f"The float model made of it, which the figures here compare with, {found}."


def seeded_inputs(like: Mapping[str, NDArray[Any]], seed: int = 0) -> dict[str, NDArray[Any]]:
    """Return random inputs of the same shapes and dtypes.

    Floats are normal with the example's mean and standard deviation (0 and 1 if it is constant); integers and
    booleans are the example's own values shuffled, since an index out of a table's range would be an error.
    """
    generator = np.random.default_rng(seed)
    return {name: _seeded(value, generator) for name, value in like.items()}


def _seeded(value: NDArray[Any], generator: np.random.Generator) -> NDArray[Any]:
    if not np.issubdtype(value.dtype, np.floating):
        return generator.permutation(value.ravel()).reshape(value.shape)
    mean, deviation = (float(value.mean()), float(value.std())) if value.size else (0.0, 0.0)
    if not deviation > 0.0 or not math.isfinite(mean + deviation):
        mean, deviation = 0.0, 1.0
    return np.asarray(generator.normal(mean, deviation, value.shape)).astype(value.dtype)


def _compare(path: Path, index: int, expected: NDArray[Any], computed: NDArray[Any], description: str) -> float:
    if expected.shape != computed.shape:
        raise SourceError(
            f"{description}: output {index} of the converted model has the shape {computed.shape} where the network's "
            f"own has {expected.shape}."
        )
    statistics = ErrorStatistics()
    statistics.update(expected, computed)
    if statistics.signal == 0.0 and statistics.max_abs_error <= _NEGLIGIBLE:
        return IDENTICAL_DB
    if math.isnan(statistics.sqnr_db):
        raise SourceError(
            f"{description}: output {index} is NaN or infinite on the example inputs; give inputs in the "
            "range that the network was trained on."
        )
    near = statistics.max_abs_error <= _NEAR_ZERO
    if statistics.sqnr_db < MINIMUM_SQNR_DB and not (near and _gives_probabilities(path, index)):
        raise SourceError(
            f"{description}: the converted model's output {index} differs from the network's own, with an SQNR of "
            f"{statistics.sqnr_db:.1f} dB where at least {MINIMUM_SQNR_DB:.0f} dB is expected; nothing was written."
        )
    return statistics.sqnr_db


def _gives_probabilities(path: Path, index: int) -> bool:
    """Tell whether an output of a hub is made of results of functions from 0 to 1, and of nothing else.

    Constants may stand beside them, but not scale them: what is 1e-7 times a probability is none.
    """
    graph = read_graph(path)
    producers = {tensor: op for op in graph.ops for tensor in op.outputs}
    pending, seen = [graph.outputs[index]], set[int]()
    while pending:
        op = producers.get(tensor := pending.pop())
        if op is None or (kind := op.type.upper()) not in _PROBABILITIES | _OF_PROBABILITIES:
            return False
        if kind in _OF_PROBABILITIES and tensor not in seen:
            seen.add(tensor)
            given = [one for one in op.inputs if not graph.tensors[one].is_constant]
            if not given or (kind == "MUL" and len(given) < len(op.inputs)):
                return False
            pending += given if kind in ("CONCAT", "CONCATENATION", "MUL") else given[:1]
    return True
