"""`edgequant deploy`: a bundle becomes the current release on a board, whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._output import print_json, print_result, print_status
from ._progress import step_progress
from ._signatures import NO_SIGNERS, AllowedSignersOption, RevokedOption, SignatureOption, SignerOption
from ._tables import print_facts, print_table

if TYPE_CHECKING:
    from edgequant._deploy import Deployment, Listing

EXAMPLE = """
**Examples**

`edgequant deploy kws.tar.gz --host pi@192.168.1.5 --path models/kws`

`edgequant deploy kws.tar.gz --host pi@192.168.1.5 --path models/kws --require-signature --allowed-signers signers`

`edgequant deploy pets.tar.gz --host pi@192.168.1.5 --path pets --service`

`edgequant deploy --rollback --host pi@192.168.1.5 --path models/kws`

Exit code 0: it is current; 1: its smoke test differs, or its service gives no answer; 2: it could not be done.
"""


Options = dict[str, Any]


def deploy(
    bundle: Annotated[Path | None, typer.Argument(help="What 'edgequant bundle' wrote.")] = None,
    path: Annotated[
        str, typer.Option(metavar="DIR", help="The folder there, absolute or below the home folder: models/kws.")
    ] = "",
    host: Annotated[
        str | None, typer.Option(metavar="USER@HOST", help="A board over the system's ssh; it needs no Python.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Deploy on this machine.")] = False,
    ssh_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --host: ssh's configuration file, as ssh -F takes it.")
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back to the release before the current one.")
    ] = False,
    as_list: Annotated[bool, typer.Option("--list", help="Print what is deployed, and change nothing.")] = False,
    require_signature: Annotated[
        bool, typer.Option("--require-signature", help="Refuse what is not signed, here and on the board.")
    ] = False,
    allowed_signers: AllowedSignersOption = None,
    signer: SignerOption = None,
    revoked: RevokedOption = None,
    signature: SignatureOption = None,
    board_signers: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The board's own file of signers; /etc/edgequant/allowed_signers if absent."),
    ] = None,
    service: Annotated[
        bool,
        typer.Option("--service", help="Have the board's systemd run it all the time; go back if it gives no answer."),
    ] = False,
    keep: Annotated[
        int, typer.Option(min=2, max=100, help="Releases to keep, the current and the previous one among them.")
    ] = 3,
    break_lock: Annotated[
        bool, typer.Option("--break-lock", help="Take the lock from a deployer that was cut off.")
    ] = False,
    python: Annotated[
        str, typer.Option(metavar="PATH", help="The board's Python with the wheels, for bundles without runner.")
    ] = "python3",
    timeout: Annotated[
        float, typer.Option(metavar="S", min=1, max=86_400, help="Seconds that one run of the model may take there.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Copy a bundle to a board, check and smoke-test it there, and switch to it in one step; or go back.

    This runs what is in the bundle, with your rights on the board: take bundles from people you trust.
    """
    _check_options(bundle, path, host, local=local, ssh_config=ssh_config, rollback=rollback, as_list=as_list)
    trusting = (allowed_signers, signer, revoked, signature, board_signers)
    _check_trust(require_signature, trusting, as_list=as_list)
    if as_list and service:
        raise EdgequantError("--service goes with a bundle or --rollback: --list changes nothing.")
    from edgequant import _boards

    place: Options = {"host": host, "ssh_config": ssh_config}
    if as_list:
        _print_listing(_boards.list_releases(path, **place), as_json=as_json)
        return
    trust: Options = {
        "signer": signer,
        "revoked": revoked,
        "board_signers": board_signers,
        "allowed_signers": allowed_signers,
    }
    runs: Options = {"break_lock": break_lock, "service": service, "python": python, "timeout": timeout}
    with step_progress() as progress:
        if bundle is None:
            done = _boards.rollback(path, progress=progress, **place, **trust, **runs)
        else:
            extra: Options = {"keep": keep, "signature": signature, "progress": progress}
            done = _boards.deploy(bundle, path, **place, **trust, **runs, **extra)
    _print(done, as_json=as_json)
    raise typer.Exit(done.exit_code)


def _check_options(
    bundle: Path | None,
    path: str,
    host: str | None,
    *,
    local: bool,
    ssh_config: Path | None,
    rollback: bool,
    as_list: bool,
) -> None:
    if (bundle is not None) + rollback + as_list != 1:
        raise EdgequantError("Give one of a bundle to deploy, --rollback and --list.")
    if (host is not None) + local != 1:
        raise EdgequantError("Say where to deploy, once: --host USER@HOST, or --local for this machine.")
    if ssh_config is not None and host is None:
        raise EdgequantError("--ssh-config goes with --host.")
    if not path:
        raise EdgequantError("Give the folder to deploy to, such as --path models/kws.")


def _check_trust(wanted: bool, trusting: tuple[object, ...], *, as_list: bool) -> None:
    if not wanted and any(option is not None for option in trusting):
        raise EdgequantError("--allowed-signers and the like go with --require-signature.")
    if wanted and as_list:
        raise EdgequantError("--require-signature goes with a bundle or --rollback: --list runs nothing.")
    if wanted and trusting[0] is None:
        raise EdgequantError(NO_SIGNERS)


def _print(done: "Deployment", *, as_json: bool) -> None:
    for warning in done.warnings:
        print_status(f"warning: {warning}")
    if as_json:
        print_json(done.to_dict())
        return
    first, *others = done.sentences
    print_result(first, style="bold green" if done.is_good else "bold red")
    print_facts(
        [
            ("smoke test", " ".join(others)),
            ("current", f"{done.path}/current -> releases/{done.current}" if done.current else "none"),
            ("previous", done.previous or "none"),
            *([("signed by", done.signer)] if done.signer else []),
            *(("removed", name) for name in done.removed),
            ("seconds", f"{done.seconds:.1f}"),
        ]
    )


def _print_listing(listing: "Listing", *, as_json: bool) -> None:
    document = listing.to_dict()
    if as_json:
        print_json(document)
        return
    marks = {listing.previous: "previous", listing.current: "current"}
    rows = [
        (entry["release"], marks.get(entry["release"], ""), entry["deployed"] or "", entry["by"] or "")
        for entry in document["releases"]
    ]
    print_table(f"{listing.path} on {listing.computer}", ("release", "", "deployed (UTC)", "by"), (), rows)
    if listing.current is None:
        print_result("Nothing is current.")
    elif listing.current not in listing.releases:
        print_result(f"The current release, {listing.current}, is not there.")
    if listing.lock is not None:
        print_result(f"Locked by {listing.lock}.")
