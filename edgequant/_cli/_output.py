"""What commands print: results on standard output, progress and warnings on standard error."""

import json
import sys
from typing import Any

from rich.console import Console

# Piped output has no width of its own; this keeps a table's rows on one line each.
PIPED_WIDTH = 160


def console() -> Console:
    """Return the console for results (standard output)."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def status_console() -> Console:
    """Return the console for progress and warnings (standard error), so that results can be piped."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPED_WIDTH)


def print_json(document: Any) -> None:
    """Print one JSON document. Infinities and NaN, which JSON lacks, must be None before they come here."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
