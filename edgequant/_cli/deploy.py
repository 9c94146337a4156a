"""`edgequant deploy`: a bundle becomes the current release on a board, whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._output import print_json, print_result, print_status
from ._progress import step_progress
from ._signatures import AllowedSignersOption, RevokedOption, SignatureOption, SignerOption, demand_of
from ._tables import print_facts, print_table

if TYPE_CHECKING:
    from edgequant._deploy import Deployment, Listing
    from edgequant._signing import Demand, Proof
    from edgequant._transports import Transport

EXAMPLE = """
**Examples**

`edgequant deploy kws.tar.gz --host pi@192.168.1.5 --path models/kws`

`edgequant deploy kws.tar.gz --host pi@192.168.1.5 --path models/kws --require-signature --allowed-signers signers`

`edgequant deploy --rollback --host pi@192.168.1.5 --path models/kws`

Exit code 0: the release is current; 1: its smoke test found a difference, so it is not; 2: it could not be deployed.
"""


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
    demand = _demand(require_signature, *trusting, as_list=as_list)
    with _reach(host, ssh_config) as transport:
        if as_list:
            _print_listing(_list(transport, path), as_json=as_json)
            return
        options = {"force_lock": break_lock, "python": python, "timeout": timeout}
        if bundle is None:
            done = _rollback(transport, path, demand=demand, **options)
        else:
            proof = None if demand is None else _proof(demand, signature, bundle)
            done = _deploy(bundle, transport, path, proof, {"keep": keep, **options})
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


def _demand(
    wanted: bool,
    allowed_signers: Path | None,
    signer: str | None,
    revoked: Path | None,
    signature: Path | None,
    board_signers: str | None,
    *,
    as_list: bool,
) -> "Demand | None":
    given = (allowed_signers, signer, revoked, signature, board_signers)
    if not wanted and any(option is not None for option in given):
        raise EdgequantError("--allowed-signers and the like go with --require-signature.")
    if wanted and as_list:
        raise EdgequantError("--require-signature goes with a bundle or --rollback: --list runs nothing.")
    return demand_of(allowed_signers, signer, revoked, board_signers) if wanted else None


def _proof(demand: "Demand", signature: Path | None, bundle: Path) -> "Proof":
    from edgequant._signing import Proof, signature_path

    return Proof(demand, signature or signature_path(bundle))


def _reach(host: str | None, ssh_config: Path | None) -> "Transport":
    from edgequant._transports import LocalTransport, SshTransport

    return LocalTransport() if host is None else SshTransport(host, config=ssh_config)


def _deploy(
    bundle: Path, transport: "Transport", path: str, proof: "Proof | None", options: dict[str, Any]
) -> "Deployment":
    from edgequant._bundle import open_bundle
    from edgequant._deploy import deploy, parse_path

    admit = None if proof is None else proof.demand.admit(proof.signature, bundle.name)
    with step_progress() as progress, open_bundle(bundle, admit=admit, progress=progress) as opened:
        folder = parse_path(path, transport.home())
        return deploy(opened, transport, folder, proof=proof, progress=progress, **options)


def _rollback(transport: "Transport", path: str, **options: Any) -> "Deployment":
    from edgequant._deploy import parse_path, rollback

    with step_progress() as progress:
        return rollback(transport, parse_path(path, transport.home()), progress=progress, **options)


def _list(transport: "Transport", path: str) -> "Listing":
    from edgequant._deploy import list_releases, parse_path

    return list_releases(transport, parse_path(path, transport.home()))


def _print(done: "Deployment", *, as_json: bool) -> None:
    for warning in done.warnings:
        print_status(f"warning: {warning}")
    if as_json:
        print_json(done.to_dict())
        return
    first, *others = done.sentences
    print_result(first, style="bold green" if done.passed else "bold red")
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
