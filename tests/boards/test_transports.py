"""What every transport does, by one suite: this machine, an emulated board, a board over ssh."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from edgequant._targets import find_target
from edgequant._transports import (
    EmulatedTransport,
    FaultyTransport,
    LocalTransport,
    SshTransport,
    Transport,
    TransportError,
    _local,
    _program,
)

from ._tiny_programs import cat
from ._waiting import wait_until_gone

pytestmark = pytest.mark.slow

ODD_NAMES = [
    "with space", "it's", 'a "quote"', "$HOME", "`id`", "back\\slash", "two\\\\", "*", "[a-z]?", "#hash", "semi;colon",
    "-rf", "tab\there", "ünïcode", "{a,b}", "~", "!", "..x", ".hidden",
]  # fmt: skip


@pytest.fixture(params=["local", "emulated", "ssh", "ssh with busybox", "faulty"])
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    with open_transport(request) as transport:
        yield transport


def open_transport(request: pytest.FixtureRequest) -> Transport:
    if request.param == "local":
        return LocalTransport()
    if request.param == "faulty":
        return FaultyTransport(LocalTransport())
    if request.param == "emulated":
        try:
            return EmulatedTransport(find_target("rpi3"))
        except TransportError as missing:
            pytest.skip(f"needs qemu-user: {missing}")
    sshd = request.getfixturevalue("sshd")
    if "busybox" in request.param:
        sshd.only_busybox(without=("tar",))
    return SshTransport(sshd.host, config=sshd.config)


@pytest.fixture
def folder(transport: Transport) -> Iterator[PurePosixPath]:
    with transport.temporary_folder() as folder:
        yield folder


def test_a_program_is_given_its_words_as_they_are(transport: Transport) -> None:
    words = ["", *ODD_NAMES, "two\nlines"]
    done = transport.run(["printf", "[%s]", *words])
    assert done.stdout == "".join(f"[{word}]" for word in words).encode()
    assert (done.status, done.stderr) == (0, b"")


def test_a_program_reads_and_writes_bytes(transport: Transport) -> None:
    data = bytes(range(256)) * 1000
    assert transport.run(["cat"], stdin=data).stdout == data
    assert transport.run(["cat"]).stdout == b""
    assert transport.run(["sh", "-c", "printf '\\n\\n'; echo no >&2"]).stdout == b"\n\n"


@pytest.mark.parametrize("code", [0, 1, 2, 126, 255])
def test_exit_codes_are_the_program_s_own(transport: Transport, code: int) -> None:
    done = transport.run(["sh", "-c", f"exit {code}"])
    assert (done.status, done.signal) == (code, None)
    assert transport.run(["true"]).status == 0  # 255 is no lost connection


@pytest.mark.parametrize("signal", ["ILL", "KILL", "SEGV"])
def test_a_signal_is_told_as_a_shell_tells_it(transport: Transport, signal: str) -> None:
    done = transport.run(["sh", "-c", f"kill -{signal} $$"])
    assert done.signal is not None
    assert done.signal.name == f"SIG{signal}"


def test_what_is_no_program_has_a_shell_s_codes(transport: Transport, folder: PurePosixPath, tmp_path: Path) -> None:
    assert transport.run(["no-such-program"]).status == 127
    assert transport.run([folder / "no-such-program"]).status == 127
    (tmp_path / "text").write_text("text")
    transport.put(tmp_path / "text", folder / "text")
    if transport.is_emulated:
        with pytest.raises(TransportError, match="text is no program of an emulated"):
            transport.run([folder / "text"])
    else:
        assert transport.run([folder / "text"]).status == 126


def test_a_program_that_takes_too_long_is_killed(transport: Transport) -> None:
    seconds = f"{time.time_ns() % 10**9 + 10**6}"
    with pytest.raises(TransportError, match=r"sleep did not end within 0\.5 s on "):
        transport.run(["sleep", seconds], timeout=0.5)
    wait_until_gone("sleep", seconds)
    with pytest.raises(TransportError, match="did not end within"):
        transport.run(["sh", "-c", f"sleep {seconds} && true"], timeout=0.5)
    wait_until_gone("sleep", seconds)  # what it started goes with it
    assert transport.run(["true"]).status == 0  # the connection stands


@pytest.mark.parametrize("data", [b"", b"data"])
def test_what_a_program_started_ends_with_it(transport: Transport, data: bytes) -> None:
    """It holds the output, so that nobody could tell that nothing more comes."""
    seconds = f"{time.time_ns() % 10**9 + 10**6}"
    done = transport.run(["sh", "-c", f"sleep {seconds} & echo started; exit 3"], stdin=data, timeout=30)
    assert (done.status, done.stdout) == (3, b"started\n")
    wait_until_gone("sleep", seconds)


def test_a_program_that_closes_its_output_is_waited_for(transport: Transport) -> None:
    command = ["sh", "-c", "exec >/dev/null 2>&1; sleep 0.3; exit 3"]
    assert transport.run(command).status == 3
    with pytest.raises(TransportError, match="did not end within"):
        transport.run(command, timeout=0.1)


def test_what_a_program_prints_is_limited(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_program, "LONGEST_OUTPUT", 2**20)
    for redirection in ("", " >&2"):
        line = f"{time.time_ns()}"
        with pytest.raises(TransportError, match=r"sh was ended on .*: it printed more than 64 MiB\."):
            transport.run(["sh", "-c", f"yes {line}{redirection}"])
        wait_until_gone("yes", line)
    assert len(transport.run(["head", "-c", "1000000", "/dev/zero"]).stdout) == 1_000_000


def test_a_file_that_is_copied_here_is_limited(
    transport: Transport, folder: PurePosixPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_program, _local):
        monkeypatch.setattr(module, "LONGEST_OUTPUT", 2**20)
    transport.make_link(folder / "endless", "/dev/zero")
    (tmp_path / "large").write_bytes(bytes(2**20 + 1))
    transport.put(tmp_path / "large", folder / "large")
    for name in ("endless", "large"):
        with pytest.raises(TransportError, match=f"Cannot read {folder / name} on .*: it has more than 64 MiB"):
            transport.get(folder / name, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_a_slow_talker_is_ended_in_time(transport: Transport) -> None:
    with pytest.raises(TransportError, match="did not end within"):
        transport.run(["sh", "-c", "while sleep 0.01; do echo; done"], timeout=0.5)


def test_a_program_need_not_read_what_it_is_given(transport: Transport) -> None:
    assert transport.run(["true"], stdin=bytes(2**20)).status == 0
    with pytest.raises(TransportError, match="did not end within"):
        transport.run(["sleep", "7.5"], stdin=bytes(2**20), timeout=0.5)


def test_files_of_any_name(transport: Transport, folder: PurePosixPath, tmp_path: Path) -> None:
    """Each step on one of the names, in turn, so that each has all done to it in the end."""
    for name in ODD_NAMES:
        (tmp_path / name).write_bytes(name.encode())
    transport.put_tree(tmp_path, folder / "all")
    assert transport.list(folder / "all") == sorted(ODD_NAMES)
    for name in ODD_NAMES[::4]:
        transport.put(tmp_path / name, folder / name, mode=0o640)
    assert transport.list(folder) == sorted(["all", *ODD_NAMES[::4]])
    assert {stat.S_IMODE((Path(folder) / name).stat().st_mode) for name in ODD_NAMES[::4]} == {0o640}
    for name in ODD_NAMES[1::4]:
        transport.get(folder / "all" / name, tmp_path / f"back {name}")
        assert (tmp_path / f"back {name}").read_bytes() == name.encode()
    for name in ODD_NAMES[2::4]:
        transport.rename(folder / "all" / name, folder / f"moved {name}")
        assert (Path(folder) / f"moved {name}").read_bytes() == name.encode()
    for name in ODD_NAMES[3::4]:
        transport.make_link(folder / f"link {name}", name)
        assert transport.read_link(folder / f"link {name}") == name
        transport.remove_tree(folder / "all" / name)
        assert not transport.exists(folder / "all" / name)


def test_a_file_is_replaced_in_one_step(transport: Transport, folder: PurePosixPath, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    transport.put(tmp_path / "a", folder / "file")
    transport.make_link(folder / "link", "file")
    transport.put(tmp_path / "b", folder / "link", mode=0o755)  # the link, not what it points to
    assert transport.read_link(folder / "link") is None
    assert (Path(folder) / "file").read_text() == "a"
    assert (Path(folder) / "link").read_text() == "b"
    assert transport.list(folder) == ["file", "link"]


def test_a_tree_comes_whole(transport: Transport, folder: PurePosixPath, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ODD_NAMES:
        (tree / name).mkdir(parents=True)
        (tree / name / "program").write_text(name)
        (tree / name / "program").chmod(0o755)
    (tree / "secret").write_text("")
    (tree / "secret").chmod(0o600)
    (tree / "link").symlink_to("secret")
    transport.put_tree(tree, folder / "a tree")
    there = Path(folder) / "a tree"
    assert names_in(there) == names_in(tree)
    assert [(there / name / "program").read_text() for name in ODD_NAMES] == ODD_NAMES
    with pytest.raises(TransportError, match="Cannot "):
        transport.put_tree(tree, folder / "a tree")
    transport.remove_tree(folder / "a tree")
    assert transport.list(folder) == []


def names_in(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path.relative_to(folder)), path.lstat().st_mode) for path in folder.rglob("*"))


def test_folders(transport: Transport, folder: PurePosixPath) -> None:
    assert transport.make_folder(folder / "a")
    assert not transport.make_folder(folder / "a")
    assert transport.make_folder(folder / "b c/d e/f", parents=True)
    assert not transport.make_folder(folder / "b c/d e/f", parents=True)
    with pytest.raises(TransportError, match=r"Cannot make the folder .*there is no such file or folder"):
        transport.make_folder(folder / "x/y")
    assert transport.list(folder / "nothing") == []
    assert not transport.exists(folder / "nothing")


def test_links(transport: Transport, folder: PurePosixPath) -> None:
    transport.make_link(folder / "current", "releases/1")
    assert transport.exists(folder / "current")  # wherever it points
    with pytest.raises(TransportError, match="something of that name is there already"):
        transport.make_link(folder / "current", "releases/2")
    transport.make_link(folder / "next", "releases/2")
    transport.rename(folder / "next", folder / "current")
    assert transport.read_link(folder / "current") == "releases/2"
    assert transport.read_link(folder / "next") is None
    assert transport.read_link(folder) is None
    transport.make_folder(folder / "releases/2", parents=True)
    transport.remove_tree(folder / "current")
    assert transport.exists(folder / "releases/2")


def test_what_cannot_be_done_is_said_in_a_sentence(transport: Transport, folder: PurePosixPath, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    transport.put(tmp_path / "file", folder / "file")
    transport.make_folder(folder / "folder/in", parents=True)
    attempts = {
        "is not there": lambda: transport.put(tmp_path / "nothing", folder / "x"),
        "it is no file": lambda: transport.put(tmp_path, folder / "x"),
        "Cannot write .*no such file or folder": lambda: transport.put(tmp_path / "file", folder / "x/y"),
        "Cannot write .*a folder of that name": lambda: transport.put(tmp_path / "file", folder / "folder"),
        "Cannot read .*no such file or folder": lambda: transport.get(folder / "nothing", tmp_path / "x"),
        "Cannot read ": lambda: transport.get(folder / "folder", tmp_path / "x"),
        "Cannot rename .*no such file or folder": lambda: transport.rename(folder / "nothing", folder / "x"),
        "Cannot rename .*a folder of that name": lambda: transport.rename(folder / "file", folder / "folder"),
        "Cannot list .*is no folder": lambda: transport.list(folder / "file"),
        "cannot be read": lambda: transport.put_tree(tmp_path / "nothing", folder / "x"),
        "is no folder": lambda: transport.put_tree(tmp_path / "file", folder / "x"),
        "is not removed": lambda: transport.remove_tree(PurePosixPath("/")),
        "is not removed: ": lambda: transport.remove_tree(folder / ".." / ".."),
    }
    for message, attempt in attempts.items():
        with pytest.raises(TransportError, match=message) as caught:
            attempt()
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)
    assert transport.list(folder) == ["file", "folder"]
    transport.remove_tree(folder / "nothing")  # no error


def test_temporary_folders_are_private_and_go(transport: Transport, tmp_path: Path) -> None:
    with transport.temporary_folder() as first, transport.temporary_folder() as second:
        assert first != second
        assert stat.S_IMODE(Path(first).stat().st_mode) == 0o700
        assert transport.list(first) == []
        (tmp_path / "text").write_text("runs\n")
        transport.put(tmp_path / "text", first / "text")
        program = cat(f"{first}/text", 64) if transport.is_emulated else f"#!/bin/sh\ncat '{first}/text'\n".encode()
        (tmp_path / "program").write_bytes(program)
        transport.put(tmp_path / "program", first / "program", mode=0o755)
        assert transport.run([first / "program"]).text == "runs\n"
    assert not Path(first).exists()
    with pytest.raises(KeyboardInterrupt), transport.temporary_folder() as folder:
        raise KeyboardInterrupt
    assert not Path(folder).exists()


def test_closing_removes_what_is_left(transport: Transport) -> None:
    abandoned = transport.temporary_folder()
    folder = abandoned.__enter__()
    transport.close()
    transport.close()
    assert not Path(folder).exists()


def test_it_says_what_and_where_it_is(transport: Transport) -> None:
    device = transport.device()
    assert device is transport.device()
    assert device.architecture == ("aarch64" if transport.is_emulated else os.uname().machine)
    assert transport.home().is_absolute()
    assert transport.title


def test_files_of_a_tree_are_copied_and_go_on_where_they_were_cut_off(
    transport: Transport, folder: PurePosixPath, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 4000
    (tmp_path / "in" / "it").mkdir(parents=True)
    for name in ("whole", "half", "in/it/absent", "longer"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "whole").chmod(0o755)
    there = {"half": content[: len(content) // 2], "longer": content + b"x"}
    for name, begun in there.items():
        (tmp_path / "begun").write_bytes(begun)
        transport.put(tmp_path / "begun", folder / name)
    names = ["whole", "half", "in/it/absent", "longer"]
    transport.put_files(tmp_path, folder, names, resume=True)
    if isinstance(transport, SshTransport):
        transport.get(folder / "half", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content
    transport.put_files(tmp_path, folder, names)
    for name in names:
        transport.get(folder / name, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content, name
    assert transport.run(["test", "-x", folder / "whole"]).status == 0
