"""Sockets that only this machine can reach: bound at an address, or at the next one that is free.

Several workers of one program are given the same address: each takes the first that nobody has. Looking and binding
is one step of the kernel; for a Unix socket that a dead process has left it is two, under a lock of its folder.
"""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent import socket as gevent_socket

from ...actors.words.errors import CannotListen, UsageError
from ...transport.server.addresses import cannot_listen

UNIX = "unix:"

NEIGHBOURS = 64
"""Addresses that are tried: the ports that follow, or the paths ``path.1``, ``path.2`` and so on."""

BACKLOG = 16

TRIES, PAUSE = 100, 0.01
"""How often a folder's lock is tried, with so many seconds between: whoever has it needs some microseconds."""


def listen_near(address: str) -> Any:
    """Return a gevent socket that listens at ``127.0.0.1:port`` or ``unix:/path``, or at the next free one.

    Raises: UsageError for an address that others could reach, CannotListen if there is none to be had.
    """
    taken: CannotListen | None = None
    for each in _neighbours(address):
        try:
            return _listen_unix(each) if isinstance(each, str) else _listen_tcp(each)
        except CannotListen as error:
            if error.errno != errno.EADDRINUSE:
                raise
            taken = taken or error
    assert taken is not None
    raise taken


def is_local(host: str) -> bool:
    """Say whether a host, with or without a port, is this machine's loopback by its own name.

    >>> is_local("127.0.0.1:9000"), is_local("[::1]:9000"), is_local("localhost"), is_local("example.org")
    (True, True, True, False)
    """
    name = host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _neighbours(address: str) -> Iterator[str | tuple[str, int]]:
    if address.startswith(UNIX):
        path = address[len(UNIX) :]
        return iter([path, *(f"{path}.{at}" for at in range(1, NEIGHBOURS))])
    host, _, digits = address.rpartition(":")
    if not is_local(host) or not digits.isdigit() or (port := int(digits)) > 65535:
        raise UsageError(f"option inspect: expected 127.0.0.1:port, [::1]:port or unix:/path, got {address!r}")
    name = host.strip("[]").replace("localhost", "127.0.0.1")
    return ((name, each) for each in range(port, min(port + NEIGHBOURS, 65536)))


def _listen_tcp(address: tuple[str, int]) -> Any:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listening = gevent_socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise cannot_listen(address, error) from error
    return listening


def _listen_unix(path: str) -> Any:
    listening = gevent_socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _locked(os.path.dirname(path) or "."):
            if _is_left_behind(path):
                os.unlink(path)
            listening.bind(path)
            os.chmod(path, 0o600)
            listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise cannot_listen(path, error) from error
    return listening


def _is_left_behind(path: str) -> bool:
    """Say whether this is a socket that nobody listens on any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED and not os.path.isfile(path)


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for _ in range(TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                gevent.sleep(PAUSE)
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        yield
    finally:
        os.close(descriptor)
