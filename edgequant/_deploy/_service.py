"""The user service of a deployed folder: systemd runs there what is current, and starts it again when it ends.

The unit is a file of each release. What is installed is a copy with the folder in it, so a unit comes and goes with its
release. All of it is done as the user who logs in; docs/service.md says what a board needs.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edgequant._bundle._manifest import UNIT
from edgequant._bundle._service import FOLDER_MARK

from ._errors import DeployError

if TYPE_CHECKING:
    from edgequant._bundle import Manifest
    from edgequant._transports import Finished

    from ._site import Site

_UNITS = PurePosixPath(".config/systemd/user")
# The user's systemd is found by XDG_RUNTIME_DIR, which a login without PAM does not set.
_AS_USER = 'export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"; exec "$@"'
_SECONDS = 60
_RELOAD_SECONDS = 30
_NO_PROGRAM = 127
_NOTHING = re.compile(r"[^A-Za-z0-9_.]+")
_OWN_FOLDER = re.compile(r"^WorkingDirectory=(.*)$", re.MULTILINE)
_JOURNAL_LINES = 5


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The service `unit` after a deployment: `running` is whether it answers; `sentence` says it."""

    unit: str
    running: bool
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"unit": self.unit, "running": self.running, "sentence": self.sentence}


class UserService:
    """The service of a site's folder. Every method raises TransportError, or DeployError, where the board fails."""

    def __init__(self, site: "Site") -> None:
        home = site.transport.home()
        self._site, self._transport = site, site.transport
        self._folder = site.current
        path = site.path.relative_to(home) if site.path.is_relative_to(home) else site.path
        self.unit = f"edgequant-{_NOTHING.sub('-', str(path)).strip('-')}.service"
        self._file = home / _UNITS / self.unit

    def require(self) -> None:
        """See that the user's systemd answers, that it goes on without a login, and that the unit's name is free."""
        asked = self._run("systemctl", "--user", "show-environment")
        title = self._transport.title
        if asked.status == _NO_PROGRAM:
            raise DeployError(
                f"{title} has no systemctl: --service needs systemd. Have the board's own start-up run "
                f"{self._folder}/service.sh instead."
            )
        if asked.status:
            raise DeployError(
                f"The systemd of the user on {title} does not answer ({asked.complaint}): run 'sudo loginctl "
                "enable-linger USER' there once, and try again."
            )
        self._require_lingering()
        if (owner := self._owner()) not in (None, self._folder):
            raise DeployError(f"{self._file} on {title} is for {owner}: deploy to a --path of another name.")

    def _require_lingering(self) -> None:
        """Have services go on when nobody is logged in, which polkit allows users for themselves on most systems."""
        # Without a name the first tells of the manager, and the second of the session, which not every login has.
        user = self._run("id", "-un").text.strip()
        if self._run("loginctl", "show-user", user, "--property=Linger", "--value").text.strip() == "yes":
            return
        done = self._run("loginctl", "enable-linger", user)
        if done.status:
            raise DeployError(
                f"Services of this user on {self._transport.title} end when nobody is logged in, and that cannot be "
                f"changed without root ({done.complaint}): run 'sudo loginctl enable-linger {user}' there once."
            )

    @property
    def is_installed(self) -> bool:
        """Whether there is a unit for this folder."""
        return self._owner() == self._folder

    def _owner(self) -> PurePosixPath | None:
        """Return the folder whose unit has the name, None if there is no such unit."""
        if not self._transport.exists(self._file):
            return None
        found = _OWN_FOLDER.search(self._read(self._file))
        return PurePosixPath(found[1].replace("%%", "%") if found else "a program that edgequant does not know")

    def start(self, release: str, manifest: "Manifest") -> ServiceState:
        """Install the unit of a release, which is current, and start it; wait for its first answer.

        What runs already in that release's folder is left alone. A release without a service stops the one before.
        """
        if manifest.service is None:
            self.stop()
            return ServiceState(self.unit, False, f"Release {release} has no service, so {self.unit} was removed.")
        text = self._read(self._site.release(release) / UNIT).replace(FOLDER_MARK, str(self._folder).replace("%", "%%"))
        if self.is_installed and self._read(self._file) == text and self._runs(release):
            return ServiceState(self.unit, True, f"{self.unit} runs it already.")
        self._install(text)
        self._manage("daemon-reload")
        self._manage("enable", self.unit)
        patience = manifest.service.every + _RELOAD_SECONDS
        done = self._run("systemctl", "--user", "restart", self.unit, timeout=patience)
        if done.status or not self._is_active():
            return ServiceState(self.unit, False, self._why(done))
        return ServiceState(self.unit, True, f"{self.unit} runs it, and has answered.")

    def _install(self, text: str) -> None:
        folder = self._file.parent
        with tempfile.TemporaryDirectory() as copies:
            copy = Path(copies) / "unit"
            copy.write_text(text, encoding="utf-8")
            self._transport.make_folder(folder, parents=True)
            with self._site.unfinished(folder, "service") as there:
                self._transport.put(copy, there)
                self._transport.rename(there, self._file)

    def stop(self) -> None:
        """Stop the service and remove its unit, if it is there."""
        if not self.is_installed:
            return
        self._manage("disable", "--now", self.unit)
        self._transport.remove_tree(self._file)
        self._manage("daemon-reload")

    def _runs(self, release: str) -> bool:
        """Tell whether the service is up, and works in the folder of this release: `current` may have changed since."""
        if not self._is_active():
            return False
        process = self._show("MainPID")
        where = self._run("readlink", f"/proc/{process}/cwd").text.strip()
        return where.endswith(f"/releases/{release}")

    def _is_active(self) -> bool:
        return self._show("ActiveState") == "active"

    def _show(self, name: str) -> str:
        return self._run("systemctl", "--user", "show", f"--property={name}", "--value", self.unit).text.strip()

    def _why(self, done: "Finished") -> str:
        """Say why it does not run, with what it wrote last."""
        start = f"_SYSTEMD_INVOCATION_ID={self._show('InvocationID')}"  # what the release before wrote is no reason
        words = (start, "--output=cat", f"--lines={_JOURNAL_LINES}", "--no-pager")
        wrote = [line.strip().rstrip(".") for line in self._run("journalctl", *words).text.splitlines() if line.strip()]
        return f"{self.unit} gives no answer: {'; '.join(wrote) or done.complaint.rstrip('.')}."

    def _read(self, file: PurePosixPath) -> str:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "unit"
            self._transport.get(file, copy)
            return copy.read_text(encoding="utf-8", errors="replace")

    def _manage(self, *words: str) -> None:
        done = self._run("systemctl", "--user", *words)
        if done.status:
            raise DeployError(
                f"'systemctl --user {' '.join(words)}' fails on {self._transport.title}: {done.complaint}."
            )

    def _run(self, *command: str, timeout: float = _SECONDS) -> "Finished":
        return self._transport.run(["sh", "-c", _AS_USER, "sh", *command], timeout=timeout)
