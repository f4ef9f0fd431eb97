from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from nuphar.load.command import load

SOURCE = Path(__file__).parents[2] / "src"
TINY = ("--clients", "2", "--topics", "1", "--seconds", "0.1", "--rate", "40")


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    done = CliRunner().invoke(load, [*TINY, "--plot", str(tmp_path / "plot.png")])

    assert (done.exit_code, done.stderr) == (2, "Error: --plot needs matplotlib: pip install 'nuphar[plot]'\n")


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed: pip install 'nuphar[plot]'")
def test_the_plot_is_a_png(tmp_path: Path) -> None:
    path = tmp_path / "plot.png"

    command = [sys.executable, "-m", "nuphar", "load", *TINY, "--json", "--plot", str(path)]

    subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(SOURCE)}, stdout=subprocess.DEVNULL, check=True, timeout=50
    )

    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed: pip install 'nuphar[plot]'")
def test_a_folder_that_is_not_there_is_named_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "plot.png"

    done = CliRunner().invoke(load, [*TINY, "--plot", str(path)])

    expected = f"Error: --plot: expected a file in a folder that is there, got {path}\n"
    assert (done.exit_code, done.stderr) == (2, expected)
