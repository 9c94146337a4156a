"""Making one sentence of what TensorFlow and Keras raise."""

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LENGTH = 300


def first_line(error: BaseException) -> str:
    """Return the first line that says something, without colours, at most 300 characters."""
    for line in _COLOUR.sub("", str(error)).splitlines():
        text = line.strip()
        # Keras opens with "Exception encountered when calling X.", autograph with "in user code:".
        if text and not text.startswith(("Exception encountered", "in user code", "File ", "*")):
            return text if len(text) <= _LENGTH else text[: _LENGTH - 3] + "..."
    return type(error).__name__
