"""A board that the system's ssh reaches."""

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from . import _board_scripts as scripts
from ._base import Finished, TransportError
from ._program import OutputTooLongError
from ._sentences import file_error, printed_too_much, too_large, took_too_long
from ._sftp import batch, link, quoted, upload
from ._ssh_connection import SSH_FAILED, SshConnection, new_token
from ._tree import folders_of, half_name, parts_of, require_file, require_removable

if TYPE_CHECKING:
    from edgequant_device_checks import Device

_SCRIPT_SECONDS = 60
_FETCHING_SECONDS = 600
_SLOWEST_BYTES_PER_SECOND = 20_000
_SAID_OF_FILES = ("Failure", "Permission denied", "No such file or directory", " not found.")  # by sftp


class SshTransport:
    """A computer over the system's ssh and sftp, with the user's configuration, keys, agent and known_hosts.

    `host` is `pi@192.168.1.5` or a name of the configuration; `config` replaces ~/.ssh/config (`ssh -F`), `options` are
    further words of ssh's command line, and `connect_seconds` bounds the connecting. The connection is made by the
    first call, there is only one, and the host's key must be known. The board needs a POSIX sh and an sftp server.
    Raises TransportError for what is no host.
    """

    is_emulated = False

    def __init__(
        self, host: str, *, config: Path | None = None, options: Sequence[str] = (), connect_seconds: int = 10
    ) -> None:
        from edgequant_device_checks import is_ssh_host

        if not is_ssh_host(host):
            raise TransportError(f"{host!r} is not a host to connect to: give USER@HOST, such as pi@192.168.1.5.")
        self._host = host
        self._config = config
        self._options = options
        self._connect_seconds = connect_seconds
        self._mark = new_token()  # around the output of programs, whose command lines have it
        self._token = new_token()  # of the temporary folders: nobody there sees it before the first is made
        self._current: SshConnection | None = None
        self._is_lost = False
        self._device: Device | None = None
        self._home: PurePosixPath | None = None
        self._made = 0
        self._left: dict[str, PurePosixPath | None] = {}

    @property
    def title(self) -> str:
        """Return the host, as it was given."""
        return self._host

    def device(self) -> "Device":
        """Return what the board is."""
        if self._device is None:
            from edgequant_device_checks import DeviceCheckError, collector_script, from_bytes

            told = self.run(["sh", "-s"], stdin=collector_script().encode("ascii"))
            try:
                self._device = from_bytes(told.stdout)
            except DeviceCheckError as error:
                raise TransportError(f"{self._host}: {error}") from error
        return self._device

    def run(self, command: Sequence[str | PurePosixPath], *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        """Run a program; it is killed when the connection ends, unless it was given data."""
        try:
            return self._run(command, stdin, timeout)
        except OutputTooLongError:
            raise printed_too_much(command[0], self._host) from None

    def _run(self, command: Sequence[str | PurePosixPath], stdin: bytes = b"", timeout: float = 60) -> Finished:
        script = scripts.RUN_WITH_DATA if stdin else scripts.RUN
        words = ["sh", "-c", script, "sh", self._mark, *map(str, command)]
        connection = self._connection()
        try:
            done = connection.run(shlex.join(words), stdin=stdin or None, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise took_too_long(command[0], timeout, self._host) from None
        return self._between_marks(done)

    def _between_marks(self, done: Finished) -> Finished:
        _, begins, rest = done.stdout.partition(f"\n{self._mark} begins\n".encode())
        stdout, ends, status = rest.rpartition(f"\n{self._mark} ends ".encode())
        if begins and ends and status.strip().isdigit():
            return Finished(int(status), stdout, done.stderr)
        raise self._failure(done)

    def _failure(self, done: Finished) -> TransportError:
        """Return the error for an ssh or sftp that did not do its work, and remember a connection that is lost."""
        connection = self._connection()
        loss = connection.loss()
        self._is_lost = loss is not None
        return TransportError(loss or connection.explain(done.status, done.stderr or done.stdout))

    def _connection(self) -> SshConnection:
        if self._is_lost:
            raise TransportError(f"The connection to {self._host} was lost: nothing more can be done there.")
        if self._current is None:
            self._current = self._connect()
        return self._current

    def _connect(self) -> SshConnection:
        return SshConnection(self._host, self._config, self._options, self._connect_seconds, self._token)

    def _script(self, script: str, *arguments: PurePosixPath | str) -> Finished:
        return self.run(["sh", "-c", script, "sh", *arguments], timeout=_SCRIPT_SECONDS)

    def _do(self, doing: str, script: str, *arguments: PurePosixPath | str) -> Finished | None:
        """Run a script for `doing`; return None where it says that nothing is there."""
        done = self._script(script, *arguments)
        if done.status == scripts.ABSENT:
            return None
        if done.status != 0:
            raise file_error(doing, self._host, _system_words(done))
        return done

    def home(self) -> PurePosixPath:
        """Return the user's home folder there."""
        if self._home is None:
            done = self._do("find the home folder", scripts.HOME)
            self._home = PurePosixPath(_line(done))
        return self._home

    def put(self, local: Path, remote: PurePosixPath, *, mode: int = 0o644) -> None:
        """Copy a file there, under another name first."""
        require_file(local)
        half = half_name(remote)
        commands = [*upload(local, half, mode), f"rename {quoted(half)} {quoted(remote)}"]
        try:
            self._sftp(f"write {remote}", commands, remote.parent, name=remote, size=local.stat().st_size)
        except TransportError:
            with suppress(TransportError):
                self.remove_tree(half)
            raise

    def put_tree(self, local: Path, remote: PurePosixPath) -> None:
        """Copy a folder there."""
        parts = parts_of(local)
        if not self.make_folder(remote):
            raise file_error(f"write {remote}", self._host, "File exists")
        commands, size = [], 0
        for part in parts[1:]:
            there = remote / part.inside
            if part.points_to is not None:
                commands.append(link(part.points_to, there))
            elif part.is_folder:
                commands.append(f"mkdir {quoted(there)}")
            else:
                commands += upload(part.local, there, part.permissions)
                size += part.local.stat().st_size
        self._sftp(f"write {remote}", commands, remote, size=size)

    def put_files(self, local: Path, remote: PurePosixPath, names: Sequence[str], *, resume: bool = False) -> None:
        """Copy files of a folder, or continue them: sftp does so where what is there is shorter."""
        commands = [f"-mkdir {quoted(remote / folder)}" for folder in folders_of(names)]
        for name in names:
            put, mode = upload(local / name, remote / name, (local / name).stat().st_mode & 0o777)
            commands += [put.replace("put ", "-put -a ", 1), f"-{mode}"] if resume else [put, mode]
        size = sum((local / name).stat().st_size for name in names)
        self._sftp(f"write {remote}", commands, remote, size=size)

    def get(self, remote: PurePosixPath, local: Path) -> None:
        """Copy a file here."""
        doing = f"read {remote}"
        try:
            done = self._run(["cat", "--", remote], timeout=_FETCHING_SECONDS)
        except OutputTooLongError:
            raise too_large(doing, self._host) from None
        if done.status != 0:
            raise file_error(doing, self._host, _system_words(done))
        try:
            local.write_bytes(done.stdout)
        except OSError as error:
            raise file_error(f"write {local}", "this machine", error.strerror or str(error)) from error

    def _sftp(
        self, doing: str, commands: list[str], folder: PurePosixPath, *, name: PurePosixPath | str = "", size: int = 0
    ) -> None:
        """Run sftp commands that change a folder, by `size` bytes; `name` is in the way if it is there."""
        timeout = _SCRIPT_SECONDS + size / _SLOWEST_BYTES_PER_SECOND
        try:
            done = self._connection().sftp(batch(commands), timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TransportError(f"Cannot {doing} on {self._host}: it took longer than {timeout:.0f} s.") from None
        except OutputTooLongError:
            raise printed_too_much("sftp", self._host) from None
        if done.status == SSH_FAILED:
            raise self._sftp_failure(done)
        if done.status != 0:
            # A cut can end sftp before ssh says so, by a signal for instance.
            if not done.complaint.endswith(_SAID_OF_FILES) and self._connection().loss():
                raise self._failure(done)
            raise file_error(doing, self._host, self._reason(done, folder, name, size))

    def _sftp_failure(self, done: Finished) -> TransportError:
        error = self._failure(done)
        if self._is_lost or done.complaint != "Connection closed":
            return error
        return TransportError(
            f"{self._host} has no sftp server: install it there, on Debian and Raspberry Pi OS with "
            "'sudo apt-get install openssh-sftp-server'."
        )

    def _reason(self, done: Finished, folder: PurePosixPath, name: PurePosixPath | str, size: int) -> str:
        """Return the system's words for an sftp command that failed; sftp says `Failure` for most."""
        if done.complaint.endswith(" not found."):
            return "No such file or directory"
        told = done.complaint.rpartition(": ")[2]
        if told != "Failure":
            return told
        why = self._script(scripts.WHY, folder, name, str(size // 1024)).text.strip()
        return why.rpartition(": ")[2] or "its sftp server does not say why"

    def exists(self, remote: PurePosixPath) -> bool:
        """Tell whether something has that name."""
        return self._do(f"look for {remote}", scripts.EXISTS, remote) is not None

    def list(self, remote: PurePosixPath) -> list[str]:
        """Return the names in a folder."""
        return sorted(_names(self._do(f"list {remote}", scripts.LIST, remote)))

    def make_folder(self, remote: PurePosixPath, *, parents: bool = False) -> bool:
        """Make a folder."""
        before = remote.parent if parents else ""
        return self._do(f"make the folder {remote}", scripts.MAKE_FOLDER, remote, before) is not None

    def make_link(self, remote: PurePosixPath, points_to: str) -> None:
        """Make a symbolic link."""
        self._sftp(f"make the link {remote}", [link(points_to, remote)], remote.parent, name=remote)

    def read_link(self, remote: PurePosixPath) -> str | None:
        """Return what a symbolic link points to."""
        done = self._do(f"read the link {remote}", scripts.READ_LINK, remote)
        return _line(done) if done else None

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Move in one step."""
        self._sftp(f"rename {old} to {new}", [f"rename {quoted(old)} {quoted(new)}"], new.parent, name=new)

    def remove_tree(self, remote: PurePosixPath) -> None:
        """Remove a file, a link or a folder."""
        require_removable(remote)
        self._do(f"remove {remote}", scripts.REMOVE_TREE, remote)

    @contextmanager
    def temporary_folder(self) -> Iterator[PurePosixPath]:
        """Make a private folder, and remove it at the end."""
        self._made += 1
        name = f"{self._token}-{self._made}"
        self._left[name] = None
        try:
            done = self._do("make a temporary folder", scripts.MAKE_TEMPORARY, name)
            self._left[name] = folder = PurePosixPath(_line(done))
            yield folder
        finally:
            self._remove_temporary(name)

    def _remove_temporary(self, name: str) -> None:
        folder = self._left.get(name)
        if folder is None or self._is_lost:
            return
        with suppress(TransportError):  # the guard tries again, and close() tells if that fails
            self.remove_tree(folder)
            del self._left[name]

    def close(self) -> None:
        """End the connection; where it was cut, connect once more to clean up. Raises TransportError if that fails."""
        connection, self._current = self._current, None
        left, self._left = self._left, {}
        if connection is None or connection.close() or not left or self._clean_up_anew():
            return
        names = [str(folder or name) for name, folder in left.items()]
        command = shlex.join(["ssh", self._host, f"rm -rf {shlex.join(names)}"])
        raise TransportError(
            f"{' and '.join(names)} may be left on {self._host}: the board removes it when it notices that the "
            f"connection is lost; if it does not, run: {command}"
        )

    def _clean_up_anew(self) -> bool:
        try:
            return self._connect().close()
        except TransportError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except TransportError as left:
            if error is None:
                raise
            if isinstance(error, TransportError):
                raise TransportError(f"{error} {left}") from error
            error.add_note(str(left))


def _system_words(done: Finished) -> str:
    return done.complaint.rpartition(": ")[2]


def _names(done: Finished | None) -> list[str]:
    """Return names that a script ended with `/`, which no name has in it."""
    return done.stdout.decode("utf-8", "surrogateescape").split("/")[:-1] if done else []


def _line(done: Finished | None) -> str:
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n") if done else ""
