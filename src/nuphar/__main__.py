"""``nuphar`` and ``python -m nuphar``: the way to the command line, whose packages may not be there."""

from __future__ import annotations

import sys

NEEDS = frozenset({"click", "rich"})


def main() -> None:
    """Run the command line."""
    try:
        from .command_line import nuphar
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in NEEDS:
            raise
        sys.stderr.write(f"the command line needs {missing}: pip install 'nuphar[cli]'\n")
        sys.exit(2)
    nuphar(prog_name="nuphar")


if __name__ == "__main__":
    main()
