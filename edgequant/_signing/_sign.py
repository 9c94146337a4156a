"""Signs a bundle's digest with a key of OpenSSH: a file, one in an agent, or one in hardware."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgequant_converters import replacing

from edgequant._bundle import open_bundle
from edgequant._progress import Progress, silent

from ._errors import SigningError
from ._message import NAMESPACE, message, signature_path


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was made: its file, and the digest that it is of."""

    signature: Path
    digest: str


def sign(bundle: Path, key: Path, *, output: Path | None = None, progress: Progress = silent) -> Signed:
    """Check a bundle and sign its digest with the private key in `key`, or with the agent's for a public one.

    The signature is written to `output`, beside the bundle if None. A passphrase or PIN is asked for on the terminal.
    Raises BundleError for what is no sound bundle, and SigningError.
    """
    with open_bundle(bundle, progress=progress) as opened:
        digest = opened.digest
    if not key.is_file():
        raise SigningError(f"There is no key {key}: make one with 'ssh-keygen -t ed25519', or give another --key.")
    with tempfile.TemporaryDirectory(prefix="edgequant-sign-") as folder:
        text = Path(folder) / "digest"
        text.write_bytes(message(digest))
        progress("signing", 0, None)
        _start_ssh_keygen(key, text)
        output = output or signature_path(bundle)
        with replacing(output) as temporary:
            temporary.write_bytes(signature_path(text).read_bytes())
    return Signed(output, digest)


def _start_ssh_keygen(key: Path, text: Path) -> None:
    """Sign a file; ssh-keygen talks with the user on the terminal, where there is one."""
    command = ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(text)]
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    try:
        done = subprocess.run(
            command,
            stdin=None if at_terminal else subprocess.DEVNULL,  # it would take a passphrase from anywhere
            stdout=subprocess.DEVNULL,
            stderr=None if at_terminal else subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except OSError as error:
        raise SigningError(f"ssh-keygen cannot be started: install the OpenSSH client ({error.strerror}).") from None
    if done.returncode:
        raise SigningError(_explanation(key, (done.stderr or b"").decode("utf-8", "replace")))


_CAUSES = {  # by what ssh-keygen says, the first that it says
    "UNPROTECTED": "others may read it, so ssh-keygen refuses it: 'chmod 600' cures that",
    "passphrase": "it has a passphrase, and nobody is here to give it: add it to an agent with 'ssh-add', or sign at a "
    "terminal",
    "No private key found": "it is a public key whose private one neither lies beside it nor is in the agent: give "
    "that file, or use 'ssh-add'",
    "Couldn't load public key": "it is no key of OpenSSH: give a file that 'ssh-keygen -t ed25519' made",
    "invalid format": "it is no key of OpenSSH: give a file that 'ssh-keygen -t ed25519' made",
}


def _explanation(key: Path, told: str) -> str:
    for words, cause in _CAUSES.items():
        if words in told:
            return f"{key} signs nothing: {cause}."
    last = told.strip().splitlines()[-1:] or ["ssh-keygen says above why"]
    return f"{key} signs nothing: {last[0].rstrip('.')}."
