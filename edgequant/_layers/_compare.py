"""Run a reference and a quantized model side by side and measure every layer."""

import math
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgequant_runtime.isolation import engine_process

from edgequant._data import batch_size, data_spec
from edgequant._matching import Pair, match_inputs, match_outputs
from edgequant._progress import Progress, silent

from ._result import LayerComparison, LayersComparison

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing
    from edgequant_converters.layers import LayerPair

    from ._statistics import LayerStatistics


def compare_layers(
    reference: str | os.PathLike[str],
    model: str | os.PathLike[str],
    data: "str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any]",
    *,
    images: "ImagePreprocessing | None" = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    html: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> LayersComparison:
    """Compare a float and a quantized model of one network layer by layer; both .tflite, or both .onnx.

    `data`, `images` and `input_shapes` are as for `compare`. Activations are matched by name (also through the names
    that quantizers make of them), or else by topology. Each layer's error is measured twice: accumulated, both models
    run whole; and alone, the layer run by itself on the reference's activations. `html` is a page to write, with
    pictures of the weakest layers. The data is read one sample at a time; memory does not grow with the number of
    samples.

    Raises SessionError, ConverterError (files that cannot be matched or run, the data) or EdgequantError (inputs that
    do not fit, a page that cannot be written).
    """
    from edgequant_converters.calibration import open_data
    from edgequant_converters.layers import LayerPair

    from ._statistics import LayerStatistics

    with tempfile.TemporaryDirectory(prefix="edgequant-") as folder, engine_process() as process:
        sessions = [process.open(one, input_shapes=input_shapes) for one in (reference, model)]
        inputs = match_inputs(sessions[0].inputs, sessions[1].inputs)
        outputs = match_outputs(sessions[0].outputs, sessions[1].outputs)
        source = open_data(data, [data_spec(pair.tightened) for pair in inputs], images=images)
        pair = LayerPair(
            Path(reference),
            Path(model),
            Path(folder),
            _positions(inputs, sessions[0].inputs, sessions[1].inputs),
            _positions(outputs, sessions[0].outputs, sessions[1].outputs),
        )
        measured = [
            LayerStatistics(layer.grid, pictures=html is not None, channels_last=pair.channels_last)
            for layer in pair.layers
        ]
        names, samples = [info.name for info in sessions[0].inputs], 0
        for sample in source:
            for layer, values in zip(measured, pair.run([sample[name] for name in names]), strict=True):
                layer.update(values)
            samples += batch_size(sample)
            progress("comparing layers", samples, source.count)
        result = _result(pair, measured, samples)
        if html is not None:
            from ._page import write_page

            write_page(Path(html), Path(reference), Path(model), result, pair, measured)
        return result


def _positions(pairs: Sequence[Pair], ours: Sequence[Any], theirs: Sequence[Any]) -> list[tuple[int, int]]:
    return [(ours.index(pair.reference), theirs.index(pair.model)) for pair in pairs]


def _result(pair: "LayerPair", measured: "Sequence[LayerStatistics]", samples: int) -> LayersComparison:
    from ._cause import causes_of
    from ._verdict import culprit_of, standing_out, steepest_fall, verdict

    layers = [_layer(pair, number, found) for number, found in enumerate(measured)]
    causes = causes_of(pair, measured, standing_out(layers))
    culprit = culprit_of(layers, causes)
    return LayersComparison(
        layers=tuple(replace(layer, cause=causes[n].text if n in causes else None) for n, layer in enumerate(layers)),
        verdict=verdict(layers, culprit, causes),
        culprit=culprit,
        standing_out=tuple(causes),
        steepest_fall=steepest_fall(layers),
        unmatched=pair.unmatched,
        samples=samples,
    )


def _layer(pair: "LayerPair", number: int, found: "LayerStatistics") -> LayerComparison:
    from edgequant_converters import sqnr_db

    layer, weights = pair.layers[number], pair.weights(number)
    return LayerComparison(
        number=number,
        name=layer.name,
        ops=layer.ops,
        inputs=layer.inputs,
        dtype=layer.dtype,
        alone_sqnr_db=_finite(found.alone.sqnr_db),
        alone_mse=_finite(found.alone_mse),
        accumulated_sqnr_db=_finite(found.accumulated.sqnr_db),
        accumulated_mse=_finite(found.accumulated_mse),
        gain=_finite(found.gain),
        range_used=found.range_used,
        clipped=found.clipped,
        data_range=found.data_range,
        integer_range=None if found.grid is None else (found.grid.low, found.grid.high),
        weights_sqnr_db=None if weights is None else _finite(sqnr_db(weights.reference, weights.model)),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
