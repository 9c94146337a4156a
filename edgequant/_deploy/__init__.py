"""Deployment: a bundle becomes the current release in a folder of a board, whole or not at all."""

from ._deploy import deploy
from ._errors import DeployError, LockedError
from ._listing import Listing, list_releases
from ._release_there import smoke_current
from ._remove import remove
from ._result import Deployment
from ._rollback import rollback
from ._service import ServiceState
from ._site import parse_path

__all__ = [
    "DeployError",
    "Deployment",
    "Listing",
    "LockedError",
    "ServiceState",
    "deploy",
    "list_releases",
    "parse_path",
    "remove",
    "rollback",
    "smoke_current",
]
