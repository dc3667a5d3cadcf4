"""An SSH server of this test's own on the loopback address, and the way into it."""

import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/sbin")
PATIENCE = 20.0
"""Seconds after which the server counts as not starting."""

needs_sshd = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None, reason="the OpenSSH server is not installed"
)

_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PermitUserEnvironment no
AcceptEnv *
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A host that can be reached by SSH."""

    folder: Path
    port: int

    @property
    def command(self) -> str:
        """`ssh host`, to which what is to be run there is added."""
        words = [
            *("ssh", "-F", "none", "-p", str(self.port), "-i", str(self.folder / "user_key")),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "127.0.0.1"),
        ]
        return shlex.join(words)


@contextmanager
def ssh_host(folder: Path) -> Iterator[Host]:
    """Run a server for the length of the block; its keys lie in `folder`."""
    for name in ("host_key", "user_key"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    host = Host(folder, free_port())
    config = folder / "sshd_config"
    config.write_text(_CONFIG.format(port=host.port, folder=folder))
    assert SSHD
    log = folder / "sshd.log"
    process = subprocess.Popen([SSHD, "-D", "-f", str(config), "-E", str(log)])
    try:
        _wait_until_it_answers(host, process, log)
        yield host
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(host: Host, process: "subprocess.Popen[bytes]", log: Path) -> None:
    limit = time.monotonic() + PATIENCE
    while True:
        answer = subprocess.run(
            [*shlex.split(host.command), "true"], check=False, capture_output=True
        )
        if answer.returncode == 0:
            return
        if process.poll() is not None or time.monotonic() > limit:
            why = log.read_text() if log.exists() else ""
            if "privilege separation directory" in why:
                pytest.skip("sshd has no privilege separation directory: mkdir /run/sshd")
            raise AssertionError(f"sshd does not answer: {answer.stderr!r} {why}")
        time.sleep(0.05)
