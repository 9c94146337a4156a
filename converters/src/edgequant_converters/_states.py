"""A state that is fed back: errors that one inference makes, all later ones start from."""

from collections.abc import Sequence

from edgequant_runtime import TensorInfo

from ._fed_back import states
from ._measure import Measurement
from ._schemes import Scheme

ENOUGH_DB = 30.0
"""Two voice detectors that keep more over a step decide alike over 150 steps; below 26 dB up to half were different."""


def drift_warnings(
    scheme: Scheme, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], measurement: Measurement
) -> tuple[str, ...]:
    """Return what to check where activations are integers and a network keeps its state outside."""
    figure = measurement.sqnr_db
    pairs = [pair for pair in states(inputs, outputs) if pair[0].dtype.kind in "fiu"]
    is_integer = scheme in (Scheme.INT8, Scheme.INT16X8)
    if not is_integer or figure is None or figure >= ENOUGH_DB or not 0 < len(pairs) < len(inputs):
        return ()
    names = ", ".join(f"'{after.name}' as '{before.name}'" for before, after in pairs)
    other = "int16x8 or dynamic" if scheme is Scheme.INT8 else "dynamic"
    return (
        f"If outputs are fed back ({names}), errors add up over a sequence: the {figure:.1f} dB are those of one "
        f"step. Compare both models over whole sequences, and try {other} where they part.",
    )
