"""An OpenSSH server on loopback, with keys, configuration and a home folder of its own: a board to connect to."""

import contextlib
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from ._waiting import wait_until

SSHD = Path("/usr/sbin/sshd")
SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")  # Debian's place
_PRIVILEGE_SEPARATION = Path("/run/sshd")  # Debian's service makes it when it starts; a server of root's insists on it


class SshServer:
    """The board. `host` is its name in the client's configuration `config` (ssh -F), `home` where its user starts.

    What a test may change before it connects, or between two connections:

    - `forget_host_key()`, `change_host_key()`: the client does not know the board, or knew another of that name.
    - `use_wrong_key()`: the client has a key that the board does not know. `use_agent()`: an agent has the key.
    - `stop()`: the port is closed. `fall_silent()`: the port accepts, and nobody says anything.
    - `cut()`: every connection ends at once; the board still runs. `connect_through(port)`: to a proxy, for instance.
    - `environment["TMPDIR"] = ...`: what programs find there, after `write_settings()`; `HOME` is `home`.
    - `only_busybox(without=("tar",))`: the programs are busybox's, except some.
    - `become_nobody()`: the board's user may write to `home` and the folder for temporary files only (needs root).
    - `server_settings["MaxSessions"] = "1"`: lines of sshd_config, after `restart()`; None leaves one out.
    - `greeting`: what a login prints, after `write_settings()`.
    - `have_small_disk(kilobytes)`: `home` and temporary files share a disk of that size (needs root).
    """

    host = "board"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home of the board"
        self.config = folder / "config"
        self.known_hosts = folder / "known_hosts"
        self.log = folder / "log"
        self.environment: dict[str, str] = {"HOME": str(self.home), "TMPDIR": str(folder / "tmp")}
        self.server_settings: dict[str, str | None] = {}
        self.greeting = ""
        self.identity = "key"
        self.agent: Path | None = None
        self.port = 0
        self._prefix = ""
        self._silence: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._agent_process: subprocess.Popen[bytes] | None = None
        for name in (self.home, folder / "tmp", folder / "agent", folder / "disk"):
            name.mkdir()
        for name in ("host_key", "key"):
            self._make_key(name)
        shutil.copy(folder / "key.pub", folder / "authorized_keys")

    def _make_key(self, name: str) -> None:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.folder / name)]
        subprocess.run(command, check=True, capture_output=True)

    # The server.

    def start(self) -> None:
        """Listen on a free port, and write the client's configuration."""
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        self.port = self.port or _free_port()
        self._write_server_config()
        self.write_settings()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self.folder / "sshd_config"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_it_listens()

    def _write_server_config(self) -> None:
        lines: dict[str, object] = {
            "ListenAddress": f"127.0.0.1:{self.port}",
            "HostKey": self.folder / "host_key",
            "AuthorizedKeysFile": self.folder / "authorized_keys",
            "PidFile": "none",
            "UsePAM": "no",
            "StrictModes": "no",  # temporary folders lie in one that everybody may write to
            "UseDNS": "no",
            "PermitRootLogin": "yes",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PrintMotd": "no",
            "PrintLastLog": "no",
            "MaxStartups": "100",
            "Subsystem": f"sftp {SFTP_SERVER}",
            "SetEnv": f'"HOME={self.home}"',  # or the login shell reads the .bashrc of who runs the tests, each time
            "ForceCommand": self.folder / "board",
        }
        lines |= self.server_settings
        text = "".join(f"{key} {value}\n" for key, value in lines.items() if value is not None)
        (self.folder / "sshd_config").write_text(text)

    def _wait_until_it_listens(self) -> None:
        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(4) == b"SSH-"
            assert self._process is not None
            if self._process.poll() is not None:
                pytest.fail(f"sshd does not start: {self.log.read_text()}")
            return False

        wait_until(answers)

    def write_settings(self) -> None:
        """Write what the attributes say: the client's configuration, and the script that runs all on the board."""
        self.config.write_text(
            f"Host {self.host}\n  HostName 127.0.0.1\n  Port {self.port}\n  User {pwd.getpwuid(os.geteuid()).pw_name}\n"
            f"  IdentityFile {self.folder / self.identity if self.agent is None else 'none'}\n"
            f"  IdentityAgent {self.agent or 'none'}\n  IdentitiesOnly {'yes' if self.agent is None else 'no'}\n"
            f"  HostKeyAlias {self.host}\n  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
        )
        if not self.known_hosts.exists():
            self._know_host("host_key.pub")
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.environment.items())
        board = self.folder / "board"
        greet = f"echo {shlex.quote(self.greeting)}\n" if self.greeting else ""
        board.write_text(
            f'#!/bin/sh\n{exports}{greet}cd "$HOME"\nexec {self._prefix}/bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
        )
        board.chmod(0o755)

    def _know_host(self, key: str) -> None:
        self.known_hosts.write_text(f"{self.host} {(self.folder / key).read_text()}")

    def connections(self) -> list[int]:
        """Return the server's processes that serve a connection, not the programs that they started."""
        if self._process is None:
            return []
        return [pid for pid in _descendants(self._process.pid) if _name_of(pid).startswith("sshd")]

    def programs(self) -> list[str]:
        """Return the names of the programs that run on the board, and that their connection did not lose."""
        if self._process is None:
            return []
        names = map(_name_of, _descendants(self._process.pid))
        return [name for name in names if name and not name.startswith("sshd")]

    def cut(self) -> None:
        """End every connection at once, as when the cable is pulled and the board notices."""
        for pid in self.connections():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop every connection's process: the board accepts what it is sent, and answers nothing."""
        for pid in self.connections():
            os.kill(pid, signal.SIGSTOP)

    def connect_through(self, port: int) -> None:
        """Have the client connect to another port, such as a proxy's."""
        own, self.port = self.port, port
        self.write_settings()
        self.port = own

    def stop(self) -> None:
        """Close the port, and end every connection."""
        if self._process is not None:
            self.cut()
            self._process.terminate()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop and start, with the settings of now."""
        self.stop()
        self.start()

    def fall_silent(self) -> None:
        """Stop, but keep the port open: connections are accepted, and nobody says anything."""
        self.stop()
        self._silence = socket.socket()
        self._silence.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._silence.bind(("127.0.0.1", self.port))
        self._silence.listen()

    def close(self) -> None:
        """End all processes, and unmount the disk."""
        self.stop()
        if self._silence is not None:
            self._silence.close()
        if (self.folder / "disk").is_mount():
            subprocess.run(["umount", "--lazy", self.folder / "disk"], check=True)
        if self._agent_process is not None:
            self._agent_process.terminate()
            self._agent_process.wait()

    # Variants.

    def forget_host_key(self) -> None:
        """Let the client not know the board."""
        self.known_hosts.write_text("")

    def change_host_key(self) -> None:
        """Let the client remember another key for the board's name."""
        self._make_key("old_host_key")
        self._know_host("old_host_key.pub")

    def use_wrong_key(self) -> None:
        """Give the client a key that the board does not know."""
        self._make_key("wrong_key")
        self.identity = "wrong_key"
        self.write_settings()

    def use_agent(self) -> None:
        """Have the key in an agent, and nowhere else."""
        self.agent = self.folder / "agent" / "socket"
        self._agent_process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", self.agent], stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_until(self.agent.exists)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(self.agent)}
        subprocess.run(["ssh-add", "-q", self.folder / "key"], env=environment, check=True, capture_output=True)
        (self.folder / "key").unlink()
        self.write_settings()

    def only_busybox(self, without: tuple[str, ...] = ()) -> None:
        """Leave the board busybox's programs alone, and not all of them."""
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("needs busybox, which is not on this machine")
        applets = self.folder / "applets"
        applets.mkdir()
        for name in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if name not in without:
                (applets / name).symlink_to(busybox)
        self.environment["PATH"] = str(applets)
        self.write_settings()

    def become_nobody(self) -> None:
        """Run all on the board as a user who may write to the home and the temporary folder only."""
        setpriv = shutil.which("setpriv")
        if os.geteuid() != 0 or setpriv is None:
            pytest.skip("needs root and setpriv, to become another user")
        for folder in (self.home, self.folder / "tmp"):
            shutil.chown(folder, 65534, 65534)
        self._prefix = f"{setpriv} --reuid=65534 --regid=65534 --clear-groups -- "
        self.write_settings()

    def mount_disk(self, options: str) -> Path:
        """Mount a disk in memory with options such as `size=64k` and `noexec`."""
        disk = self.folder / "disk"
        mount = ["mount", "-t", "tmpfs", "-o", f"mode=755,{options}", "tmpfs", str(disk)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("needs root that may mount a disk")
        return disk

    def have_small_disk(self, kilobytes: int) -> None:
        """Move the home and the folder for temporary files to a disk of their own."""
        disk = self.mount_disk(f"size={kilobytes}k")
        self.home = disk / "home"
        (disk / "tmp").mkdir()
        self.home.mkdir()
        self.environment |= {"HOME": str(self.home), "TMPDIR": str(disk / "tmp")}
        self.write_settings()


# How the board or its client is made wrong, and how the sentence begins that says so.
LOGINS_THAT_FAIL = (
    (SshServer.forget_host_key, "ssh: the key of board is not known yet: connect once with 'ssh board' and accept"),
    (SshServer.change_host_key, "ssh: the key of board changed: if it was reinstalled"),
    (SshServer.use_wrong_key, "ssh: board refuses the login: set up a key with 'ssh-copy-id board'"),
    (SshServer.stop, "ssh: board refuses the connection: switch its ssh server on"),
)


def _descendants(ancestor: int) -> list[int]:
    """Return the processes that a process started, directly or not, and that it still is the parent of."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = [ancestor]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def make_server() -> SshServer:
    """Return a server that is not started yet, in a folder of its own; sockets want a short path."""
    for program in (SSHD, SFTP_SERVER):
        if not program.exists():
            pytest.skip(f"needs openssh-server ({program} is not on this machine): apt-get install openssh-server")
    folder = Path(tempfile.mkdtemp(prefix="eq-sshd-"))
    folder.chmod(0o755)
    return SshServer(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
