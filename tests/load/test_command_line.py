from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

import nuphar
from nuphar.__main__ import main
from nuphar.command_line import nuphar as command_line


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_packages_it_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("nuphar.command", "nuphar.load.", f"{missing}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(SystemExit) as caught:
        main()

    assert caught.value.code == 2
    assert capsys.readouterr().err == f"the command line needs {missing}: pip install 'nuphar[cli]'\n"


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(command_line, ["--version"]).output == f"nuphar {nuphar.__version__}\n"


def test_help_names_every_command() -> None:
    done = CliRunner().invoke(command_line, ["--help"])

    assert done.exit_code == 0
    assert all(f"\n  {name} " in done.output for name in ("demo", "serve", "load"))


@pytest.mark.parametrize("name", ["demo", "serve", "load"])
def test_each_command_has_help(name: str) -> None:
    done = CliRunner().invoke(command_line, [name, "--help"])

    assert done.exit_code == 0
    assert done.output.startswith("Usage: ")
