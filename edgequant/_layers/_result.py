"""What a comparison layer by layer found."""

import re
from dataclasses import asdict, dataclass
from typing import Any

NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class LayerComparison:
    """One layer: an activation that both models have, and the operators of the model that compute it.

    `number` counts from 0 in the order of execution, model inputs first; `inputs` are the numbers of the layers that
    this one reads; `name` is the activation's in the reference. SQNRs are in dB (300: identical; None: the model gives
    NaN or an infinity where the reference does not).

    - `alone_*`: the layer's own error: the layer of the model and that of the reference, both fed with the reference's
      activations as the model's tensors can hold them.
    - `accumulated_*`: the whole model against the whole reference, at this activation.
    - `gain`: the factor that brings the reference's layer closest to the model's, both alone; 1 in a sound layer.
    - `range_used`: share (0 to 1) of the integer range between the smallest and the largest value of the reference.
    - `clipped`: share (0 to 1) of the reference's values that the integers cannot reach.
    - `data_range`, `integer_range`: the reference's lowest and highest value, and those that the integers stand for.
    - `weights_sqnr_db`: dequantized weights against the reference's; None without weights.
    - `cause`: why it has an error of its own, if it stands out; None otherwise.

    What concerns integers is None for an activation kept in float.
    """

    number: int
    name: str
    ops: tuple[str, ...]
    inputs: tuple[int, ...]
    dtype: str | None
    alone_sqnr_db: float | None
    alone_mse: float | None
    accumulated_sqnr_db: float | None
    accumulated_mse: float | None
    gain: float | None
    range_used: float | None
    clipped: float | None
    data_range: tuple[float, float] | None
    integer_range: tuple[float, float] | None
    weights_sqnr_db: float | None
    cause: str | None = None

    @property
    def title(self) -> str:
        """Its number, operators and shortened name, as in "layer 3 (CONV_2D conv2d_2/Conv2D)"."""
        return f"layer {self.number} ({self.kind} {self.short_name})"

    @property
    def kind(self) -> str:
        """Its operators in one word."""
        return "+".join(self.ops) or "input"

    @property
    def short_name(self) -> str:
        """The end of its name, without the names of what was fused with it."""
        fused = [part.strip("/") for part in self.name.split(";")]
        last = next((part for part in reversed(fused) if part and not part.isdigit()), self.name)
        places = [re.sub(r"^torch\.nn\.modules(\.\w+)*\.", "", place) for place in last.split("/")]
        short = "/".join(places[-2:])
        return short if len(short) <= NAME_LENGTH else f"...{short[3 - NAME_LENGTH :]}"


@dataclass(frozen=True, slots=True)
class LayersComparison:
    """All layers, and which of them is to blame; `verdict` says so in a sentence.

    `standing_out` are the numbers of the layers with an own error that stands out, in order of execution, so that the
    first is where the error first appears; `culprit` is the one of them to blame (docs/compare.md). `steepest_fall` is
    the layer at which the accumulated SQNR falls most below that of the layers it reads. `unmatched` names the
    reference's activations that have no counterpart in the model, and so are part of larger layers.
    """

    layers: tuple[LayerComparison, ...]
    verdict: str
    culprit: int | None
    standing_out: tuple[int, ...]
    steepest_fall: int | None
    unmatched: tuple[str, ...]
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant compare --layers --json` adds to the comparison of the outputs."""
        return asdict(self)
