"""The connection to a board as an inventory of Ansible describes it, and whose signatures count."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._signing import Demand, trust_here
from edgequant._transports import LocalTransport, SshTransport

if TYPE_CHECKING:
    from edgequant._transports import Transport


def reach(
    host: str,
    *,
    port: int | None = None,
    user: str | None = None,
    key: str | None = None,
    options: Sequence[str] = (),
    connect_seconds: int = 10,
) -> "Transport":
    """Return the way to a board over ssh; the connection is made by the first call.

    `key` is a private key's file and `options` are words of ssh's command line, such as `-o ProxyJump=bastion`. What
    edgequant insists on (a known host key, nothing asked for) they cannot change. Raises TransportError for no host.
    """
    named = {"Port": port, "User": user, "IdentityFile": key and Path(key).expanduser()}
    words = [word for name, value in named.items() if value for word in ("-o", f"{name}={_quoted(value)}")]
    return SshTransport(host, options=[*words, *options], connect_seconds=connect_seconds)


def reach_here() -> "Transport":
    """Return this machine."""
    return LocalTransport()


def demand_of(allowed_signers: Path, signer: str | None, revoked: Path | None, board_signers: str) -> Demand:
    """Return the demand of a signature, here and on the board; see `edgequant deploy --require-signature`."""
    return Demand(trust_here(allowed_signers, signer, revoked), board_signers)


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text
