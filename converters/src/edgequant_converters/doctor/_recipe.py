"""The recipe: everything a treatment decided, as a JSON file that repeats it without the data."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._files import replacing
from edgequant_converters._schemes import Target
from edgequant_converters.quantizer import Floats

from ._binding import BINDINGS, ByBytes, ByLayers
from ._edits import Edit, edit_from_dict

FORMAT = "edgequant-recipe"
PRECISIONS = ("int16x8", "float32")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one float hub becomes one int8 model.

    `binding` tells the float32 model that the source is converted to first from others; `ranges` has (min, max)
    of every activation by its tensor's name; `precision` names the operators (by output tensor for LiteRT, by node for
    ONNX) that are not int8, with what they are instead. `floats` says what stays in float of
    what int8 would destroy. `sqnr_db` and `measured_on` are what the doctor measured.
    """

    target: Target
    binding: ByLayers | ByBytes
    io: str
    per_channel: bool
    edits: tuple[Edit, ...]
    ranges: Mapping[str, tuple[float, float]]
    precision: Mapping[str, str]
    floats: Floats = Floats.NONE
    sqnr_db: float | None = None
    measured_on: str = ""

    def to_text(self) -> str:
        """Return the recipe as JSON."""
        document = {
            "format": FORMAT,
            "version": self.binding.version,
            "quantize": "int8",
            "target": str(self.target),
            **self.binding.to_dict(),
            "io": self.io,
            "per_channel": self.per_channel,
            "edits": [edit.to_dict() for edit in self.edits],
            "ranges": {name: list(pair) for name, pair in self.ranges.items()},
            "precision": dict(self.precision),
            "floats": str(self.floats),
            "sqnr_db": self.sqnr_db,
            "measured_on": self.measured_on,
        }
        return json.dumps(document, indent=1) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe as JSON, whole or not at all; raises OutputError."""
        with replacing(path) as temporary:
            temporary.write_text(self.to_text(), encoding="utf-8")

    @property
    def kept_float(self) -> str | None:
        """Return an expression that matches the names of the operators that stay in float, None if none does."""
        names = [re.escape(name) for name, kind in self.precision.items() if kind == "float32"]
        return f"^({'|'.join(names)})$" if names else None

    def check_request(
        self,
        target: Target,
        quantize: str,
        io: str | None,
        keep_float: str | None,
        per_channel: bool,
        method: str | None,
    ) -> None:
        """Raise UnsupportedError if a conversion is asked for anything but what this recipe holds."""
        if target is not self.target:
            raise UnsupportedError(f"This recipe makes a {self.target.suffix} file: give the output that suffix.")
        fixed = {
            "quantize": quantize not in ("fp32", "int8"),
            "io": io not in (None, self.io),
            "keep_float": keep_float is not None,
            "per_channel": not per_channel and self.per_channel,
            "calibration_method": method is not None,
        }
        if asked := [name for name, refused in fixed.items() if refused]:
            raise UnsupportedError(f"A recipe says itself how to quantize: leave out {', '.join(asked)}.")


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Read a recipe; raises SourceError for a file that is none, UnsupportedError for a later version."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{file.name} is no recipe: it is not text.") from error
    return parse_recipe(text, file.name)


def parse_recipe(text: str, name: str) -> Recipe:
    """Return the recipe that `Recipe.to_text` wrote; `name` is its file's, for messages. Raises as `load_recipe`."""
    try:
        stored = json.loads(text)
    except ValueError as error:
        raise SourceError(f"{name} is no recipe: it is not JSON.") from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise SourceError(f"{name} is no recipe: give the file that `edgequant doctor` wrote.")
    version = stored.get("version")
    if type(version) is int and version > max(BINDINGS):
        raise UnsupportedError(
            f"{name} is a recipe of version {version}, written by a newer edgequant: update edgequant, or run "
            "`edgequant doctor` again."
        )
    if type(version) is not int or version not in BINDINGS:
        raise SourceError(f"{name} is damaged (version {version}): run `edgequant doctor` again.")
    try:
        return _parse(stored)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{name} is damaged ({error}): run `edgequant doctor` again.") from error


def _parse(stored: dict[str, Any]) -> Recipe:
    precision = {str(name): str(kind) for name, kind in stored["precision"].items()}
    if unknown := set(precision.values()) - set(PRECISIONS):
        raise ValueError(f"unknown precision {', '.join(sorted(unknown))}")
    return Recipe(
        target=Target(stored["target"]),
        binding=BINDINGS[stored["version"]].parse(stored),
        io=str(stored["io"]),
        per_channel=bool(stored["per_channel"]),
        edits=tuple(edit_from_dict(edit) for edit in stored["edits"]),
        ranges={str(name): (float(low), float(high)) for name, (low, high) in stored["ranges"].items()},
        precision=precision,
        floats=Floats(stored["floats"]) if stored["version"] > 2 else Floats.NONE,
        sqnr_db=None if stored["sqnr_db"] is None else float(stored["sqnr_db"]),
        measured_on=str(stored["measured_on"]),
    )
