"""Options of commands that demand a signature."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgequant._errors import EdgequantError

if TYPE_CHECKING:
    from edgequant._signing import Demand

AllowedSignersOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Whose signatures count here: people and keys, as ssh-keygen has them."),
]
SignerOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who must have signed; anybody of the allowed signers if absent.")
]
RevokedOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keys that do not count any more: what 'ssh-keygen -k' wrote.")
]
SignatureOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The signature; BUNDLE.sig, beside the bundle, if absent.")
]


NO_SIGNERS = "Say with --allowed-signers FILE whose signatures count: docs/signing.md shows one."


def demand_of(
    allowed_signers: Path | None, signer: str | None, revoked: Path | None, board_signers: str | None = None
) -> "Demand":
    """Return the demand that the options make; raises the error for options without --allowed-signers."""
    from edgequant._signing import BOARD_SIGNERS, Demand, trust_here

    if allowed_signers is None:
        raise EdgequantError(NO_SIGNERS)
    return Demand(trust_here(allowed_signers, signer, revoked), board_signers or BOARD_SIGNERS)
