"""What is signed: the line that `sha256sum manifest.json` prints, in a namespace of its own.

So a signature holds for a bundle's digest, whichever zlib packed it, and can be checked by hand in a release:
`sha256sum manifest.json | ssh-keygen -Y verify -n edgequant-bundle ...`.
"""

import re
from pathlib import Path

from edgequant._bundle._manifest import MANIFEST

from ._errors import SignatureError

NAMESPACE = "edgequant-bundle"
RELEASE_SIGNATURE = f"{MANIFEST}.sig"
"""The signature's name in a release on a board."""
LONGEST = 64 * 1024
"""Bytes of a signature file; with a certificate in it they are a few thousand."""
_ARMOUR = re.compile(rb"\s*-----BEGIN SSH SIGNATURE-----\s.*-----END SSH SIGNATURE-----\s*", re.DOTALL)


def message(digest: str) -> bytes:
    """Return what is signed of a bundle with that digest."""
    return f"{digest}  {MANIFEST}\n".encode("ascii")


def signature_path(bundle: Path) -> Path:
    """Return where the signature of a bundle is: beside it."""
    return bundle.with_name(f"{bundle.name}.sig")


def require_signature(file: Path, what: str) -> None:
    """Raise SignatureError unless there is such a file and it looks like a signature; `what` is said to need it."""
    try:
        with file.open("rb") as content:
            text = content.read(LONGEST + 1)
    except FileNotFoundError:
        raise SignatureError(f"{what} is not signed: there is no {file}; 'edgequant sign' makes one.") from None
    except OSError as error:
        raise SignatureError(f"{file}, the signature, cannot be read: {error.strerror}.") from None
    if len(text) > LONGEST or not _ARMOUR.fullmatch(text):
        raise SignatureError(f"{file} is damaged, or no signature: get it again, or sign the bundle again.")
