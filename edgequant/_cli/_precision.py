"""What layers of floats compute with: the option of every command that has an engine run a model."""

from typing import Annotated

import typer

PrecisionOption = Annotated[
    str,
    typer.Option(
        metavar="float32|float16",
        help="What layers of floats compute with: float16 is faster on a Raspberry Pi 5, less exact, and imitated "
        "where the CPU lacks it.",
    ),
]
