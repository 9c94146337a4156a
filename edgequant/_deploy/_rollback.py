"""Back to the release that was current before."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from edgequant._progress import Progress, silent
from edgequant._signing import RELEASE_SIGNATURE, SignatureError
from edgequant._smoke import smoke

from ._errors import DeployError
from ._lock import locked
from ._release_there import release_there
from ._result import Deployment
from ._serve import warn_of_service
from ._service import UserService
from ._site import Site, State, explaining

if TYPE_CHECKING:
    from edgequant._bundle import Bundle
    from edgequant._signing import Demand
    from edgequant._smoke import SmokeResult
    from edgequant._transports import Transport


def rollback(
    transport: "Transport",
    path: PurePosixPath,
    *,
    demand: "Demand | None" = None,
    force_lock: bool = False,
    service: bool = False,
    python: str = "python3",
    timeout: float = 60,
    progress: Progress = silent,
) -> Deployment:
    """Make the release current again that was before the current one in the folder `path` (absolute) of a computer.

    Its digests are checked there and its smoke test runs there first; if that finds a difference, the result says so
    (`exit_code` 1) and nothing changes. With `demand`, the signature that lies in the release is checked, here and
    there. With `service`, the user service runs it then; a release that has none stops the service. A second rollback
    goes one release further back. Raises as `deploy` does.
    """
    begin = time.monotonic()
    site = Site(transport, path)
    test = partial(smoke, transport=transport, python=python, timeout=timeout, progress=progress)
    with explaining(site):
        if service:
            UserService(site).require()
        if site.read_current() is None:
            raise DeployError(f"Nothing is deployed to {path} on {transport.title}: there is no release to go back to.")
        with locked(site, force=force_lock):
            state = site.read()
            result = _tested(site, state, demand, test, progress)
            if result.passed:
                _switch(site, state, result)
                _serve(site, result, service, progress)
            else:
                result.say_different()
    return result.finished(site.left.values(), begin)


def _tested(
    site: Site, state: State, demand: "Demand | None", test: "Callable[..., SmokeResult]", progress: Progress
) -> Deployment:
    """Return what the smoke test says of the previous release."""
    name = state.previous
    if name is None:
        raise DeployError(f"No release in {site.path} was current before {state.current}: deploy a bundle.")
    with release_there(site, name, progress) as bundle:
        result = Deployment("rollback", site.transport.title, site.path, bundle.digest, name)
        result.current, result.previous = state.current, name
        if demand is not None:
            result.signer = _signer(site, name, demand, bundle)
        result.take(test(bundle, folder=site.release(name)))
    return result


def _switch(site: Site, state: State, result: Deployment) -> None:
    history = state.history.rolled_back(state.current)
    # First the link, unlike in a deployment: cut off between the two, the longer history is still right for both.
    site.switch(result.release)
    site.write_history(history)
    result.changed, result.current, result.previous = True, result.release, history.before(result.release)
    result.sentences.insert(0, f"Release {result.release} is current in {site.path} again; {state.current} was.")


def _serve(site: Site, result: Deployment, wanted: bool, progress: Progress) -> None:
    """Have the service run what is current now; it stays so if no answer comes, since a person asked for it."""
    if not wanted:
        warn_of_service(site, result)
        return
    progress("waiting for the service's first answer", 0, None)
    with release_there(site, result.release, progress) as bundle:
        result.service = UserService(site).start(result.release, bundle.manifest)
    result.sentences.append(result.service.sentence)


def _signer(site: Site, name: str, demand: "Demand", bundle: "Bundle") -> str:
    """Return who signed a release, by this machine and by the board; raises SignatureError if it is not signed."""
    file, what = site.release(name) / RELEASE_SIGNATURE, f"Release {name}"
    if not site.transport.exists(file):
        raise SignatureError(
            f"{what} on {site.transport.title} is not signed: it was deployed without --require-signature."
        )
    signature = bundle.folder / RELEASE_SIGNATURE
    site.transport.get(file, signature)
    demand.check_here(signature, bundle.digest, what)
    return str(demand.check_there(site.transport, signature, bundle.digest, what))
