"""That a bundle be signed: checked here before it is unpacked, and on the board before anything is copied there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgequant._transports import LocalTransport

from ._check import Signer, Trust, check_signature

if TYPE_CHECKING:
    from edgequant._transports import Transport

BOARD_SIGNERS = "/etc/edgequant/allowed_signers"
_REVOKED = "revoked_keys"


@dataclass(frozen=True, slots=True)
class Demand:
    """Whose signatures count: here, and on the board by its own file `board_signers` (`~` is the home there).

    The board's revoked keys are `revoked_keys` beside that file, if it is there. Who must have signed is the same.
    """

    here: Trust
    board_signers: str = BOARD_SIGNERS

    def check_here(self, signature: Path, digest: str, what: str) -> Signer:
        """Return who signed; raises as `check_signature` does."""
        with LocalTransport() as here:
            return check_signature(here, self.here, signature, digest, what=what)

    def check_there(self, transport: "Transport", signature: Path, digest: str, what: str) -> Signer:
        """Return who signed, as the board knows them; raises as `check_signature` does."""
        text = self.board_signers
        signers = transport.home() / (text[2:] if text.startswith("~/") else text)
        revoked = signers.with_name(_REVOKED)
        trust = Trust(signers, self.here.signer, revoked if transport.exists(revoked) else None)
        return check_signature(transport, trust, signature, digest, what=what)

    def admit(self, signature: Path, what: str) -> Callable[[str], None]:
        """Return what `open_bundle` calls with a bundle's digest before it unpacks: it raises to refuse."""

        def admit(digest: str) -> None:
            self.check_here(signature, digest, what)

        return admit


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature that a deployment brings along, and the demand that it meets."""

    demand: Demand
    signature: Path


def trust_here(allowed_signers: Path, signer: str | None, revoked: Path | None) -> Trust:
    """Return whose signatures count on this machine, by a user's own paths."""
    return Trust(_absolute(allowed_signers), signer, None if revoked is None else _absolute(revoked))


def _absolute(path: Path) -> PurePosixPath:
    return PurePosixPath(path.expanduser().absolute())
