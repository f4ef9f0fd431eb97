"""The stock suite: kosoku, which runs the case files of the Autobahn test suite; and what must fail of it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CONFORMS = {"OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"}

LATEST = "of the pings that one read brings the latest is answered, as section 5.5.3 allows; the case wants all ten"
FRAGMENTS = "more than 1024 fragments of one message: 1009 (docs/design/rfc6455.md)"
DOCUMENTED = {
    "2.10": LATEST,
    **{f"9.{part}.{case}": FRAGMENTS for part in (3, 4) for case in (1, 2, 3)},
}
"""Cases that must fail, and why; one that passes after all is an error too, so that the list stays true."""

BY_CHANCE = {"2.11": LATEST}
"""Cases that fail if enough of their bytes come in one read: ten pings, byte by byte."""

EXCLUDED = ("12.*", "13.*")
"""permessage-deflate, which we never accept."""


def is_installed() -> bool:
    """Is the extra ``nuphar[conformance]`` there?"""
    return importlib.util.find_spec("kosoku") is not None


def run(port: int, timeout: float = 900.0) -> dict[str, tuple[str, str]]:
    """Run all cases but the excluded, and return each one's two verdicts: on the messages, on the close."""
    code = "from kosoku._cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        excluded = [argument for pattern in EXCLUDED for argument in ("-x", pattern)]
        command = [sys.executable, "-c", code, f"ws://127.0.0.1:{port}", "-o", folder, *excluded]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        index = Path(folder) / "index.json"
        if not index.exists():
            raise RuntimeError(f"the stock suite ended with {done.returncode}: {done.stdout}{done.stderr}")
        (results,) = json.loads(index.read_text()).values()
    return {case: (each["behavior"], each["behaviorClose"]) for case, each in results.items()}


def judge(results: dict[str, tuple[str, str]]) -> list[str]:
    """Return what is wrong, a line for each."""
    wrong = [
        f"{case}: {verdicts}"
        for case, verdicts in results.items()
        if not CONFORMS.issuperset(verdicts) and case not in DOCUMENTED | BY_CHANCE
    ]
    stale = [case for case in DOCUMENTED if case in results and CONFORMS.issuperset(results[case])]
    return [*wrong, *(f"{case} passes, and is listed as a limit" for case in stale)]
