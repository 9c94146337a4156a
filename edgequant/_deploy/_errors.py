"""What can go wrong with a deployment."""

from edgequant._errors import EdgequantError


class DeployError(EdgequantError):
    """A bundle cannot become the current release; the text says why, what is current and what was left behind."""


class LockedError(DeployError):
    """Another deployer works in the folder, or left its lock there."""
