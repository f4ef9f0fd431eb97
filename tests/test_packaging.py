"""What is built is what is here: setup.cfg against the folders."""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest

import nuphar

ROOT = Path(__file__).parents[1]
PLACES = {"nuphar": "src/nuphar", **{f"nuphar.{wing}": wing for wing in ("actors", "transport", "supervision")}}


@pytest.fixture(scope="module")
def config() -> ConfigParser:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    return config


def lines(config: ConfigParser, section: str, option: str) -> list[str]:
    return config[section][option].split("\n")[1:]


def test_every_folder_with_an_init_is_a_package_that_is_built(config: ConfigParser) -> None:
    found = set()
    for name, place in PLACES.items():
        for init in (ROOT / place).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / place).parts
            if name == "nuphar" and inner and inner[0] in ("actors", "transport", "supervision"):
                continue  # the links that tools follow
            found.add(".".join([name, *inner]))
    assert sorted(lines(config, "options", "packages")) == sorted(found)


def test_the_folders_of_the_packages_are_where_setup_cfg_says(config: ConfigParser) -> None:
    places = dict(line.replace(" ", "").split("=") for line in lines(config, "options", "package_dir"))
    assert places == PLACES


@pytest.mark.parametrize("wing", ["actors", "transport", "supervision"])
def test_the_links_for_tools_lead_to_the_wings(wing: str) -> None:
    assert (ROOT / "src" / "nuphar" / wing).resolve() == ROOT / wing


def test_the_data_files_of_the_packages_exist(config: ConfigParser) -> None:
    for package, patterns in config["options.package_data"].items():
        place = PLACES.get(package) or "src/" + package.replace(".", "/")
        for pattern in patterns.split(","):
            assert list((ROOT / place).glob(pattern.strip())), f"{package}: {pattern}"


def test_the_version_is_the_same_everywhere(config: ConfigParser) -> None:
    assert config["metadata"]["version"] in ("attr: nuphar.__version__", nuphar.__version__)


def test_pykka_is_held_below_the_next_major_version(config: ConfigParser) -> None:
    # Its seams for new actor types have underscores.
    (pykka,) = [line for line in lines(config, "options", "install_requires") if line.startswith("pykka")]
    assert re.fullmatch(r"pykka>=4\.5,<5", pykka)


def test_the_command_is_there(config: ConfigParser) -> None:
    (command,) = lines(config, "options.entry_points", "console_scripts")
    module, function = command.split("=")[1].strip().split(":")
    assert callable(getattr(import_module(module), function))


def test_importing_the_package_patches_nothing() -> None:
    code = "import nuphar, gevent.monkey as m; print(any(map(m.is_module_patched, ('socket', 'threading', 'time'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "False"
