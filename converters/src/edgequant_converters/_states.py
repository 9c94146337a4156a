"""Outputs that look like the next value of an input: errors that one inference makes, all later ones start from."""

from collections.abc import Sequence

from edgequant_runtime import TensorInfo

from ._measure import Measurement
from ._schemes import Scheme

ENOUGH_DB = 30.0
"""Two voice detectors that keep more over a step decide alike over 150 steps; below 26 dB up to half were different."""


def drift_warnings(
    scheme: Scheme, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], measurement: Measurement
) -> tuple[str, ...]:
    """Return what to check where activations are integers and a network keeps its state outside."""
    figure = measurement.sqnr_db
    pairs = _states(inputs, outputs)
    if not pairs or scheme not in (Scheme.INT8, Scheme.INT16X8) or figure is None or figure >= ENOUGH_DB:
        return ()
    names = ", ".join(f"'{after}' as '{before}'" for before, after in pairs)
    other = "int16x8 or dynamic" if scheme is Scheme.INT8 else "dynamic"
    return (
        f"If outputs are fed back ({names}), errors add up over a sequence: the {figure:.1f} dB are those of one "
        f"step. Compare both models over whole sequences, and try {other} where they part.",
    )


def _states(inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> list[tuple[str, str]]:
    """Return inputs, beside at least one of other data, with the output that has their shape, in the same order."""
    shapes = {spec.shape for spec in outputs}
    states = [spec for spec in inputs if spec.shape in shapes and spec.dtype.kind in "fiu"]
    if not states or len(states) == len(inputs) or len(outputs) < 2:
        return []
    left, pairs = list(outputs), []
    for state in states:
        after = next((spec for spec in left if spec.shape == state.shape), None)
        if after is not None:
            left.remove(after)
            pairs.append((state.name, after.name))
    return pairs
