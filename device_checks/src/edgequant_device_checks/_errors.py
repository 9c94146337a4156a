"""The exceptions of the device checks."""


class DeviceCheckError(Exception):
    """Base of every error a user can cause or cure; its text is one sentence that says what to do next."""
