"""Probes a computer over the system's own ssh: its keys, its configuration, its agent."""

from __future__ import annotations

import os
import re
import subprocess

from ._assemble import device_from
from ._device import Device
from ._errors import DeviceCheckError
from ._sections import collector_script, is_complete, split_sections

_ANSWER_SECONDS = 30
_HOST = re.compile(r"(?:ssh://)?(?:[\w.+][\w.+-]*@)?(?:\[[0-9a-fA-F:.%\w]+\]|\w[\w.:%-]*)(?::\d+)?/?", re.ASCII)

# Whatever a configuration says: a key that nobody compared is refused. The user's own known_hosts files and
# KnownHostsCommand count.
HOST_KEY_SETTINGS = ("StrictHostKeyChecking=yes", "NoHostAuthenticationForLocalhost=no", "VerifyHostKeyDNS=no")

# What ssh writes to standard error when it fails (exit code 255), and what to do about it. First match wins.
_FAILURES = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the key of {host} changed: if it was reinstalled, run 'ssh-keygen -R' for it and connect once by hand",
    ),
    (
        "Host key verification failed",
        "the key of {host} is not known yet: connect once with 'ssh {host}' and accept it",
    ),
    (
        "Permission denied",
        "{host} refuses the login: set up a key with 'ssh-copy-id {host}' (a password cannot be asked for here)",
    ),
    ("Connection refused", "{host} refuses the connection: switch its ssh server on, or check the port"),
    ("timed out", "{host} did not answer within {seconds} s: check that it is on and in reach"),
    ("Could not resolve hostname", "{host} is not a known host name: check the spelling, or use its address"),
    ("No route to host", "there is no route to {host}: check that it is on and in this network"),
    ("Network is unreachable", "there is no route to {host}: check this machine's network"),
    ("Too many authentication failures", "{host} refuses the login after too many keys: name one with IdentityFile"),
    (
        "Session open refused",
        "{host} allows too few sessions in a connection: set MaxSessions to 10 in its sshd_config",
    ),
    (
        "Received message too long",
        "a login to {host} prints text, which confuses sftp: let its ~/.bashrc print nothing unless it is interactive",
    ),
    (
        "Connection closed by",
        "{host} ended the connection before the login: check that its port is an ssh server's",
    ),
    ("Connection reset by", "{host} ended the connection: check that it is not overloaded, and try again"),
)


def over_ssh(host: str, *, connect_seconds: int = 10) -> Device:
    """Return what `host` is (`pi@192.168.1.5`, or a name of the ssh configuration), over one connection.

    The device needs a POSIX sh and no Python. `connect_seconds` bounds the connecting. Raises DeviceCheckError, with a
    sentence for each way that ssh fails; it never asks for a password, and the host's key must be known.
    """
    if not is_ssh_host(host):
        raise DeviceCheckError(f"{host!r} is not a host to connect to: give USER@HOST, such as pi@192.168.1.5.")
    answer = _run(host, connect_seconds)
    if not is_complete(answer):
        raise DeviceCheckError(f"{host} broke off before it had answered: try again, or see 'ssh {host} uname -a'.")
    return device_from(split_sections(answer))


def _run(host: str, connect_seconds: int) -> str:
    settings = ("BatchMode=yes", f"ConnectTimeout={connect_seconds}", *HOST_KEY_SETTINGS)
    options = ["-T", *(word for setting in settings for word in ("-o", setting))]
    try:
        done = subprocess.run(
            ["ssh", *options, "--", host, "sh -s"],
            input=collector_script().encode("ascii"),
            capture_output=True,
            timeout=connect_seconds + _ANSWER_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise DeviceCheckError("There is no ssh program on this machine: install the OpenSSH client.") from None
    except OSError as error:
        raise DeviceCheckError(f"ssh cannot be started: {error.strerror or error}.") from None
    except subprocess.TimeoutExpired:
        raise DeviceCheckError(
            f"{host} did not answer within {connect_seconds + _ANSWER_SECONDS} s: check that it is not overloaded."
        ) from None
    if done.returncode != 0 and not done.stdout:
        raise DeviceCheckError(
            explain_ssh_failure(host, done.returncode, done.stderr.decode("utf-8", "replace"), connect_seconds)
        )
    return done.stdout.decode("utf-8", errors="replace")


def is_ssh_host(host: str) -> bool:
    """Tell whether ssh can take that for a computer (`pi@192.168.1.5`, `ssh://pi@pi4:2222`), and for nothing else."""
    return _HOST.fullmatch(host) is not None


def explain_ssh_failure(host: str, code: int, stderr: str, connect_seconds: int) -> str:
    """Return a sentence that says what to do about an ssh or sftp that ended with `code` and wrote `stderr`.

    255 is ssh's own failure; `connect_seconds` is how long it was allowed to take for connecting.
    """
    for mark, sentence in _FAILURES:
        if code == 255 and mark in stderr:
            return f"ssh: {sentence.format(host=host, seconds=connect_seconds)}."
    last = (stderr.strip().splitlines() or [f"exit code {code}"])[-1].strip()
    return f"ssh to {host} failed: {last.rstrip('.')[:200]}."
