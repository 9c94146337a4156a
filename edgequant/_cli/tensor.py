"""`edgequant tensor`: what linear quantization does to one tensor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import print_json, print_result
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._tensor import TensorStudy

EXAMPLE = """
**Examples**

`edgequant tensor weights.npy -o weights.html`

`edgequant tensor weights.npy --bits 4 --group-size 32`

`edgequant tensor kernel.npy --axis 3 --json`
"""


def tensor(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.npy", help="A tensor of real numbers, as numpy.save() wrote it.")
    ],
    bits: Annotated[int, typer.Option(help="2 to 16.")] = 8,
    axis: Annotated[int, typer.Option(help="The axis that counts channels.")] = 0,
    group_size: Annotated[
        int | None, typer.Option(help="Neighbours along the last axis that share a scale; 8 if absent.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A page to write: heatmaps before and after, and curves.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures and curves as JSON.")] = False,
) -> None:
    """Quantize a tensor per tensor, per channel and per group, and show what each way costs and loses."""
    from edgequant._tensor import study_tensor

    study = study_tensor(file, bits=bits, axis=axis, group_size=group_size, html=output)
    if as_json:
        print_json({**study.to_dict(), "page": None if output is None else str(output)})
        return
    _print(file, study)
    if output is not None:
        print_result(f"Page: {output.resolve()}")


def _print(file: Path, study: "TensorStudy") -> None:
    from edgequant_converters import IDENTICAL_DB

    shape = "x".join(map(str, study.shape))
    title = f"{file.name}: {shape} {study.dtype} from {study.lowest:.6g} to {study.highest:.6g}, {study.bits} bits"
    rows = [
        (
            way.name,
            f"{way.scales:,}",
            f"{way.bits_per_value:.4g}",
            f"{way.mse:.4g}",
            f"{way.max_abs:.4g}",
            "exact" if way.sqnr_db >= IDENTICAL_DB else f"{way.sqnr_db:.1f}",
        )
        for way in study.ways
    ]
    print_table(title, ("range",), ("scales", "bits per value", "MSE", "largest error", "SQNR dB"), rows)
    best = min(study.over_range, key=lambda point: point.mse)
    full = study.over_range[-1]
    if best.mse < full.mse:
        print_result(
            f"A symmetric range that ends at {best.share:.0%} of the largest magnitude has an MSE of {best.mse:.4g} "
            f"instead of {full.mse:.4g}: what lies beyond saturates."
        )
