"""From a float hub and a recipe to the model: the same bytes every time."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from edgequant_converters._errors import SourceError
from edgequant_converters._measure import ON_DATA, Measurement, measure
from edgequant_converters._request import Sample
from edgequant_converters._schemes import Target
from edgequant_converters.quantizer import quantize_with_ranges
from edgequant_converters.tflite import write_model

from ._edits import SplitOutput
from ._recipe import Recipe
from ._treatment import edited


def apply_recipe(hub: Path, output: Path, recipe: Recipe) -> None:
    """Write the model that `recipe` describes; raises SourceError if it was made for another hub or is damaged."""
    recipe.binding.check(hub)
    try:
        output.write_bytes(_model_bytes(hub, recipe))
    except (KeyError, ValueError, IndexError, StopIteration) as error:
        raise SourceError(f"The recipe does not fit its model ({error}): run `edgequant doctor` again.") from error


def follow_recipe(hub: Path, output: Path, recipe: Recipe, data: Iterable[Sample] | None) -> Measurement:
    """Write the model that `recipe` describes; return its SQNR on `data`, or what the doctor measured.

    Raises SourceError.
    """
    apply_recipe(hub, output, recipe)
    if data is None:
        return Measurement(recipe.sqnr_db, f"{recipe.measured_on}, when the recipe was made")
    reference = hub
    if splits := [edit for edit in recipe.edits if isinstance(edit, SplitOutput)]:
        reference = hub.with_name("split.tflite")
        write_model(edited(hub.read_bytes(), splits).model, reference)
    return measure(reference, output, islice(data, MEASURED_SAMPLES), ON_DATA)


MEASURED_SAMPLES = 64
"""How many samples the SQNR is measured on, at the most."""


def _model_bytes(hub: Path, recipe: Recipe) -> bytes:
    if recipe.target is Target.ONNX:
        from edgequant_converters.onnx_quantizer import quantize_onnx_with_ranges

        kept = list(recipe.precision)
        return quantize_onnx_with_ranges(hub, recipe.per_channel, recipe.ranges, kept, recipe.floats)
    network = edited(hub.read_bytes(), recipe.edits)
    return quantize_with_ranges(
        network.model, recipe.io, recipe.per_channel, recipe.ranges, recipe.precision, recipe.floats
    )
