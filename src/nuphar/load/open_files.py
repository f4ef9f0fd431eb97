"""The limit of open files: each connection is one, on both sides."""

from __future__ import annotations

import resource

from .errors import LoadError

BESIDE = 64
"""Open files beside the connections."""


def allow_files(connections: int) -> None:
    """Raise this process's limit as far as ``connections`` need; processes started later inherit it.

    Raises: LoadError that says what to do, if the limit may not be raised so far.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + BESIDE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise LoadError(
            f"{connections:,} clients need {wanted:,} open files, expected at most {hard:,}, the hard limit: have root "
            f"raise it (ulimit -Hn {wanted}, LimitNOFILE= of systemd, --ulimit nofile= of docker), "
            f"or take at most {max(0, hard - BESIDE):,} clients"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
