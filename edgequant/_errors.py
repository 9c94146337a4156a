"""The command line's own exceptions."""


class EdgequantError(Exception):
    """A command cannot do what was asked; the text is one sentence that says what to do next."""
