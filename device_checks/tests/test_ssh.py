"""ssh, played by a script on PATH that runs what it is sent here, or fails as the real one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgequant_device_checks import DeviceCheckError, over_ssh, probe


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def install(body: str) -> Path:
        program = tmp_path / "ssh"
        program.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" >>{tmp_path}/arguments\necho call >>{tmp_path}/calls\n{body}\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/local/bin:/usr/bin:/bin")
        return tmp_path

    return install


RUN_HERE = 'for last; do :; done\necho "Welcome to the device"\nexec sh -c "$last"'


def test_one_connection_tells_what_probing_here_tells(fake_ssh) -> None:
    folder = fake_ssh(RUN_HERE)
    device, here = over_ssh("pi@device"), probe()
    assert (device.features, device.architecture, device.word_size) == (
        here.features,
        here.architecture,
        here.word_size,
    )
    assert (device.memory_bytes, device.os, device.libc_version) == (here.memory_bytes, here.os, here.libc_version)
    assert (folder / "calls").read_text() == "call\n"


def test_options_guard_the_host(fake_ssh) -> None:
    folder = fake_ssh(RUN_HERE)
    over_ssh("pi@192.168.1.5", connect_seconds=7)
    arguments = (folder / "arguments").read_text().splitlines()
    assert arguments[-3:] == ["--", "pi@192.168.1.5", "sh -s"]
    assert {"BatchMode=yes", "ConnectTimeout=7"} <= set(arguments)
    assert {"StrictHostKeyChecking=yes", "NoHostAuthenticationForLocalhost=no", "VerifyHostKeyDNS=no"} <= set(arguments)


@pytest.mark.parametrize(
    "host",
    [
        "-oProxyCommand=touch x",
        "",
        "pi@",
        "@host",
        "pi@-oProxyCommand=x",
        "host; rm",
        "a b",
        "host\n",
        "$(x)",
        "pi@h@h",
    ],
)
def test_hosts_that_are_none(fake_ssh, host: str) -> None:
    folder = fake_ssh(RUN_HERE)
    with pytest.raises(DeviceCheckError, match="is not a host to connect to"):
        over_ssh(host)
    assert not (folder / "calls").exists()


@pytest.mark.parametrize(
    "host", ["pi", "pi@pi4.local", "pi@10.0.0.2", "pi@[fe80::1%eth0]", "ssh://pi@pi4:2222", "my_pi", "a.b@pi"]
)
def test_hosts_that_are(fake_ssh, host: str) -> None:
    fake_ssh(RUN_HERE)
    assert over_ssh(host).features


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("Host key verification failed.", "key of pi@device is not known yet: connect once with 'ssh pi@device'"),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "key of pi@device changed",
        ),
        ("pi@device: Permission denied (publickey,password).", "refuses the login: set up a key"),
        ("ssh: connect to host device port 22: Connection refused", "refuses the connection"),
        ("ssh: connect to host device port 22: Connection timed out", "did not answer within 10 s"),
        ("ssh: Could not resolve hostname device: Name or service not known", "not a known host name"),
        ("ssh: connect to host device port 22: No route to host", "no route to"),
        (
            "something new\nkex_exchange_identification: odd",
            "ssh to pi@device failed: kex_exchange_identification: odd",
        ),
    ],
)
def test_failures(fake_ssh, stderr: str, message: str) -> None:
    fake_ssh(f"cat >&2 <<'END'\n{stderr}\nEND\nexit 255")
    with pytest.raises(DeviceCheckError) as caught:
        over_ssh("pi@device")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_broken_connection(fake_ssh) -> None:
    fake_ssh("printf '@@edgequant uname@@\\nLinux\\n'\nexit 255")
    with pytest.raises(DeviceCheckError, match="broke off before it had answered"):
        over_ssh("pi@device")


def test_a_login_that_runs_nothing(fake_ssh) -> None:
    fake_ssh("echo 'This account is currently not available.'\nexit 1")
    with pytest.raises(DeviceCheckError, match="broke off"):
        over_ssh("pi@device")


def test_no_posix_shell_there(fake_ssh) -> None:
    fake_ssh("echo 'sh is not recognized' >&2\nexit 1")
    with pytest.raises(DeviceCheckError, match="sh is not recognized"):
        over_ssh("pi@device")


def test_a_device_that_hangs(fake_ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgequant_device_checks._ssh._ANSWER_SECONDS", 0)
    fake_ssh("exec sleep 20")
    with pytest.raises(DeviceCheckError, match="did not answer within 1 s"):
        over_ssh("pi@device", connect_seconds=1)


def test_no_ssh_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceCheckError, match="no ssh program"):
        over_ssh("pi@device")


def test_ssh_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh").write_text("not a program")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceCheckError, match="cannot be started"):
        over_ssh("pi@device")
