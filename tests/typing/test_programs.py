"""What type checkers say of programs that use Nuphar: mypy and pyright refuse the lines marked ``# refused`` alone."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.doors import DOORS, PAGES, addresses

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted((ROOT / "tests" / "typing" / "programs").glob("*.py"))

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

Line = tuple[str, int]
"""A program's file name, and the number of one of its lines."""


def run(command: list[str], where: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a checker; both end with 1 when they have something to say."""
    done = subprocess.run(
        command, cwd=where, env=os.environ | environ, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done


def mypy(programs: list[Path], where: Path) -> set[Line]:
    """Return the lines that mypy refuses, with --strict and no configuration."""
    options = ["--strict", "--config-file=", "--follow-imports=silent", "--output=json"]
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'programs'}"
    command = [sys.executable, "-m", "mypy", *options, cache, *map(str, programs)]
    done = run(command, where, MYPYPATH=str(ROOT / "src"))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {(Path(each["file"]).name, each["line"]) for each in found if each["severity"] == "error"}


def pyright(programs: list[Path], where: Path) -> set[Line]:
    """Return the lines that pyright refuses."""
    if shutil.which("node") is None:
        pytest.skip("pyright needs node, which is not installed")
    config = {"extraPaths": [str(ROOT / "src")], "pythonVersion": "3.11"}
    (where / "pyrightconfig.json").write_text(json.dumps(config))
    done = run([sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable], where)
    said = json.loads(done.stdout)
    assert said["summary"]["filesAnalyzed"] == len(programs)
    found = [each for each in said["generalDiagnostics"] if each["severity"] == "error"]
    return {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found}


def doors() -> str:
    """Return a program that asks every front door for each of its names, and for one that it does not have.

    It also uses every address that is written in the docs.
    """
    lines = ["import nuphar", *(f"print({address})" for address in addresses(*PAGES, imports=False))]
    for door in DOORS:
        lines += [f"print({door}.{name})" for name in importlib.import_module(door).__all__]
        lines += [f"print({door}.no_such_thing)  # refused"]
    return "\n".join(lines) + "\n"


def marked(program: Path) -> set[Line]:
    lines = enumerate(program.read_text().splitlines(), start=1)
    return {(program.name, number) for number, line in lines if line.endswith("  # refused")}


def test_there_are_programs_with_right_and_wrong_lines() -> None:
    assert len(PROGRAMS) >= 2
    assert len(EXAMPLES) >= 6
    assert [each.name for each in PROGRAMS if not marked(each)] == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", [mypy, pyright])
def test_what_is_right_is_accepted_and_what_is_marked_is_refused(
    check: Callable[[list[Path], Path], set[Line]], tmp_path: Path
) -> None:
    (tmp_path / "doors.py").write_text(doors())
    for program in [*PROGRAMS, *EXAMPLES]:
        shutil.copy(program, tmp_path)
    programs = sorted(tmp_path.glob("*.py"))
    expected = set().union(*map(marked, programs))
    refused = check(programs, tmp_path)
    assert sorted(refused - expected) == []
    assert sorted(expected - refused) == []
