"""The exceptions of the converters: each one's docstring says when it is raised."""


class ConverterError(Exception):
    """Base of every error a user can cause or cure; its text is one sentence that says what to do next."""


class SourceError(ConverterError):
    """The trained network cannot be read: missing, empty, truncated, of the wrong type, or already quantized."""


class UnsupportedError(ConverterError):
    """The request is understood but cannot be done: an operator, a format for this target, a missing extra."""


class CalibrationError(ConverterError):
    """The calibration data is missing or does not fit the model: shape, dtype, NaN, zero samples."""


class OutputError(ConverterError):
    """The output cannot be written: no such folder, no permission, no space left, a wrong suffix."""
