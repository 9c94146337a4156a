"""What can go wrong with signatures."""

from edgequant._errors import EdgequantError


class SigningError(EdgequantError):
    """Nothing can be signed or checked; the text says what to do next."""


class SignatureError(SigningError):
    """A bundle is not signed by whom it should be; the text says what is wrong with its signature."""
