"""Who made a bundle: signatures that OpenSSH's own ssh-keygen makes and checks."""

from ._check import Signer, Trust, check_signature
from ._demand import BOARD_SIGNERS, Demand, Proof, trust_here
from ._errors import SignatureError, SigningError
from ._message import NAMESPACE, RELEASE_SIGNATURE, signature_path
from ._sign import Signed, sign

__all__ = [
    "BOARD_SIGNERS",
    "NAMESPACE",
    "RELEASE_SIGNATURE",
    "Demand",
    "Proof",
    "SignatureError",
    "Signed",
    "Signer",
    "SigningError",
    "Trust",
    "check_signature",
    "sign",
    "signature_path",
    "trust_here",
]
