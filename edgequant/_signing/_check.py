"""Checks a signature with ssh-keygen, here and on a board in the same way: where is the transport's matter."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ._errors import SignatureError, SigningError
from ._message import NAMESPACE, message, require_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgequant._transports import Finished, Transport

_SECONDS = 30
_NO_PROGRAM = (126, 127)
_GOOD = re.compile(r"with (\S+) key (\S+)")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count on a computer, by files there (absolute paths).

    `allowed_signers` names people and their keys, as ssh-keygen(1) describes it. `signer` is who must have signed,
    anybody of that file if None. `revoked` are keys that do not count any more (a KRL, or public keys, one a line).
    """

    allowed_signers: PurePosixPath
    signer: str | None = None
    revoked: PurePosixPath | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: the name in allowed_signers, and the key's kind and fingerprint."""

    name: str
    key: str

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"


def check_signature(transport: "Transport", trust: Trust, signature: Path, digest: str, *, what: str) -> Signer:
    """Have a computer's ssh-keygen check the signature of a bundle with that digest; return who signed.

    `signature` is a file here, `what` what to call the bundle in a sentence. Raises SignatureError, with a sentence of
    its own for each way to be wrong, SigningError where nothing can be checked, and TransportError.
    """
    require_signature(signature, what)
    _require_files(transport, trust)
    with transport.temporary_folder() as folder:
        transport.put(signature, folder / "signature", mode=0o600)
        return _Check(transport, trust, folder / "signature", message(digest), what).signer()


def _require_files(transport: "Transport", trust: Trust) -> None:
    for path, what in ((trust.allowed_signers, "allowed signers"), (trust.revoked, "revoked keys")):
        if path is not None and not transport.exists(path):
            raise SigningError(
                f"There is no {path} on {transport.title}, the file of {what}: docs/signing.md says how to make it."
            )


class _Check:
    """One signature on one computer."""

    def __init__(self, transport: "Transport", trust: Trust, signature: PurePosixPath, text: bytes, what: str) -> None:
        self._transport, self._trust, self._signature, self._text = transport, trust, signature, text
        self._what, self._where = what, transport.title

    def signer(self) -> Signer:
        """Return who signed."""
        found = self._principals() if self._trust.signer is None else [self._trust.signer]
        told = ""
        for name in found:
            done = self._verify(name, self._trust.revoked)
            if done.status == 0 and (good := _GOOD.search(done.text)):
                return Signer(name, f"{good[1]} {good[2]}")
            told += _words(done)
        raise self._refusal(told)

    def _ssh_keygen(self, action: str, *options: "str | PurePosixPath", stdin: bytes = b"") -> "Finished":
        words: Sequence[str | PurePosixPath] = ["ssh-keygen", "-Y", action, "-s", self._signature, *options]
        done = self._transport.run(words, stdin=stdin, timeout=_SECONDS)
        if done.status in _NO_PROGRAM:
            raise SigningError(
                f"There is no ssh-keygen on {self._where} to check the signature: install the OpenSSH client there, on "
                f"Debian and Raspberry Pi OS with 'sudo apt-get install openssh-client'."
            )
        if re.search(r"unknown option|illegal option|too many arguments|Unsupported operation", _words(done)):
            raise SigningError(f"ssh-keygen on {self._where} is too old for signatures: it takes OpenSSH 8.2 or later.")
        return done

    def _verify(self, name: str, revoked: PurePosixPath | None) -> "Finished":
        options = ("-r", revoked) if revoked else ()
        return self._ssh_keygen(
            "verify", "-f", self._trust.allowed_signers, "-n", NAMESPACE, "-I", name, *options, stdin=self._text
        )

    def _principals(self) -> list[str]:
        return self._ssh_keygen("find-principals", "-f", self._trust.allowed_signers).text.splitlines()

    def _refusal(self, told: str) -> SigningError:
        """Return the error for a signature that does not count; `told` is what ssh-keygen said."""
        itself = self._ssh_keygen("check-novalidate", "-n", NAMESPACE, stdin=self._text)
        good = _GOOD.search(itself.text) if itself.status == 0 else None
        if good is None:
            return self._wrong_in_itself(_words(itself))
        key = f"{good[1]} {good[2]}"
        principals = self._ssh_keygen("find-principals", "-f", self._trust.allowed_signers)
        return self._not_allowed(key, principals, told + _words(principals))

    def _wrong_in_itself(self, told: str) -> SignatureError:
        if "namespace" in told:
            return SignatureError(
                f"The signature of {self._what} was made for something else, not for bundles (its namespace is not "
                f"{NAMESPACE}): sign the bundle with 'edgequant sign'."
            )
        if "incorrect signature" in told:
            return SignatureError(
                f"The signature is not one of {self._what}: that was altered since, or it is another's signature."
            )
        return SignatureError(f"The signature of {self._what} is damaged: get it again, or sign the bundle again.")

    def _not_allowed(self, key: str, principals: "Finished", told: str) -> SigningError:
        """Return the error for a sound signature with a key that does not count here."""
        allowed, names = self._trust.allowed_signers, principals.text.splitlines()
        signed = f"{self._what} is signed with the key {key}"
        if "key has expired" in told:
            return SignatureError(f"{signed}, which has expired by {allowed} on {self._where}.")
        if "not yet valid" in told:
            return SignatureError(
                f"{signed}, which is not valid yet by {allowed} on {self._where}: look at the clock there."
            )
        if "not permitted for use in signature namespace" in told:
            return SignatureError(f"{signed}, which may not sign bundles by {allowed} on {self._where}.")
        if not names:
            return SignatureError(f"{signed}, which is nobody's in {allowed} on {self._where}.")
        name = names[0] if self._trust.signer is None else self._trust.signer
        if self._trust.revoked and _GOOD.search(self._verify(name, None).text):
            return self._revoked(signed, self._trust.revoked)
        return SignatureError(f"{signed} of {' or '.join(names)}, and not by {name}.")

    def _revoked(self, signed: str, revoked: PurePosixPath) -> SigningError:
        done = self._transport.run(["ssh-keygen", "-Q", "-l", "-f", revoked], timeout=_SECONDS)
        if done.status and not self._has_public_keys(revoked):
            return SigningError(f"{revoked} on {self._where} is no list of revoked keys: 'ssh-keygen -k' makes one.")
        return SignatureError(f"{signed}, which was revoked in {revoked} on {self._where}.")

    def _has_public_keys(self, revoked: PurePosixPath) -> bool:
        return self._transport.run(["ssh-keygen", "-l", "-f", revoked], timeout=_SECONDS).status == 0


def _words(done: "Finished") -> str:
    return done.stderr.decode("utf-8", "replace")
