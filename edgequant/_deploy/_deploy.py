"""The order of a deployment's steps.

Nothing below `releases` gets a release's name before it is whole and has passed its smoke test, and `current` changes
in one step, when all of that is on disk. So wherever this is cut off, `current` names a whole release, old or new.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from edgequant._progress import Progress, silent
from edgequant._signing import RELEASE_SIGNATURE
from edgequant._smoke import smoke

from ._errors import DeployError
from ._history import Entry, History
from ._lock import locked, whoami
from ._result import Deployment
from ._serve import serve, warn_of_service
from ._service import UserService
from ._site import Site, State, explaining
from ._verify import damaged_files, digests_of

if TYPE_CHECKING:
    from edgequant._bundle import Bundle
    from edgequant._signing import Proof
    from edgequant._smoke import SmokeResult
    from edgequant._transports import Transport

_ID_DIGITS = 16
_KEEP_LEAST = 2  # the current and the previous release


def deploy(
    bundle: "Bundle",
    transport: "Transport",
    path: PurePosixPath,
    *,
    proof: "Proof | None" = None,
    keep: int = 3,
    force_lock: bool = False,
    service: bool = False,
    python: str = "python3",
    timeout: float = 60,
    progress: Progress = silent,
) -> Deployment:
    """Make a bundle the current release in the folder `path` (absolute) of a computer.

    It is copied there, its digests are checked there, its smoke test runs there, and only then the link `current`
    changes. If the smoke test finds a difference, the result says so (`exit_code` 1) and what was current stays so.
    With `proof`, the computer checks the signature by its own file of signers, before anything is copied there, and
    the signature stays in the release. The last `keep` releases stay, at least the current and the previous one.
    `force_lock` takes the lock from another deployer. With `service`, the bundle's user service then runs it, and the
    release before becomes current again, with its own service, if no answer comes. `python` is the computer's
    interpreter with the wheels of a bundle without runner; one run of the model may take `timeout` seconds.

    Raises DeployError, which says what is current and what was left there; LockedError if another deployer works there.
    """
    begin = time.monotonic()
    site = Site(transport, path)
    test = partial(smoke, bundle, transport, python=python, timeout=timeout, progress=progress)
    with explaining(site):
        signer = None
        if proof is not None:
            progress("checking the signature there", 0, None)
            signer = str(proof.demand.check_there(transport, proof.signature, bundle.digest, "The bundle"))
        if service:
            _require_service(site, bundle)
        transport.make_folder(site.releases, parents=True)
        with locked(site, force=force_lock):
            deployer = _Deployer(bundle, site, proof, keep, test, progress)
            deployer.result.signer = signer
            deployer.run()
            if service:
                serve(site, deployer.result, bundle.manifest, progress)
            else:
                warn_of_service(site, deployer.result)
    return deployer.result.finished(site.left.values(), begin)


def _require_service(site: Site, bundle: "Bundle") -> None:
    if bundle.manifest.service is None:
        raise DeployError("The bundle has no service: make it with 'edgequant bundle --service COMMAND'.")
    UserService(site).require()


class _Deployer:
    """One deployment, with the lock held."""

    def __init__(
        self,
        bundle: "Bundle",
        site: Site,
        proof: "Proof | None",
        keep: int,
        test: "Callable[..., SmokeResult]",
        progress: Progress,
    ) -> None:
        self.bundle, self.site, self.proof, self.test = bundle, site, proof, test
        self.keep = max(keep, _KEEP_LEAST)
        self.progress = progress
        self.id = bundle.digest[:_ID_DIGITS]
        self.digests = digests_of(bundle.manifest, bundle.digest)
        self.result = Deployment("deploy", site.transport.title, site.path, bundle.digest, self.id)

    def run(self) -> None:
        self.progress("looking at what is deployed", 0, None)
        state = self.site.read()
        begun = [path for path in state.unfinished if self._is_this_bundle(path)]
        for path in state.unfinished:
            if path not in begun[:1]:
                self.site.discard(path)
        self.result.current, self.result.previous = state.current, state.previous
        whole, damaged = self._same_releases(state)
        if whole is None:
            name = self._upload(state, damaged, begun[:1])
        else:
            for path in begun[:1]:
                self.site.discard(path)
            self._put_signature(self.site.release(whole))
            name = whole if self._passes(self.site.release(whole)) else None
        if name is None:
            self.result.say_different()
        elif name == state.standing:
            self._say_unchanged(name)
            self._remove_old(state, state.history)
        else:
            self._switch(state, name, damaged)

    def _same_releases(self, state: State) -> tuple[str | None, list[str]]:
        """Return the whole release of this bundle that is there already, the current one first, and damaged ones."""
        same = [name for name in state.releases if name.startswith(self.id)]
        damaged: list[str] = []
        for name in sorted(same, key=lambda name: name != state.current):
            self.progress(f"checking the digests of {name}", 0, None)
            if not damaged_files(self.site.transport, self.site.release(name), self.digests):
                return name, damaged
            damaged.append(name)
        return None, damaged

    def _is_this_bundle(self, path: PurePosixPath) -> bool:
        """Tell whether that is what a deployer of this bundle left that was killed or cut off."""
        return path.parent == self.site.releases and path.name.startswith(f".incoming-{self.id}-")

    def _upload(self, state: State, damaged: list[str], begun: list[PurePosixPath]) -> str | None:
        """Copy the bundle and make it a release; return its name, None if its smoke test found a difference."""
        site, transport = self.site, self.site.transport
        with site.unfinished(site.releases, self.id) as incoming:
            self.progress(f"copying to {transport.title}", 0, None)
            for path in begun:
                transport.rename(path, incoming)  # so that nobody else goes on with it
            if wrong := self._copy(incoming, go_on=bool(begun)):
                raise DeployError(f"The copy on {transport.title} is damaged ({', '.join(wrong)}): try again.")
            self._put_signature(incoming)
            if not self._passes(incoming):
                site.discard(incoming)
                return None
            for old in damaged:
                if old != state.current:
                    site.check_lock()
                    transport.remove_tree(site.release(old))
            name = self._free_name(state.standing)
            site.check_lock()
            transport.rename(incoming, site.release(name))
        return name

    def _copy(self, incoming: PurePosixPath, *, go_on: bool) -> list[str]:
        """Copy the bundle's files, or those alone that are missing where it has begun; return the damaged ones."""
        transport, folder = self.site.transport, self.bundle.folder
        if go_on:
            for resume in (True, False):
                missing = damaged_files(transport, incoming, self.digests)
                if not missing:
                    return []
                transport.put_files(folder, incoming, missing, resume=resume)
        else:
            transport.put_tree(folder, incoming)
        self.progress("checking the digests there", 0, None)
        return damaged_files(transport, incoming, self.digests)

    def _put_signature(self, release: PurePosixPath) -> None:
        """Leave the signature in the release, beside what it is of: a rollback has it checked again."""
        if self.proof is not None:
            self.site.transport.put(self.proof.signature, release / RELEASE_SIGNATURE)

    def _free_name(self, current: str | None) -> str:
        """Return a name that a damaged `current`, which stays until the link has changed, does not have."""
        if current is None or not current.startswith(self.id):
            return self.id
        number = current.removeprefix(self.id).removeprefix("-") or "1"
        return f"{self.id}-{int(number) + 1}"

    def _passes(self, folder: PurePosixPath) -> bool:
        return self.result.take(self.test(folder=folder))

    def _switch(self, state: State, name: str, damaged: list[str]) -> None:
        """Make a release current, and remove those that are too old."""
        self.progress("switching", 0, None)
        entry = Entry(name, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", whoami())
        history = state.history.switched(state.standing, entry, damaged=damaged)
        self.site.write_history(history)
        self.site.switch(name)
        self.result.release = self.result.current = name
        self.result.changed, self.result.previous = True, history.before(name)
        self._remove_old(state, history)
        before = f"before, {self.result.previous} was" if self.result.previous else "it is the first"
        self.result.sentences.insert(0, f"Release {name} is current in {self.site.path}; {before}.")

    def _remove_old(self, state: State, history: History) -> None:
        kept = {self.result.current, self.result.previous, *history.newest_first[: self.keep]}
        for name in sorted(set(state.releases) - kept):
            self.progress("removing old releases", 0, None)
            self.site.check_lock()
            if self.site.discard(self.site.release(name)):
                self.result.removed.append(name)
        if self.result.removed:
            self.site.check_lock()

    def _say_unchanged(self, name: str) -> None:
        self.result.release = name
        self.result.sentences.insert(
            0, f"Release {name} is current in {self.site.path} already, and whole: nothing was changed."
        )
