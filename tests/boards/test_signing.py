"""Signatures, made and checked by OpenSSH's ssh-keygen here and on a board: a sentence for each way to be wrong."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from edgequant._bundle import open_bundle
from edgequant._signing import NAMESPACE, Demand, SignatureError, SigningError, Trust, check_signature
from edgequant._transports import LocalTransport, SshTransport

from ._bundle_files import members, resealed, with_file
from ._sshd import SshServer

KEPT = Path(__file__).parent / "fixtures" / "schema-1" / "x86-64.tar.gz"
ALICE, BOB = "alice@example.com", "bob@example.com"


def keygen(*words: object, stdin: bytes = b"") -> None:
    subprocess.run(["ssh-keygen", *map(str, words)], input=stdin, check=True, capture_output=True)


class Desk:
    """A folder with a bundle, the keys of two people, and files of signers that name Alice alone."""

    def __init__(self, folder: Path, cli: Callable[..., Any]) -> None:
        self.folder, self.cli = folder, cli
        self.bundle = Path(shutil.copy(KEPT, folder / "kws.tar.gz"))
        self.signature = folder / "kws.tar.gz.sig"
        self.signers = folder / "allowed_signers"
        self.revoked = folder / "revoked"
        for name in ("alice", "bob"):
            keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name)
        self.allow()

    def public(self, name: str) -> str:
        return " ".join((self.folder / f"{name}.pub").read_text().split()[:2])

    def allow(self, name: str = "alice", options: str = "", into: Path | None = None) -> None:
        (into or self.signers).write_text(f"{name}@example.com {options} {self.public(name)}\n")

    def sign(self, key: str = "alice") -> None:
        done = self.cli("sign", self.bundle, "--key", self.folder / key)
        assert done.exit_code == 0, done.stderr

    def sign_elsewise(self, namespace: str) -> None:
        (self.folder / "line").write_bytes(self.line())
        keygen("-Y", "sign", "-f", self.folder / "alice", "-n", namespace, self.folder / "line")
        (self.folder / "line.sig").rename(self.signature)

    def line(self) -> bytes:
        with open_bundle(self.bundle) as opened:
            return f"{opened.digest}  manifest.json\n".encode()

    def verify(self, *options: object) -> Any:
        return self.cli("bundle", "verify", self.bundle, "--allowed-signers", self.signers, *options)

    def revoke(self) -> None:
        keygen("-k", "-f", self.revoked, self.folder / "alice.pub")


@pytest.fixture
def desk(tmp_path: Path, cli: Callable[..., Any]) -> Desk:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen, which is not on this machine: apt-get install openssh-client")
    return Desk(tmp_path, cli)


def replace_bundle(desk: Desk) -> None:
    """Another bundle than the one that was signed: one bit of its model differs, and all digests fit again."""
    desk.sign()
    found = members(desk.bundle)
    model = bytearray(found["model.tflite"][1])
    model[-1] ^= 1
    with_file(found, desk.bundle, "model.tflite", bytes(model))


def damage_signature(desk: Desk) -> None:
    desk.sign()
    first, second, *rest = desk.signature.read_text().splitlines(keepends=True)
    desk.signature.write_text("".join([first, second.replace("A", "B"), *rest]))


def someone_else(desk: Desk) -> None:
    desk.signers.write_text(desk.signers.read_text() + f"{BOB} {desk.public('bob')}\n")
    desk.sign("bob")


def with_options(options: str) -> Callable[[Desk], None]:
    def prepare(desk: Desk) -> None:
        desk.sign()
        desk.allow(options=options)

    return prepare


def revoke(desk: Desk) -> None:
    desk.sign()
    desk.revoke()


def revoke_in_text(desk: Desk) -> None:
    desk.sign()
    desk.revoked.write_text(f"{desk.public('alice')}\n")


# How a bundle and its signature are made wrong, and what is said of it.
REFUSED = {
    "unsigned": (lambda desk: None, "kws.tar.gz is not signed: there is no "),
    "another bundle": (replace_bundle, "The signature is not one of kws.tar.gz: that was altered since"),
    "wrong namespace": (lambda desk: desk.sign_elsewise("file"), f"its namespace is not {NAMESPACE}"),
    "damaged signature": (damage_signature, "The signature of kws.tar.gz is damaged"),
    "no signature": (lambda desk: desk.signature.write_text("x"), "kws.tar.gz.sig is damaged, or no signature"),
    "unknown key": (lambda desk: desk.sign("bob"), "which is nobody's in "),
    "expired": (with_options('valid-before="20200101"'), "which has expired by "),
    "not yet valid": (with_options('valid-after="21000101"'), "which is not valid yet by "),
    "for other things": (with_options('namespaces="git"'), "which may not sign bundles by "),
    "wrong principal": (someone_else, f"of {BOB}, and not by {ALICE}."),
    "revoked": (revoke, "which was revoked in "),
    "revoked in a list of keys": (revoke_in_text, "which was revoked in "),
}


def options_of(desk: Desk, case: str) -> list[object]:
    revoked = ["--revoked", desk.revoked] if desk.revoked.exists() else []
    return [*revoked, *(["--signer", ALICE] if case == "wrong principal" else [])]


def test_a_signature_says_who_and_leaves_the_bundle_as_it_is(desk: Desk) -> None:
    before = desk.bundle.read_bytes()
    desk.sign()
    assert desk.bundle.read_bytes() == before
    for options in ((), ("--signer", ALICE)):
        found = json.loads(desk.verify(*options, "--json").stdout)
        assert found["sound"] is True
        assert found["signer"]["name"] == ALICE
        assert found["signer"]["key"].startswith("ED25519 SHA256:")
    assert f"signed by  {ALICE} (ED25519" in desk.verify().stdout


def test_a_signature_is_checked_by_hand_as_the_docs_say(desk: Desk) -> None:
    desk.sign()
    words = ["-Y", "verify", "-f", desk.signers, "-I", ALICE, "-n", NAMESPACE, "-s", desk.signature]
    keygen(*words, stdin=desk.line())


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_signed_wrongly_is_refused(desk: Desk, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, sentence = REFUSED[case]
    prepare(desk)
    monkeypatch.setattr("edgequant._bundle._archive._Members.file", None)  # nothing may be unpacked
    done = desk.verify(*options_of(desk, case))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert sentence in done.stderr
    found = json.loads(desk.verify(*options_of(desk, case), "--json").stdout)
    assert found["sound"] is None
    assert sentence in found["problem"]


@pytest.mark.slow
def test_a_board_refuses_by_its_own_files_before_anything_is_there(
    sshd: SshServer, cli: Callable[..., Any], tmp_path: Path
) -> None:
    with SshTransport(sshd.host, config=sshd.config) as board:
        for case, (prepare, sentence) in REFUSED.items():
            (tmp_path / case).mkdir()
            desk = Desk(tmp_path / case, cli)
            prepare(desk)
            trust = sshd.home / case
            trust.mkdir()
            shutil.copy(desk.signers, trust / "allowed_signers")
            if desk.revoked.exists():
                shutil.copy(desk.revoked, trust / "revoked_keys")
            signer = ALICE if case == "wrong principal" else None
            demand = Demand(Trust(PurePosixPath("/this side's"), signer), f"~/{case}/allowed_signers")
            digest = desk.line().split()[0].decode()
            with pytest.raises(SignatureError) as caught:
                demand.check_there(board, desk.signature, digest, "kws.tar.gz")
            assert sentence in str(caught.value), case
            if " on " in str(caught.value):
                assert " on board" in str(caught.value)
    assert {path.name for path in sshd.home.iterdir()} == {*REFUSED}


@pytest.mark.slow
def test_a_deployment_demands_it_on_both_sides(desk: Desk, sshd: SshServer, cli: Callable[..., Any]) -> None:
    trust = sshd.home / "signers"
    words = ["--host", sshd.host, "--ssh-config", sshd.config, "--path", "kws", "--require-signature", "--json",
             "--allowed-signers", desk.signers, "--board-signers", "~/signers"]  # fmt: skip
    refused = cli("deploy", desk.bundle, *words)
    assert (refused.exit_code, list(sshd.home.iterdir())) == (2, [])
    assert "kws.tar.gz is not signed" in refused.stderr
    desk.sign()
    no_file = cli("deploy", desk.bundle, *words)
    assert (no_file.exit_code, list(sshd.home.iterdir())) == (2, [])
    assert f"There is no {trust} on board, the file of allowed signers" in no_file.stderr
    desk.allow("bob", into=trust)
    unknown = cli("deploy", desk.bundle, *words)
    assert (unknown.exit_code, list(sshd.home.iterdir())) == (2, [trust])
    assert "which is nobody's in" in unknown.stderr
    desk.allow("alice", into=trust)
    done = cli("deploy", desk.bundle, *words)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["signer"].startswith(ALICE)
    release = sshd.home / "kws" / "current"
    assert (release / "manifest.json.sig").read_bytes() == desk.signature.read_bytes()
    assert subprocess.run([release / "smoke.sh"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_a_rollback_demands_the_signature_of_the_release(desk: Desk, cli: Callable[..., Any]) -> None:
    site = desk.folder / "site"
    trust = ["--require-signature", "--allowed-signers", desk.signers, "--board-signers", desk.signers]
    there = ["--local", "--path", site, "--json"]

    def change(seed: int) -> None:
        found = members(desk.bundle)
        with_file(found, desk.bundle, "README.md", f"{seed}".encode())

    assert cli("deploy", desk.bundle, *there).exit_code == 0
    first = json.loads(cli("deploy", "--list", *there).stdout)["current"]
    change(1)
    desk.sign()
    assert cli("deploy", desk.bundle, *there, *trust).exit_code == 0
    refused = cli("deploy", "--rollback", *there, *trust)
    assert refused.exit_code == 2
    assert (
        f"Release {first} on this machine is not signed: it was deployed without --require-signature." in refused.stderr
    )
    change(2)
    desk.sign()
    assert cli("deploy", desk.bundle, *there, *trust).exit_code == 0
    done = cli("deploy", "--rollback", *there, *trust)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["signer"].startswith(ALICE)
    desk.revoke()
    refused = cli("deploy", desk.bundle, *there, *trust, "--revoked", desk.revoked)
    assert "which was revoked in" in refused.stderr


def test_a_manifest_that_was_altered_is_not_even_read(desk: Desk) -> None:
    desk.sign()
    resealed(members(desk.bundle), desk.bundle, b"no manifest")
    assert "The signature is not one of kws.tar.gz" in desk.verify().stderr


def test_a_certificate_counts_as_its_authority_says(desk: Desk) -> None:
    keygen("-q", "-s", desk.folder / "bob", "-I", "alice's", "-n", ALICE, desk.folder / "alice.pub")
    desk.signers.write_text(f"{ALICE} cert-authority {desk.public('bob')}\n")
    done = desk.cli("sign", desk.bundle, "--key", desk.folder / "alice-cert.pub")
    assert done.exit_code == 0, done.stderr
    assert f"signed by  {ALICE} (ED25519-CERT" in desk.verify().stdout


def test_a_key_in_an_agent_signs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = desk.folder / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        while subprocess.run(["ssh-add", "-q", desk.folder / "alice"], capture_output=True, check=False).returncode:
            assert agent.poll() is None
        (desk.folder / "alice").unlink()
        desk.sign("alice.pub")
    finally:
        agent.terminate()
        agent.wait()
    assert desk.verify().exit_code == 0


def protect(desk: Desk) -> Path:
    keygen("-q", "-p", "-N", "secret", "-f", desk.folder / "alice")
    return desk.folder / "alice"


def orphan(desk: Desk) -> Path:
    (desk.folder / "alice").unlink()
    return desk.folder / "alice.pub"


def open_to_all(desk: Desk) -> Path:
    (desk.folder / "alice").chmod(0o644)
    return desk.folder / "alice"


def no_key(desk: Desk) -> Path:
    (desk.folder / "text").write_text("text")
    return desk.folder / "text"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda desk: desk.folder / "nothing", "There is no key "),
        (no_key, "it is no key of OpenSSH"),
        (protect, "it has a passphrase, and nobody is here to give it"),
        (orphan, "it is a public key whose private one neither lies beside it nor is in the agent"),
        (open_to_all, "others may read it, so ssh-keygen refuses it"),
    ],
)
def test_a_key_that_signs_nothing(
    desk: Desk, make: Callable[[Desk], Path], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(sys, "stdin", None)
    done = desk.cli("sign", desk.bundle, "--key", make(desk))
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert not desk.signature.exists()


def test_nothing_is_signed_that_is_no_sound_bundle(desk: Desk) -> None:
    desk.bundle.write_bytes(desk.bundle.read_bytes()[:-100])
    done = desk.cli("sign", desk.bundle, "--key", desk.folder / "alice")
    assert done.exit_code == 2
    assert not desk.signature.exists()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("nothing", "There is no {} on this machine, the file of revoked keys"), ("kws.tar.gz", "is no list of revoked")],
)
def test_a_list_of_revoked_keys_must_be_one(desk: Desk, path: str, sentence: str) -> None:
    desk.sign()
    done = desk.verify("--revoked", desk.folder / path)
    assert done.exit_code == 2
    assert sentence.format(desk.folder / path) in done.stderr


def test_a_computer_without_ssh_keygen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sign()
    monkeypatch.setenv("PATH", os.fspath(desk.folder))
    with LocalTransport() as here, pytest.raises(SigningError, match="There is no ssh-keygen on this machine"):
        check_signature(here, Trust(PurePosixPath(desk.signers)), desk.signature, "0" * 64, what="It")


@pytest.mark.parametrize(
    "words",
    [
        ("deploy", "kws.tar.gz", "--local", "--path", "x", "--allowed-signers", "a"),
        ("deploy", "kws.tar.gz", "--local", "--path", "x", "--require-signature"),
        ("deploy", "--list", "--local", "--path", "x", "--require-signature", "--allowed-signers", "a"),
        ("bundle", "verify", "kws.tar.gz", "--signer", ALICE),
        ("bundle", "kws.tflite", "--target", "rpi4", "-o", "x", "--allowed-signers", "a"),
    ],
)
def test_options_that_do_not_go_together(cli: Callable[..., Any], words: tuple[str, ...]) -> None:
    done = cli(*words)
    assert done.exit_code == 2
    assert "igna" in done.stderr or "--require-signature" in done.stderr
