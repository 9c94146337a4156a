"""`edgequant sign`: who made a bundle, by a key of OpenSSH."""

from pathlib import Path
from typing import Annotated

import typer

from ._output import print_json, print_result
from ._progress import step_progress
from ._tables import print_facts

EXAMPLE = """
**Examples**

`edgequant sign kws.tar.gz --key ~/.ssh/id_ed25519`

`edgequant bundle verify kws.tar.gz --allowed-signers allowed_signers`

Exit code 0: signed; 2: it could not be signed.
"""


def sign(
    bundle: Annotated[Path, typer.Argument(help="What 'edgequant bundle' wrote.")],
    key: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="A private key of OpenSSH, also one in hardware; or a public one that an agent holds."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The signature; BUNDLE.sig if absent.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was signed as JSON.")] = False,
) -> None:
    """Sign a bundle's digest through ssh-keygen; the signature lies beside the bundle, which stays as it is."""
    from edgequant._signing import NAMESPACE
    from edgequant._signing import sign as sign_bundle

    with step_progress() as progress:
        done = sign_bundle(bundle, key.expanduser(), output=output, progress=progress)
    if as_json:
        facts = {"bundle": str(bundle), "signature": str(done.signature), "digest": done.digest}
        print_json({**facts, "namespace": NAMESPACE})
        return
    print_result(f"Signed: {done.signature}.", style="bold green")
    print_facts([("bundle", bundle.name), ("digest", done.digest)])
