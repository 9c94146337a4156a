"""Takes everything away that was deployed to a folder."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ._errors import DeployError
from ._lock import locked
from ._service import UserService
from ._site import Site, explaining

if TYPE_CHECKING:
    from edgequant._transports import Transport


def remove(transport: "Transport", path: PurePosixPath, *, force_lock: bool = False) -> None:
    """Remove what deployments made in the folder `path` (absolute) of a computer, the link `current` first.

    Its user service is stopped before, if it has one. What else is there stays, and so do the folders then. Raises as
    `deploy` does, also where something is left.
    """
    site = Site(transport, path)
    with explaining(site):
        with locked(site, force=force_lock):
            state = site.read()
            UserService(site).stop()
            found = [site.current, site.history, *map(site.release, state.releases), *state.unfinished]
            for there in found:
                site.check_lock()
                if not site.discard(there):
                    raise DeployError(f"Not all of {path} on {transport.title} can be removed: {site.left[there]}")
            site.standing = "Nothing is current there."
        transport.run(["rmdir", site.releases, path])  # as far as they are empty
