"""What can be wrong with a bundle."""

from edgequant._errors import EdgequantError


class BundleError(EdgequantError):
    """A bundle cannot be made, read or used; the text says why and what to do next."""


class DamagedBundleError(BundleError):
    """A file is no bundle, or not the one that was written: something in it is damaged, missing or added."""
