"""What the activations of a float graph look like on the calibration samples: one pass, bounded memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError
from edgequant_converters._request import Sample
from edgequant_converters.calibration import Histogram


class Watch(Protocol):
    """Runs a graph and shows its tensors; both quantizers have one."""

    def run(self, sample: Sample) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield (name, value) of every float tensor that depends on the inputs."""
        ...


@dataclass(slots=True)
class TensorStatistics:
    """One tensor over all samples: its histogram, and the smallest and largest value of each channel (last axis)."""

    histogram: Histogram = field(default_factory=Histogram)
    low: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    high: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def magnitude(self) -> NDArray[np.float64]:
        """Return the largest magnitude of each channel."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def range(self) -> tuple[float, float]:
        """Return the smallest and largest value."""
        return self.histogram.lowest, self.histogram.highest

    def update(self, value: NDArray[Any]) -> None:
        """Add one sample's values; infinite ones are left out."""
        kept = value if np.isfinite(value).all() else np.where(np.isfinite(value), value, 0)
        rows = kept.reshape(-1, kept.shape[-1] if kept.ndim else 1).astype(np.float64)
        low, high = rows.min(axis=0), rows.max(axis=0)
        same = self.low.shape == low.shape
        self.low, self.high = (np.minimum(self.low, low), np.maximum(self.high, high)) if same else (low, high)
        self.histogram.update(rows)


def observe(watch: Watch, samples: Iterable[Sample]) -> Mapping[str, TensorStatistics]:
    """Return the statistics of every tensor, in the order in which the graph computes them."""
    found: dict[str, TensorStatistics] = {}
    for sample in samples:
        for name, value in watch.run(sample):
            if np.isnan(value).any():
                raise CalibrationError(f"The model computes NaN in '{name}' on the calibration data: check its range.")
            if value.size:
                found.setdefault(name, TensorStatistics()).update(value)
    return found
