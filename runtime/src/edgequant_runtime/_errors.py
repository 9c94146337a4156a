"""The exceptions of the runtime: each one's docstring says when it is raised."""


class SessionError(Exception):
    """Base of every error a user can cause or cure; its text is one sentence that says what to do next."""


class ModelError(SessionError):
    """The model cannot be opened: missing, empty, truncated, not a model, or refused by its engine."""


class EngineError(SessionError):
    """The engine is unknown, not installed, runs another kind of model, or failed while it ran."""


class EngineDeathError(EngineError):
    """The engine ended the process that it ran in, apart from this one, or did not answer."""


class InputError(SessionError):
    """The inputs do not fit the model: a name, a shape, a dtype, or NaN where the model takes integers."""
