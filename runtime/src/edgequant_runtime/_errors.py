"""The exceptions of the runtime."""


class SessionError(Exception):
    """Base of every error a user can cause or cure; its text is one sentence that says what to do next."""
