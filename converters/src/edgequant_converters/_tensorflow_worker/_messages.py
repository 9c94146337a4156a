"""Making one sentence of what TensorFlow and Keras raise."""

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LENGTH, _MORE = 300, " ..."
_HOLLOW = "Graph execution error:"  # opens what fails while a network runs; the cause is lines below
_RAISED = re.compile(r"^(?:\{\{function_node \S+\}\} )?(.*\S.*)\n\s*\[\[\{\{", re.MULTILINE)
"""What an operator said, and after it where it stands: other lines of the error tell of stack traces."""

KEEPS_STATE = (
    "it keeps a state from one call to the next, which an .onnx file cannot: convert to .tflite, or make the state an "
    "input and an output of the network"
)

_CAUSES = {
    r"only supports the NHWC tensor format": "its layers work on images with the channels first, which TensorFlow "
    "computes on a GPU alone: build the network with data_format='channels_last', load the same weights, and save that",
    r"AssignVariableOp.* incompatible with expected resource": KEEPS_STATE,
}
"""What TensorFlow's errors look like whose own words tell nobody what to do: the cause and the way out."""


def known_cause(error: BaseException) -> str | None:
    """Return the cause and the way out of an error whose own words tell neither; None if it is no such error."""
    causes = (f"{cause}." for pattern, cause in _CAUSES.items() if re.search(pattern, str(error)))
    return next(causes, None)


def first_line(error: BaseException) -> str:
    """Return the cause of a known error, or the first line that says something, at most 300 characters, uncoloured."""
    if cause := known_cause(error):
        return cause
    if raised := _RAISED.search(str(error)):
        return _cut(raised[1].strip())
    for line in _COLOUR.sub("", str(error)).splitlines():
        text = line.strip()
        # Keras opens with "Exception encountered when calling X.", autograph with "in user code:".
        if text and not text.startswith(("Exception encountered", "in user code", "File ", "*", _HOLLOW)):
            return _cut(text)
    return type(error).__name__


def _cut(text: str) -> str:
    """Return at most 300 characters of the text, and whole words of it where it has words."""
    if len(text) <= _LENGTH:
        return text
    most = text[: _LENGTH - len(_MORE) + 1]
    return (most.rpartition(" ")[0].rstrip(" ,;:") or most[:-1]) + _MORE
