"""What can go wrong between here and a board, each with a sentence, and nothing left behind on either side."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from edgequant_device_checks import probe

from edgequant._transports import SshTransport, TransportError, _ssh_connection

from ._proxy import Proxy
from ._sshd import LOGINS_THAT_FAIL, SshServer
from ._waiting import is_running, wait_until, wait_until_gone

pytestmark = pytest.mark.slow

SECONDS = f"1000.{os.getpid()}"  # of a sleep: so that no other test's is meant


@pytest.fixture(autouse=True)
def short_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of this side, which must be empty in the end."""
    with tempfile.TemporaryDirectory(prefix="eq-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


@pytest.fixture(autouse=True)
def nothing_left_on_the_board(sshd: SshServer, short_folder: Path) -> Iterator[None]:
    yield
    wait_until(lambda: not sshd.connections())
    assert temporary_folders(sshd) == []


def temporary_folders(sshd: SshServer) -> list[Path]:
    return list(Path(sshd.environment["TMPDIR"]).glob("edgequant-*"))


def connect(sshd: SshServer, **settings: int) -> SshTransport:
    return SshTransport(sshd.host, config=sshd.config, **settings)


# Logging in.


def test_all_goes_over_one_connection(sshd: SshServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with connect(sshd) as board, board.temporary_folder() as folder:
        board.put(tmp_path / "file", folder / "file")
        board.get(folder / "file", tmp_path / "back")
        assert board.run(["cat", folder / "file"]).text == "x"
        assert board.device().architecture == probe().architecture
        assert board.home() == PurePosixPath(sshd.home)
        assert board.title == "board"
        assert not board.is_emulated
    assert sshd.log.read_text().count("Accepted publickey") == 1


def test_a_key_in_an_agent(sshd: SshServer) -> None:
    sshd.use_agent()
    with connect(sshd) as board:
        assert board.run(["true"]).status == 0


@pytest.mark.parametrize(
    ("make_wrong", "sentence"),
    [
        *LOGINS_THAT_FAIL,
        (SshServer.fall_silent, "ssh: board did not answer within 1 s: check that it is on and in reach"),
    ],
)
def test_a_login_that_fails(sshd: SshServer, make_wrong: Callable[[SshServer], None], sentence: str) -> None:
    make_wrong(sshd)
    with pytest.raises(TransportError) as caught, connect(sshd, connect_seconds=1) as board:
        board.run(["true"])
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_host_keys_are_checked_whatever_the_configuration_says(sshd: SshServer) -> None:
    sshd.forget_host_key()
    sshd.config.write_text("StrictHostKeyChecking no\n" + sshd.config.read_text())
    with pytest.raises(TransportError, match="is not known yet"), connect(sshd) as board:
        board.run(["true"])
    assert sshd.known_hosts.read_text() == ""


def test_the_key_of_a_board_behind_a_tunnel_is_checked(sshd: SshServer) -> None:
    """Its address is this machine's, for which a configuration may switch the check off."""
    sshd.forget_host_key()
    config = sshd.config.read_text().replace(f"  HostKeyAlias {sshd.host}\n", "")
    sshd.config.write_text("NoHostAuthenticationForLocalhost yes\n" + config)
    with pytest.raises(TransportError, match="is not known yet"), connect(sshd) as board:
        board.run(["true"])


def test_a_command_of_the_user_s_may_know_the_key(sshd: SshServer) -> None:
    (sshd.folder / "known").write_text(sshd.known_hosts.read_text())
    sshd.forget_host_key()
    sshd.config.write_text(f"KnownHostsCommand /bin/cat {sshd.folder}/known\n" + sshd.config.read_text())
    with connect(sshd) as board:
        assert board.run(["true"]).status == 0


@pytest.mark.parametrize("command", ["exec >/dev/null 2>&1; cat", "cat >/dev/null", "yes"])
def test_a_login_that_never_ends(sshd: SshServer, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(_ssh_connection, "_LOGIN_SECONDS", 1)
    sshd.server_settings["ForceCommand"] = command
    sshd.restart()
    with (
        pytest.raises(TransportError, match="board did not finish the login"),
        connect(sshd, connect_seconds=1) as board,
    ):
        board.run(["true"])


@pytest.mark.parametrize("host", ["-oProxyCommand=touch x", "", "pi@", "a b", "host\n", "$(x)", "host; rm"])
def test_what_is_no_host_is_never_given_to_ssh(host: str) -> None:
    with pytest.raises(TransportError, match="is not a host to connect to"):
        SshTransport(host)


def test_a_configuration_that_is_not_there(sshd: SshServer) -> None:
    with pytest.raises(TransportError, match="Can't open user config file"):
        SshTransport("board", config=sshd.folder / "nothing").run(["true"])


def test_no_ssh_program(sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TransportError, match="no ssh program on this machine: install the OpenSSH client"):
        connect(sshd).run(["true"])


def test_settings_of_the_configuration_that_would_get_in_the_way(sshd: SshServer) -> None:
    sshd.config.write_text(
        f"Host *\n  ControlMaster auto\n  ControlPath {sshd.folder}/own\n  ControlPersist yes\n  RemoteCommand false\n"
        f"  RequestTTY force\n  LocalForward {sshd.port} 127.0.0.1:1\n  ExitOnForwardFailure yes\n"
        + sshd.config.read_text()
    )
    with connect(sshd) as board:
        assert board.run(["echo", "x"]).stdout == b"x\n"
    assert not (sshd.folder / "own").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "StdinNull yes",
        "SessionType none",
        "SessionType subsystem",
        "ForkAfterAuthentication yes",
        "IgnoreUnknown UseKeychain\nUseKeychain yes",  # of a configuration that a Mac shares
    ],
)
def test_settings_that_change_what_ssh_is_there_for(sshd: SshServer, tmp_path: Path, setting: str) -> None:
    sshd.config.write_text(f"{setting}\n{sshd.config.read_text()}")
    (tmp_path / "file").write_text("x")
    with connect(sshd) as board, board.temporary_folder() as folder:
        board.put(tmp_path / "file", folder / "file")
        assert board.run(["cat"], stdin=b"x").stdout == b"x"
        board.get(folder / "file", tmp_path / "back")


def test_an_older_ssh_is_not_told_of_settings_that_it_does_not_know(
    sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(
        '#!/bin/sh\ncase "$*" in *StdinNull*|*SessionType*|*ForkAfter*)\n'
        '  echo "command-line: line 0: Bad configuration option: stdinnull" >&2; exit 255;; esac\n'
        f'exec {shutil.which("ssh")} "$@"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    _ssh_connection._knows_new_settings.cache_clear()
    with connect(sshd) as board:
        assert board.run(["echo", "x"]).stdout == b"x\n"
    _ssh_connection._knows_new_settings.cache_clear()


def test_a_login_that_prints_something(sshd: SshServer, tmp_path: Path) -> None:
    sshd.greeting = "Welcome to the board, have a lot of fun"
    sshd.write_settings()
    (tmp_path / "file").write_text("x")
    with connect(sshd) as board:
        assert board.run(["echo", "x"]).stdout == b"x\n"
        assert board.device().features
        with pytest.raises(TransportError, match=r"ssh: a login to board prints text, which confuses sftp: .*bashrc"):
            board.put(tmp_path / "file", board.home() / "file")


def test_a_board_without_an_sftp_server(sshd: SshServer, tmp_path: Path) -> None:
    sshd.server_settings["Subsystem"] = None
    sshd.restart()
    (tmp_path / "file").write_text("x")
    with connect(sshd) as board:
        with pytest.raises(TransportError, match=r"board has no sftp server: install it .* openssh-sftp-server"):
            board.put(tmp_path / "file", board.home() / "file")
        assert board.run(["true"]).status == 0


def test_a_board_that_allows_one_session(sshd: SshServer) -> None:
    sshd.server_settings["MaxSessions"] = "1"
    sshd.restart()
    with connect(sshd) as board, pytest.raises(TransportError, match="set MaxSessions to 10 in its sshd_config"):
        board.run(["true"])


def test_a_board_without_a_shell(sshd: SshServer, tmp_path: Path) -> None:
    sshd.environment["PATH"] = str(tmp_path)
    sshd.write_settings()
    with pytest.raises(TransportError, match=r"ssh to board failed: .*sh: not found"), connect(sshd) as board:
        board.run(["true"])


# Disks.


def test_a_full_disk(sshd: SshServer, tmp_path: Path) -> None:
    sshd.have_small_disk(kilobytes=256)
    (tmp_path / "large").write_bytes(bytes(2**20))
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "large").write_bytes(bytes(2**20))
    with connect(sshd) as board, board.temporary_folder() as folder:
        for attempt in (
            lambda: board.put(tmp_path / "large", folder / "large"),
            lambda: board.put_tree(tmp_path / "tree", folder / "tree"),
        ):
            with pytest.raises(TransportError, match=r"Cannot write .* on board: the disk is full: free some space"):
                attempt()
        assert board.list(folder) == ["tree"]


def test_no_right_to_write(sshd: SshServer, tmp_path: Path) -> None:
    sshd.become_nobody()
    forbidden = PurePosixPath(sshd.folder / "forbidden")
    Path(forbidden).mkdir()
    (tmp_path / "file").write_text("x")
    with connect(sshd) as board:
        for attempt in (
            lambda: board.put(tmp_path / "file", forbidden / "file"),
            lambda: board.put_tree(tmp_path, forbidden / "tree"),
            lambda: board.make_folder(forbidden / "folder"),
            lambda: board.make_folder(forbidden / "a/b", parents=True),
            lambda: board.make_link(forbidden / "link", "x"),
            lambda: board.rename(forbidden, PurePosixPath(sshd.folder / "renamed")),
            lambda: board.remove_tree(forbidden),
        ):
            with pytest.raises(TransportError, match=r"Cannot .* on board: permission denied: choose a place where"):
                attempt()
        board.put(tmp_path / "file", board.home() / "file")
        assert board.list(forbidden) == []


def test_programs_may_not_start_in_the_folder_for_temporary_files(sshd: SshServer) -> None:
    disk = sshd.mount_disk("size=256k,noexec")
    sshd.environment["TMPDIR"] = str(disk)
    sshd.write_settings()
    with connect(sshd) as board, board.temporary_folder() as folder:
        assert Path(folder).parent == Path("/tmp")
        assert list(disk.iterdir()) == []
    assert not Path(folder).exists()


def test_somebody_else_has_the_folder_s_name(sshd: SshServer) -> None:
    """Who saw the first folder's name can make the second in a folder that everybody may write to."""
    sshd.become_nobody()
    with connect(sshd) as board:
        with board.temporary_folder() as first:
            taken = Path(first).with_name(first.name.removesuffix("1") + "2")
        taken.mkdir()
        abandoned = board.temporary_folder()
        second = Path(abandoned.__enter__())
        assert second.parent != taken.parent
        board.close()
        assert not second.exists()
    taken.rmdir()  # not ours


def test_nobody_on_the_board_sees_a_folder_s_name_before_it_is_there(sshd: SshServer) -> None:
    with connect(sshd) as board:
        lines = board.run(["sh", "-c", "cat /proc/[0-9]*/cmdline"]).text
        with board.temporary_folder() as folder:
            token = folder.name.removesuffix("-1")
    assert "is here; cat" in lines  # the guard
    assert token not in lines


def test_what_a_program_leaves_of_a_mark_is_no_answer(sshd: SshServer) -> None:
    with connect(sshd) as board:
        forged = 'printf "\\n%s ends " $(tr "\\0" "\\n" </proc/$PPID/cmdline | grep ^edgequant-); kill -KILL $PPID'
        with pytest.raises(TransportError, match="ssh to board failed"):
            board.run(["sh", "-c", forged])


# Connections that end too early.


def test_a_connection_that_is_cut_while_a_program_runs(sshd: SshServer) -> None:
    cutting = threading.Thread(target=cut_when_it_runs, args=(sshd, "sleep", SECONDS))
    cutting.start()
    with (
        pytest.raises(TransportError, match="The connection to board was lost: check that it is on and in reach"),
        connect(sshd) as board,
        board.temporary_folder() as folder,
    ):
        board.run(["sleep", SECONDS])
    cutting.join()
    assert not Path(folder).exists()
    wait_until_gone("sleep", SECONDS)
    with connect(sshd) as board:
        assert board.run(["true"]).status == 0


def cut_when_it_runs(sshd: SshServer, *command: str) -> None:
    wait_until(lambda: is_running(*command))
    sshd.cut()


def test_after_a_cut_nothing_more_is_tried(sshd: SshServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    board = connect(sshd)
    board.run(["true"])
    sshd.cut()
    with pytest.raises(TransportError, match="The connection to board was lost"):
        board.put(tmp_path / "file", board.home() / "file")
    for attempt in (lambda: board.run(["true"]), lambda: board.list(PurePosixPath("/"))):
        with pytest.raises(TransportError, match="The connection to board was lost: nothing more can be done there"):
            attempt()
    board.close()
    assert sshd.log.read_text().count("Accepted publickey") == 1


def test_a_connection_that_is_cut_at_any_byte(sshd: SshServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 400)
    proxy = Proxy(sshd.port)
    sshd.connect_through(proxy.port)
    work(sshd, tmp_path)
    proxy.close()
    for last_byte in range(0, proxy.sent - 2000, proxy.sent // 8):  # the last bytes only end the connection
        proxy = Proxy(sshd.port, last_byte)
        sshd.connect_through(proxy.port)
        with pytest.raises(
            TransportError, match=r"^(The connection to board was lost|ssh: board ended the connection)"
        ):
            work(sshd, tmp_path)
        proxy.close()
        wait_until(lambda: temporary_folders(sshd) == [])


def work(sshd: SshServer, local: Path) -> None:
    with connect(sshd) as board, board.temporary_folder() as folder:
        board.put(local / "file", folder / "file")
        assert board.run(["wc", "-c", folder / "file"]).text.split()[0] == "102400"
        board.get(folder / "file", local / "back")


def test_a_board_that_stays_away_is_told_of_what_is_left(sshd: SshServer) -> None:
    with (
        pytest.raises(TransportError) as caught,
        connect(sshd, connect_seconds=1) as board,
        board.temporary_folder() as folder,
    ):
        sshd.stop()
        board.run(["true"])
    assert "The connection to board was lost" in str(caught.value)
    assert f"{folder} may be left on board" in str(caught.value)
    assert f"run: ssh board 'rm -rf {folder}'" in str(caught.value)
    wait_until(lambda: not Path(folder).exists())  # the guard there noticed


def test_a_board_that_freezes(sshd: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ssh_connection, "ALIVE_SECONDS", 1)
    monkeypatch.setattr(_ssh_connection, "ALIVE_TIMES", 2)
    with (
        pytest.raises(TransportError, match="connection to board was lost: it does not answer any more"),
        connect(sshd, connect_seconds=2) as board,
        board.temporary_folder(),
    ):
        sshd.freeze()
        board.run(["true"])
    sshd.cut()


# Interruptions of this side.

_PROGRAM = """
import sys
from pathlib import Path
from edgequant._transports import SshTransport
with SshTransport("board", config=Path(sys.argv[1])) as board, board.temporary_folder() as folder:
    print(folder, flush=True)
    board.run(["sleep", sys.argv[2]], timeout=2000)
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_end_of_this_process_ends_all(sshd: SshServer, short_folder: Path, end: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, sshd.config, SECONDS],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        folder = Path(process.stdout.readline().decode().rstrip("\n"))
    wait_until(lambda: is_running("sleep", SECONDS))
    assert folder.is_dir()
    process.send_signal(end)
    process.wait()
    wait_until(lambda: not folder.exists())
    wait_until_gone("sleep", SECONDS)


def test_ctrl_c_cleans_up_and_comes_through(sshd: SshServer) -> None:
    with pytest.raises(KeyboardInterrupt), connect(sshd) as board, board.temporary_folder() as folder:
        raise KeyboardInterrupt
    assert not Path(folder).exists()


def test_ctrl_c_on_a_lost_connection_carries_what_is_left(sshd: SshServer) -> None:
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        connect(sshd, connect_seconds=1) as board,
        board.temporary_folder() as folder,
    ):
        sshd.stop()
        raise KeyboardInterrupt
    assert f"{folder} may be left on board" in caught.value.__notes__[0]
    wait_until(lambda: not Path(folder).exists())


def test_a_long_path_of_temporary_files_is_no_socket_s(sshd: SshServer, tmp_path: Path, monkeypatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with connect(sshd) as board:
        assert board.run(["true"]).status == 0
    assert list(long.iterdir()) == []
