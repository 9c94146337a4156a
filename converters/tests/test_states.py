"""A network that keeps its state outside is told that the errors of its steps add up."""

from types import SimpleNamespace

import numpy as np
import pytest

from edgequant_converters._measure import Measurement
from edgequant_converters._schemes import Scheme
from edgequant_converters._states import drift_warnings


def tensor(name: str, *shape: int) -> SimpleNamespace:
    return SimpleNamespace(name=name, shape=shape, dtype=np.dtype("float32"))


SOUND, STATE = tensor("sound", 1, 576), tensor("state", 2, 1, 128)
SCORE, NEXT = tensor("score", 1, 1), tensor("next", 2, 1, 128)


def test_pairs_are_named_in_order() -> None:
    cells = [tensor(name, 1, 4) for name in ("h", "c", "h_next", "c_next")]
    (warning,) = drift_warnings(Scheme.INT8, [SOUND, *cells[:2]], [SCORE, *cells[2:]], Measurement(25.0, "data"))
    assert "('h_next' as 'h', 'c_next' as 'c')" in warning
    assert "25.0 dB are those of one step" in warning
    assert "int16x8 or dynamic" in warning


@pytest.mark.parametrize(
    ("scheme", "figure", "inputs", "outputs"),
    [
        (Scheme.INT8, 35.0, [SOUND, STATE], [SCORE, NEXT]),
        (Scheme.INT8, None, [SOUND, STATE], [SCORE, NEXT]),
        (Scheme.DYNAMIC, 20.0, [SOUND, STATE], [SCORE, NEXT]),
        (Scheme.INT8, 20.0, [SOUND], [SCORE, tensor("sharper", 1, 576)]),
        (Scheme.INT8, 20.0, [SOUND, STATE], [NEXT]),
        (Scheme.INT8, 20.0, [SOUND, STATE], [SCORE, tensor("other", 3)]),
    ],
    ids=["precise", "not finite", "float activations", "no state", "one output", "another shape"],
)
def test_others_are_left_in_peace(
    scheme: Scheme, figure: float | None, inputs: list[SimpleNamespace], outputs: list[SimpleNamespace]
) -> None:
    assert drift_warnings(scheme, inputs, outputs, Measurement(figure, "data")) == ()
