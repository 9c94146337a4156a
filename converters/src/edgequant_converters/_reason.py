"""Quoting another library's exception within a one-sentence message."""


def reason(error: BaseException) -> str:
    """Return the first line of the exception's text without a closing period, or its type's name if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".!") if lines else type(error).__name__
