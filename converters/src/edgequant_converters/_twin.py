"""The .tflite form of an ONNX hub, on which a recipe for both is chosen: natively, int8 runs in a third of the time.

What calibration samples say of the hub's tensors holds for the twin's, most of which are the same ones, with channels
last. What the twin alone has, such as padded images, is looked at as it runs.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._choose import KeepFirst
from ._float_hub import write_float_hub
from ._request import ActivationWatch, Sample
from ._schemes import Target
from .calibration import Evidence
from .ir import Graph, read_ir
from .quantizer import functions_read, layer_inputs, results_of_functions, watch_litert
from .sources import Given
from .tflite import ModelT, read_model

_PADS = frozenset({"MIRROR_PAD", "PAD", "PADV2"})
_MOVES = _PADS | {"RESHAPE", "TRANSPOSE"}
_CHANNELS_LAST = (0, 2, 3, 1)

ALIKE = 1e-3
"""Values that differ by no more than this share of the largest are the same, from sums in another order."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A float .tflite that computes what an ONNX hub does.

    `evidence` is what is known of its tensors, `same` has the hub's name of those that the hub has too, and `fit` the
    samples that it can run.
    """

    hub: Path
    evidence: Evidence
    same: Mapping[str, str]
    fit: KeepFirst


def twin_of(hub: Path, watch: ActivationWatch, seen: Evidence, method: str | None, given: KeepFirst) -> Twin:
    """Write the twin of an ONNX hub beside it; raises UnsupportedError and SourceError.

    `seen` is what the samples showed of the hub, as `watch` ran it; `given` are those that alternatives are compared
    on. The twin's sizes are those of the first of them.
    """
    twin, fit = hub.with_name(f"twin-{hub.stem}{Target.LITERT.suffix}"), given.like_first()
    write_float_hub(Given(hub), twin, Target.LITERT, lambda inputs: fit.kept[0])
    model = read_model(twin)
    channels, results = layer_inputs(model), results_of_functions(model)
    names, exact, same = list[str](), dict[str, str](), dict[str, str]()
    of_hub = dict(watch.run(fit.kept[0]))
    for name, value in watch_litert(model).run(fit.kept[0]):
        names.append(name)
        known, in_order = _same_as(name, value, of_hub)
        if known is not None:
            (exact if in_order else same)[name] = known
    ordered = {*channels, *(argument for argument, _ in results.values())}
    same = _moved(read_ir(model).main, exact, same, ordered)
    rest = Evidence(channels, results=results)
    _show(rest, model, [name for name in names if name not in same], fit.kept)
    evidence = Evidence(channels, method, functions_read(model), results=results)
    for name in names:
        evidence.adopt(name, *((seen, same[name]) if name in same else (rest, name)))
    return Twin(twin, evidence, same, fit)


def _show(evidence: Evidence, model: ModelT, names: Sequence[str], samples: Sequence[Sample]) -> None:
    """Show some tensors of a float .tflite."""
    if names:
        watch = watch_litert(model, only=names)
        for sample in samples:
            for name, value in watch.run(sample):
                evidence.update(name, value)


def _same_as(name: str, value: NDArray[Any], of_hub: Mapping[str, NDArray[Any]]) -> tuple[str | None, bool]:
    """Return the hub's tensor that one of the twin's is, if any, and whether by its channels, not in some other order.

    The twin's name is that of the hub's tensor, or begins so, unless it is a step on the way to another: then the only
    one of its values, which are not all the same, as those of any two tensors may be in one sample.
    """
    parts = name.split("/")
    names = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    named = next((one for one in names if one in of_hub), None)
    if named is not None and _is_in_order(value, of_hub[named]):
        return named, True
    if value.size and value.min() < value.max():
        others = [one for one, given in of_hub.items() if given.size == value.size and _is_in_order(value, given)]
        if len(others) == 1:
            return others[0], True
    is_sorted = named is not None and _is_near(np.sort(value, axis=None), np.sort(of_hub[named], axis=None))
    return named if is_sorted else None, False


def _is_in_order(value: NDArray[Any], of_hub: NDArray[Any]) -> bool:
    """Tell whether values are those of a hub's tensor, as it has them or with channels last."""
    last = np.moveaxis(of_hub, 1, -1) if of_hub.ndim > 2 else of_hub
    return _is_near(value, of_hub) or _is_near(value, last)


def _is_near(values: NDArray[Any], of_hub: NDArray[Any]) -> bool:
    """Tell whether values are those of the hub but for rounding; infinities are, as behind a mask, if alike."""
    finite = np.isfinite(of_hub)
    if values.shape != of_hub.shape or not np.array_equal(values[~finite], of_hub[~finite], equal_nan=True):
        return False
    of_hub = of_hub[finite]
    return bool((np.abs(values[finite] - of_hub) <= ALIKE * np.abs(of_hub).max(initial=0.0)).all())


def _moved(
    graph: Graph, exact: Mapping[str, str], same: Mapping[str, str], ordered: AbstractSet[str]
) -> dict[str, str]:
    """Return these, and what is made of them by moving values and adding borders, which say nothing of channels.

    Of those that are `ordered` the channels count.
    """
    by_channel = dict(exact)
    found = {name: known for name, known in same.items() if name not in ordered} | by_channel
    for operator in graph.operators:
        if operator.code not in _MOVES:
            continue
        source, result = operator.given[0].name, operator.output.name
        turned = operator.code == "TRANSPOSE" and operator.given[1].is_constant
        if source in by_channel and (
            operator.code in _PADS or (turned and tuple(operator.given[1].values) == _CHANNELS_LAST)
        ):
            by_channel.setdefault(result, by_channel[source])
            found.setdefault(result, by_channel[source])
        elif source in found and result not in ordered:
            found.setdefault(result, found[source])
    return found
