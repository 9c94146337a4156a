"""One ssh connection, which the system's ssh holds open and shares among programs and file transfers."""

import contextlib
import functools
import os
import secrets
import selectors
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ._base import Finished, TransportError
from ._board_scripts import GUARD
from ._program import end_with_all, run_program

# A board that says nothing for this long, in seconds and times, is given up.
ALIVE_SECONDS, ALIVE_TIMES = 10, 3
SSH_FAILED = 255  # ssh's exit code for its own failures, and sftp's for those of the ssh within
# What the user's configuration cannot change. Programs and files share one connection, nobody is there to be asked, and
# what is made for terminals and tunnels would get in the way.
_SETTINGS = (
    "BatchMode=yes",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "RequestTTY=no",
    "RemoteCommand=none",
    "ControlPersist=no",
)
# The same for clients from OpenSSH 8.7 on, which alone know them; sftp has a SessionType of its own.
_NEW_SETTINGS = ("StdinNull=no", "ForkAfterAuthentication=no")
_NEW_SSH_SETTINGS = ("SessionType=default",)
_LOGIN_SECONDS = 20  # beyond those for connecting
_LONGEST_GREETING = 2**20
_CLEANING_SECONDS = 20
_NOTICING_SECONDS = 1  # from the end of a program that lost the connection to the end of the one that held it
_LONGEST_FOLDER = 60  # of a socket's path: the system allows 107 characters, of which ssh wants a score


def new_token() -> str:
    """Return a name that nobody can guess, for a session's temporary folders and the marks in its output."""
    return f"edgequant-{secrets.token_hex(8)}"


class SshConnection:
    """The connection: opened by the constructor, which raises TransportError; ended by `close`.

    A guard on the board waits for its end, and then removes the temporary folders named after `token`, also when the
    connection is cut or this process is killed.
    """

    def __init__(
        self, host: str, config: Path | None, options: Sequence[str], connect_seconds: int, token: str
    ) -> None:
        from edgequant_device_checks import HOST_KEY_SETTINGS

        is_new = _knows_new_settings()
        self.host = host
        self.connect_seconds = connect_seconds
        self._folder = _private_folder()
        self._log = self._folder / "log"
        socket = str(self._folder / "s").replace("%", "%%")
        self._options = ["-F", str(config)] if config is not None else []
        self._options += _options(
            *HOST_KEY_SETTINGS,
            *_SETTINGS,
            *(_NEW_SETTINGS if is_new else ()),
            f"ConnectTimeout={connect_seconds}",
            f"ServerAliveInterval={ALIVE_SECONDS}",
            f"ServerAliveCountMax={ALIVE_TIMES}",
            f"ControlPath={socket}",
        )
        # Without the master's socket ssh would connect anew: this makes it fail.
        self._ssh = ["ssh", *(_options(*_NEW_SSH_SETTINGS) if is_new else [])]
        self._shared = [*self._options, *_options("ControlMaster=no", "ProxyCommand=false", "LogLevel=ERROR")]
        try:
            self._master = self._start_master(token, options)
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def _start_master(self, token: str, options: Sequence[str]) -> "subprocess.Popen[bytes]":
        own = _options("ControlMaster=yes", "LogLevel=INFO")
        # ssh takes the first value of each setting, so the user's own cannot change those before.
        command = [*self._ssh, *self._options, *own, *options, "--", self.host, f"sh -c {shlex.quote(GUARD)}"]
        with self._log.open("wb") as log:
            try:
                master = subprocess.Popen(
                    command,
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={**os.environ, "LC_ALL": "C"},
                    start_new_session=True,
                )
            except OSError as error:
                raise TransportError(_cannot_start("ssh", error)) from None
        try:
            assert master.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # ssh says why it ended
                master.stdin.write(f"{token}\n".encode())
            self._wait_for(master, f"{token} is here".encode())
        except BaseException:
            end_with_all(master)
            raise
        return master

    def _wait_for(self, master: "subprocess.Popen[bytes]", mark: bytes) -> None:
        """Read what the login prints, up to the guard's mark."""
        assert master.stdout is not None
        end = time.monotonic() + self.connect_seconds + _LOGIN_SECONDS
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(master.stdout, selectors.EVENT_READ)
            while mark not in text.splitlines():
                piece = b""
                if selector.select(max(0, end - time.monotonic())):
                    piece = os.read(master.stdout.fileno(), 2**16)
                text += piece
                if not piece or len(text) > _LONGEST_GREETING:
                    raise TransportError(self._refusal(master, end, text))

    def _refusal(self, master: "subprocess.Popen[bytes]", end: float, printed: bytes) -> str:
        """Return a sentence for an ssh that printed no more, or only nonsense."""
        try:
            code = master.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return f"ssh: {self.host} did not finish the login: check that it is not overloaded."
        return self.explain(code, self._complaints() + (b"" if code == SSH_FAILED else printed))

    def explain(self, code: int, stderr: bytes) -> str:
        """Return a sentence for an ssh or sftp that ended with `code`."""
        from edgequant_device_checks import explain_ssh_failure

        return explain_ssh_failure(self.host, code, stderr.decode("utf-8", "replace"), self.connect_seconds)

    def _complaints(self) -> bytes:
        try:
            return self._log.read_bytes()
        except OSError:
            return b""

    def run(self, command: str, *, stdin: bytes | None, timeout: float) -> Finished:
        """Have the board's login shell run a command; None keeps its standard input open while it runs.

        Raises subprocess.TimeoutExpired.
        """
        return self._run([*self._ssh, *self._shared, "--", self.host, command], stdin, timeout)

    def sftp(self, commands: bytes, *, timeout: float) -> Finished:
        """Have sftp run a batch of commands. Raises subprocess.TimeoutExpired."""
        # Only the socket matters; sftp reads fewer forms of a host's name than ssh, so it gets some name.
        return self._run(["sftp", "-q", *self._shared, "-b", "-", "--", "edgequant"], commands, timeout)

    def _run(self, command: list[str], stdin: bytes | None, timeout: float) -> Finished:
        try:
            return run_program(command, stdin=stdin, timeout=timeout)
        except OSError as error:
            raise TransportError(_cannot_start(command[0], error)) from None

    def loss(self) -> str | None:
        """Return a sentence if the connection is lost."""
        try:
            self._master.wait(_NOTICING_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        if b"not responding" in self._complaints():
            return f"The connection to {self.host} was lost: it does not answer any more."
        return f"The connection to {self.host} was lost: check that it is on and in reach, and try again."

    def close(self) -> bool:
        """End the connection; tell whether the guard has removed all temporary folders."""
        assert self._master.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                self._master.stdin.close()
            return self._master.wait(_CLEANING_SECONDS) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            end_with_all(self._master)
            shutil.rmtree(self._folder, ignore_errors=True)


def _options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


@functools.cache
def _knows_new_settings() -> bool:
    # IgnoreUnknown is no way to find out: it would replace the user's own.
    command = ["ssh", "-G", "-F", os.devnull, *_options(*_NEW_SETTINGS, *_NEW_SSH_SETTINGS), "host"]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except OSError as error:
        raise TransportError(_cannot_start("ssh", error)) from None


def _private_folder() -> Path:
    """Make a folder that nobody else may enter, with a path that is short enough for a socket."""
    usual = tempfile.gettempdir()
    try:
        return Path(tempfile.mkdtemp(prefix="edgequant-", dir=usual if len(usual) < _LONGEST_FOLDER else "/tmp"))
    except OSError as error:
        raise TransportError(f"No temporary folder can be made in {usual}: {error.strerror}.") from error


def _cannot_start(program: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no {program} program on this machine: install the OpenSSH client."
    return f"{program} cannot be started: {error.strerror or error}."
