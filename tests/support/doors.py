"""The front doors, and the names that pages, examples and configurations call by their full address."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOORS = {
    "nuphar": "src/nuphar/__init__.py",
    "nuphar.actors": "actors/__init__.py",
    "nuphar.transport": "transport/__init__.py",
    "nuphar.supervision": "supervision/__init__.py",
    "nuphar.testing": "src/nuphar/testing/__init__.py",
}
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.py")]
LOGGERS = ("nuphar.client", "nuphar.events")
CONFIGURATIONS = [ROOT / "setup.cfg", ROOT / "pyproject.toml", ROOT / "Makefile"]


def addresses(*pages: Path, imports: bool = True) -> list[str]:
    """Return what ``pages`` call by a full name, but for files, loggers and what a traceback says.

    Without ``imports`` only what has to be there after ``import nuphar`` alone.
    """
    said = r"" if imports else r"(?<!from )(?<!import )"
    return sorted(
        {
            address
            for page in pages
            for address in re.findall(said + r"\bnuphar(?:\.[A-Za-z_]\w*+)++(?!: )", page.read_text())
            if not re.search(r"\.(js|v1|d|svg|css|py)(\.|$)", address) and address not in LOGGERS
        }
    )
