"""A stand-in for a user's systemd: `systemctl --user`, `loginctl` and `journalctl`, as far as one service needs them.

Run as a program, it is one of the three by its name; its state is in the folder STAND_IN_SYSTEMD. It starts services as
systemd does: in their folder, with a socket to notify, and it waits until they are ready, end or have taken too long.
"""

import contextlib
import json
import os
import pwd
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

STATE = "STAND_IN_SYSTEMD"


def install(folder: Path) -> dict[str, str]:
    """Make the three programs in a folder; return the environment in which they are found, and lingering is off."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name in ("systemctl", "loginctl", "journalctl"):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-SE", __file__])} {name} "$@"\n')
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}", STATE: str(folder)}


class Manager:
    """What the programs share: units are read from HOME, `state.json` has what runs, `calls` what was asked for."""

    def __init__(self) -> None:
        self.folder = Path(os.environ[STATE])
        self.units = Path(os.environ["HOME"]) / ".config/systemd/user"
        self.file = self.folder / "state.json"
        self.state = json.loads(self.file.read_text()) if self.file.exists() else {"loaded": {}, "running": {}}

    def save(self) -> None:
        self.file.write_text(json.dumps(self.state))

    def reload(self) -> None:
        self.state["loaded"] = {file.name: file.read_text() for file in self.units.glob("*.service")}
        self.save()

    def stop(self, unit: str) -> None:
        pid = self.state["running"].pop(unit, None)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
        self.save()

    def is_alive(self, unit: str) -> bool:
        pid = self.state["running"].get(unit)
        return pid is not None and "\nState:\tZ" not in (_status(pid) or "\nState:\tZ")

    def start(self, unit: str) -> int:
        setting = dict(re.findall(r"^(\w+)=(.*)$", self.state["loaded"][unit].replace("%%", "%"), re.M))
        path = self.folder / f"notify{time.monotonic_ns()}"
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
            (self.folder / f"journal-{path.name}").open("wb") as log,
        ):
            listener.bind(str(path))
            listener.settimeout(0.1)
            process = subprocess.Popen(
                shlex.split(setting["ExecStart"]),
                cwd=setting["WorkingDirectory"],
                env={**os.environ, "NOTIFY_SOCKET": str(path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self.state["running"][unit] = process.pid
            self.state["invocation"] = path.name
            self.save()
            until = time.monotonic() + float(setting["TimeoutStartSec"])
            while time.monotonic() < until and process.poll() is None:
                try:
                    told = listener.recv(4096).decode()
                except TimeoutError:
                    continue
                if "READY=1" in told.splitlines():
                    return 0
        self.stop(unit)
        print(f"Job for {unit} failed.", file=sys.stderr)
        return 1


def _status(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None


def systemctl(words: list[str]) -> int:
    assert words[0] == "--user"
    manager = Manager()
    match words[1:]:
        case ["show-environment"]:
            return int((manager.folder / "no-manager").exists())
        case ["daemon-reload"]:
            manager.reload()
        case ["enable", unit]:
            return int(unit not in manager.state["loaded"])
        case ["disable", "--now", unit]:
            manager.stop(unit)
        case ["restart", unit]:
            manager.stop(unit)
            return manager.start(unit)
        case ["show", "--property=ActiveState", "--value", unit]:
            print("active" if manager.is_alive(unit) else "failed")
        case ["show", "--property=MainPID", "--value", unit]:
            print(manager.state["running"].get(unit, 0))
        case ["show", "--property=InvocationID", "--value", _]:
            print(manager.state["invocation"])
        case others:
            raise AssertionError(others)
    return 0


def loginctl(words: list[str]) -> int:
    folder, user = Path(os.environ[STATE]), pwd.getpwuid(os.geteuid()).pw_name
    if words == ["enable-linger", user]:
        if (folder / "no-polkit").exists():
            print("Could not enable linger: Interactive authentication required.", file=sys.stderr)
            return 1
        (folder / "lingers").touch()
    else:
        assert words == ["show-user", user, "--property=Linger", "--value"], words
        print("yes" if (folder / "lingers").exists() else "no")
    return 0


def journalctl(words: list[str]) -> int:
    name, equals, invocation = words[0].partition("=")
    assert (name, equals) == ("_SYSTEMD_INVOCATION_ID", "=")
    journal = Path(os.environ[STATE]) / f"journal-{invocation}"
    print("\n".join(journal.read_text().splitlines()[-5:]))
    return 0


if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    sys.exit({"systemctl": systemctl, "loginctl": loginctl, "journalctl": journalctl}[program](arguments))
