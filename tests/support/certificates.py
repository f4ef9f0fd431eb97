"""A certificate for this machine, made by openssl, and the contexts of both ends."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from .raw import WAIT


class Certificate(NamedTuple):
    """The paths of a key and of a certificate for ``localhost``, ``chat.example`` and 127.0.0.1."""

    key: Path
    cert: Path

    def trusting(self) -> ssl.SSLContext:
        """Return a client's context that trusts it, and checks the name."""
        return ssl.create_default_context(cafile=str(self.cert))


def make_certificate(folder: Path) -> Certificate:
    """Have openssl make one; the test is skipped without openssl."""
    made = Certificate(folder / "key.pem", folder / "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    names = ["-addext", "subjectAltName=DNS:localhost,DNS:chat.example,IP:127.0.0.1"]
    try:
        subprocess.run(
            [*command, *names, "-keyout", made.key, "-out", made.cert], check=True, capture_output=True, timeout=WAIT
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return made
