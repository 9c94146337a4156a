"""A fleet on loopback: each board an sshd with home and keys of its own, and a Raspberry Pi's CPU under qemu-user."""

import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgequant._targets import find_target
from edgequant._transports._pretence import device_of, write_root

from ._sshd import SshServer, make_server

COLLECTION = Path(__file__).parents[2] / "ansible"
KINDS = ("rpi-zero", "rpi2", "rpi4")  # ARMv6, ARMv7, AArch64

# Every program of the board is started by `setsid`; its own ones run under the emulator.
_SETSID = """#!/bin/sh
case $1 in
*/edgequant-run)
    for word; do [ "$word" = --probe ] && exec echo '{probe}'; done
    exec /usr/bin/setsid {emulator} "$@" ;;
esac
exec /usr/bin/setsid "$@"
"""
_CAT = '#!/bin/sh\n[ "$1" = /proc/cpuinfo ] && exec /bin/cat {cpuinfo}\nexec /bin/cat "$@"\n'
_UNAME = "#!/bin/sh\ncase $1 in -s) echo Linux ;; -r) echo 6.12.47 ;; *) echo {machine} ;; esac\n"
_GETCONF = '#!/bin/sh\n[ "$1" = LONG_BIT ] && exec echo {bits}\nexec /usr/bin/getconf "$@"\n'


class FleetBoard(SshServer):
    """A board of a kind, under a name of its own."""

    def __init__(self, name: str, kind: str) -> None:
        prepared = make_server()
        self.__dict__ |= prepared.__dict__
        self.host, self.kind = name, kind
        self._become(kind)

    def _become(self, kind: str) -> None:
        target = find_target(kind)
        device, root, programs = device_of(target), self.folder / "root", self.folder / "bin"
        write_root(root, device, target)
        programs.mkdir()
        emulator = f"{shutil.which(str(target.emulator))} -cpu {target.emulator_cpu} -L {root}"
        # The program's own --probe measures for 0.3 s.
        features = [name for name, there in device.capabilities.items() if there]
        probe = json.dumps({"version": "0.1.0", "memory_available_bytes": 2**28, "cpu": {"features": features}})
        texts = {
            "setsid": _SETSID.format(emulator=emulator, probe=probe),
            "cat": _CAT.format(cpuinfo=root / "proc/cpuinfo"),
            "uname": _UNAME.format(machine=target.family.machine),
            "getconf": _GETCONF.format(bits=target.family.word_size),
            "lscpu": "#!/bin/sh\nexit 1\n",
        }
        for name, text in texts.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment["PATH"] = f"{programs}:/usr/bin:/bin"

    @property
    def variables(self) -> dict[str, Any]:
        """What the inventory says of it."""
        own = f"-o UserKnownHostsFile={self.known_hosts} -o HostKeyAlias={self.host} -o IdentitiesOnly=yes -F /dev/null"
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": pwd.getpwuid(os.geteuid()).pw_name,
            "ansible_ssh_private_key_file": str(self.folder / self.identity),
            "ansible_ssh_common_args": own,
        }

    def current(self, path: str = "kws") -> str | None:
        """Return the name of the current release."""
        link = self.home / path / "current"
        return link.readlink().name if link.is_symlink() else None


@dataclass
class Outcome:
    """What a run of ansible-playbook gave: exit code, text, the fleet's JSON, and the recap's numbers by board."""

    status: int
    text: str
    report: dict[str, Any]
    files: Path

    def recap(self, name: str) -> dict[str, int]:
        """Return `ok`, `changed`, `failed` ... of each board summed up."""
        total: dict[str, int] = {}
        for line in self.text.partition("PLAY RECAP")[2].splitlines():
            if line.startswith(name):
                for word in line.partition(":")[2].split():
                    key, _, number = word.partition("=")
                    total[key] = total.get(key, 0) + int(number)
        return total

    def board(self, name: str) -> dict[str, Any]:
        """Return what the JSON says of a board."""
        (found,) = (board for board in self.report["boards"] if board["board"] == name)
        return dict(found)

    def states(self) -> dict[str, int]:
        """Return how many boards are in each state."""
        return dict(self.report["counts"])


class Fleet:
    """Boards `board01` ..., and the way to run Ansible over them."""

    def __init__(self, folder: Path, count: int, kinds: Sequence[str] = KINDS) -> None:
        self.folder = folder
        self.boards = {
            name: FleetBoard(name, kinds[number % len(kinds)])
            for number, name in enumerate(f"board{number:02}" for number in range(1, count + 1))
        }

    def start(self) -> None:
        """Start all, and write the inventory."""
        for board in self.boards.values():
            board.start()
        self.write_inventory()
        (self.folder / "ansible.cfg").write_text("[defaults]\nforks = 4\ncallbacks_enabled = edgequant.board.fleet\n")
        place = self.folder / "collections" / "ansible_collections" / "edgequant"
        place.mkdir(parents=True)
        (place / "board").symlink_to(COLLECTION)

    def write_inventory(self) -> None:
        """Write boards.json, which Ansible reads as YAML."""
        hosts = {name: board.variables for name, board in self.boards.items()}
        (self.folder / "boards.json").write_text(json.dumps({"boards": {"hosts": hosts}}))

    def play(self, playbook: str | Path, variables: Mapping[str, Any] | None = None, *words: str) -> Outcome:
        """Run a playbook, with the page, JSON and JUnit XML of the fleet."""
        files = {kind: self.folder / f"fleet.{kind}" for kind in ("html", "json", "junit")}
        for file in files.values():
            file.unlink(missing_ok=True)
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)]
        command += ["-i", str(self.folder / "boards.json"), "-e", json.dumps(dict(variables or {})), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder, env=self.environment(files), check=False
        )
        report = json.loads(files["json"].read_text()) if files["json"].exists() else {}
        return Outcome(done.returncode, done.stdout + done.stderr, report, self.folder)

    def environment(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Return the environment for Ansible: nothing of the user's own configuration."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")},
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            **{f"EDGEQUANT_FLEET_{kind.upper()}": str(path) for kind, path in files.items()},
        }

    def roll_out(self, bundles: Sequence[Path], *words: str, **variables: Any) -> Outcome:
        """Run the collection's playbook."""
        given = {"rollout_bundles": [str(bundle) for bundle in bundles], "rollout_path": "kws", **variables}
        return self.play("edgequant.board.rollout", given, *words)

    def current(self) -> dict[str, str | None]:
        """Return what is current on each board."""
        return {name: board.current() for name, board in self.boards.items()}

    def close(self) -> None:
        """Stop all boards and remove them."""
        for board in self.boards.values():
            board.close()
            shutil.rmtree(board.folder)


@contextmanager
def running(folder: Path, count: int, kinds: Sequence[str] = KINDS) -> Iterator[Fleet]:
    """Yield a started fleet; nothing of it is left afterwards."""
    pytest.importorskip("ansible", reason="needs ansible-core, which edgequant's extra `fleet` installs")
    for program in ("qemu-arm", "qemu-aarch64"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}, which emulates the boards' CPUs: apt-get install qemu-user")
    fleet = Fleet(folder, count, kinds)
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.close()
