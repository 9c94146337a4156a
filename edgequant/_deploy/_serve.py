"""The service's part of a deployment: what became current is run, or what was current before comes back."""

from typing import TYPE_CHECKING

from edgequant._progress import Progress

from ._release_there import release_there
from ._result import Deployment
from ._service import UserService
from ._site import Site

if TYPE_CHECKING:
    from edgequant._bundle import Manifest


def serve(site: Site, result: Deployment, manifest: "Manifest", progress: Progress) -> None:
    """Run the release that a deployment made current, with the lock held; go back if it gives no answer.

    A release that was current before this deployment stays so: what is wrong is on the board, as a camera's cable is.
    """
    if not result.passed:
        return
    progress("waiting for the service's first answer", 0, None)
    service = UserService(site)
    result.service = service.start(result.release, manifest)
    result.sentences.append(result.service.sentence)
    if not result.service.running and result.changed:
        progress("going back", 0, None)
        _go_back(site, service, result, progress)


def warn_of_service(site: Site, result: Deployment) -> None:
    """Say that a service goes on with what was current before."""
    if result.changed and (service := UserService(site)).is_installed:
        result.warnings.append(
            f"{service.unit} still runs the release before, until it is restarted: say --service, which does that."
        )


def _go_back(site: Site, service: UserService, result: Deployment, progress: Progress) -> None:
    state = site.read()
    back = state.previous
    history = state.history.rolled_back(state.current)
    if back is None:
        service.stop()
        site.leave()
        told = f"so nothing is current in {site.path}, as before."
    else:
        site.switch(back)
        with release_there(site, back, progress) as bundle:
            old = service.start(back, bundle.manifest)
        told = f"so release {back} is current in {site.path} again. {old.sentence}"
    site.write_history(history)
    result.current, result.previous, result.changed = back, history.before(back), False
    # In the place of the sentence that the new release is current, which no longer holds.
    result.sentences[0] = f"Release {result.release} does not run as a service, {told}"
