"""Bundles on boards, for programs: a path and the name of a board in, a typed result out. The commands stand on it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ._bundle import open_bundle
from ._bundle import write_bundle as bundle
from ._deploy import deploy as run_deploy
from ._deploy import list_releases as run_list
from ._deploy import parse_path
from ._deploy import rollback as run_rollback
from ._errors import EdgequantError
from ._progress import Progress, silent
from ._signing import BOARD_SIGNERS, Demand, Proof, signature_path, trust_here
from ._smoke import SmokeResult
from ._smoke import smoke as run_smoke
from ._targets import find_target
from ._transports import EmulatedTransport, LocalTransport, SshTransport

if TYPE_CHECKING:
    from ._deploy import Deployment, Listing
    from ._transports import Transport

__all__ = ["bundle", "deploy", "list_releases", "rollback", "smoke"]

AnyPath = str | os.PathLike[str]


def smoke(
    bundle: AnyPath,
    *,
    host: str | None = None,
    emulate: str | None = None,
    ssh_config: AnyPath | None = None,
    threads: int | None = None,
    repeat: int | None = None,
    timeout: float = 60,
    python: str = "python3",
    progress: Progress = silent,
) -> SmokeResult:
    """Run a bundle's goldens on a board and compare every bit with what they gave here.

    It executes the bundle's program there. Nothing raises but a mistake in the arguments: a damaged bundle and a board
    that cannot be reached are the result's `error`. `exit_code` is 0: equal; 1: different; 2: it could not run.

    Args:
        bundle: what `bundle` wrote.
        host: a board over the system's ssh, as `pi@192.168.1.5`; without it and `emulate`, this machine.
        emulate: a board to emulate, as `rpi4`.
        ssh_config: ssh's configuration file, as `ssh -F` takes it.
        threads: of one inference; 1, and then one for each core, if absent.
        repeat: timed inferences of the first golden; 10 if absent, 1 if emulated.
        timeout: seconds that one run may take there.
        python: the board's interpreter with the wheels of a bundle without a program.
        progress: called with a step, and how much of it is done.

    """
    path = Path(bundle)
    _check_place(host, emulate, ssh_config)
    result = SmokeResult(path.name, host or emulate or "this machine", is_emulated=emulate is not None)
    try:
        with open_bundle(path, progress=progress) as opened, _reach(host, emulate, ssh_config) as transport:
            result = run_smoke(
                opened,
                transport,
                name=path.name,
                threads=threads,
                repeat=repeat,
                timeout=timeout,
                python=python,
                progress=progress,
            )
    except EdgequantError as error:
        result.error = result.error or str(error)
    return result


def deploy(
    bundle: AnyPath,
    path: str,
    *,
    host: str | None = None,
    ssh_config: AnyPath | None = None,
    service: bool = False,
    keep: int = 3,
    break_lock: bool = False,
    allowed_signers: AnyPath | None = None,
    signer: str | None = None,
    revoked: AnyPath | None = None,
    signature: AnyPath | None = None,
    board_signers: str | None = None,
    python: str = "python3",
    timeout: float = 60,
    progress: Progress = silent,
) -> "Deployment":
    """Make a bundle the current release in a folder of a board: copied, checked and smoke-tested there, then switched.

    It executes the bundle's program there. A difference in the smoke test, or a service that gives no answer, is in the
    result (`exit_code` 1), and what was current stays so.

    Args:
        bundle: what `bundle` wrote.
        path: the folder there, absolute or below the home folder: `models/kws`.
        host: a board over the system's ssh, as `pi@192.168.1.5`; this machine if absent.
        ssh_config: ssh's configuration file, as `ssh -F` takes it.
        service: have the board's systemd run it all the time.
        keep: releases that stay, 2 to 100.
        break_lock: take the lock of a deployer that was cut off.
        allowed_signers: demand a signature of somebody in this file, here and on the board.
        signer: who must have signed.
        revoked: keys that do not count any more here.
        signature: the signature; `BUNDLE.sig` if absent.
        board_signers: the board's own file of signers; `/etc/edgequant/allowed_signers` if absent.
        python: the board's interpreter with the wheels of a bundle without a program.
        timeout: seconds that one run may take there.
        progress: called with a step, and how much of it is done.

    Raises EdgequantError, whose sentence says why it could not be done, what is current and what was left there.

    """
    _check_place(host, None, ssh_config)
    demand = _demand(allowed_signers, signer, revoked, board_signers)
    proof = None if demand is None else Proof(demand, Path(signature or signature_path(Path(bundle))))
    admit = None if proof is None else proof.demand.admit(proof.signature, Path(bundle).name)
    with (
        _reach(host, None, ssh_config) as transport,
        open_bundle(bundle, admit=admit, progress=progress) as opened,
    ):
        return run_deploy(
            opened,
            transport,
            parse_path(path, transport.home()),
            proof=proof,
            keep=keep,
            force_lock=break_lock,
            service=service,
            python=python,
            timeout=timeout,
            progress=progress,
        )


def rollback(
    path: str,
    *,
    host: str | None = None,
    ssh_config: AnyPath | None = None,
    service: bool = False,
    break_lock: bool = False,
    allowed_signers: AnyPath | None = None,
    signer: str | None = None,
    revoked: AnyPath | None = None,
    board_signers: str | None = None,
    python: str = "python3",
    timeout: float = 60,
    progress: Progress = silent,
) -> "Deployment":
    """Make the release current again that was before the current one in a folder of a board.

    The arguments and errors are those of `deploy`.
    """
    _check_place(host, None, ssh_config)
    with _reach(host, None, ssh_config) as transport:
        return run_rollback(
            transport,
            parse_path(path, transport.home()),
            demand=_demand(allowed_signers, signer, revoked, board_signers),
            force_lock=break_lock,
            service=service,
            python=python,
            timeout=timeout,
            progress=progress,
        )


def list_releases(path: str, *, host: str | None = None, ssh_config: AnyPath | None = None) -> "Listing":
    """Return what is deployed to a folder of a board, and who is deploying now. Raises EdgequantError."""
    _check_place(host, None, ssh_config)
    with _reach(host, None, ssh_config) as transport:
        return run_list(transport, parse_path(path, transport.home()))


def _check_place(host: str | None, emulate: str | None, ssh_config: AnyPath | None) -> None:
    if host is not None and emulate is not None:
        raise EdgequantError("Say where to run, once: a host or a board to emulate.")
    if ssh_config is not None and host is None:
        raise EdgequantError("A configuration of ssh goes with a host.")


@contextmanager
def _reach(host: str | None, emulate: str | None, ssh_config: AnyPath | None) -> "Iterator[Transport]":
    if emulate is not None:
        transport: Transport = EmulatedTransport(find_target(emulate))
    elif host is None:
        transport = LocalTransport()
    else:
        transport = SshTransport(host, config=None if ssh_config is None else Path(ssh_config))
    with transport:
        yield transport


def _demand(
    allowed_signers: AnyPath | None, signer: str | None, revoked: AnyPath | None, board_signers: str | None
) -> Demand | None:
    if allowed_signers is None:
        if signer is not None or revoked is not None or board_signers is not None:
            raise EdgequantError("Whose signatures count is in a file of allowed signers: give it, too.")
        return None
    trust = trust_here(Path(allowed_signers), signer, None if revoked is None else Path(revoked))
    return Demand(trust, board_signers or BOARD_SIGNERS)
