"""One table of close codes: the server, the clients and the docs say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from nuphar.actors.words import close_codes
from nuphar.actors.words.close_codes import CLOSE_CODES, is_final, may_be_sent

ROOT = Path(__file__).parents[3]
NAMES = {name: code for name, code in vars(close_codes).items() if name.isupper() and isinstance(code, int)}
JS = ROOT / "transport/js/src"
CODES = {*range(1001, 1016), *range(4400, 4600)}
"""Numbers that are a close code wherever they stand; 1000 is a size as often."""


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_each_code_has_one_name_and_one_row_in_order() -> None:
    assert [row.code for row in CLOSE_CODES] == sorted(NAMES.values())
    assert len(set(NAMES.values())) == len(NAMES)
    assert {row.sender for row in CLOSE_CODES} == {"client", "server", "both", "nobody"}


def test_the_table_in_the_docs_is_ours() -> None:
    rows = re.findall(
        r"^\| (\d{4}) \| (\w+) \| (.*) \| (yes|no) \|$", (ROOT / "docs/wire.md").read_text(), re.MULTILINE
    )
    assert rows == [(str(code), sender, text, "no" if is_final(code) else "yes") for code, sender, text in CLOSE_CODES]


def test_the_browser_client_has_the_same_numbers_and_comes_back_after_the_same() -> None:
    text = (JS / "close-codes.js").read_text()
    theirs = {name: int(code) for name, code in re.findall(r"^export const (\w+) = (\d+);$", text, re.MULTILINE)}
    first, after = theirs.pop("FIRST_FINAL"), theirs.pop("FIRST_AFTER")
    assert len(theirs) > 3
    assert theirs.items() <= NAMES.items()
    final = {code for code in range(1000, 5000) if first <= code < after and code != theirs["SESSION_GONE"]}
    assert final == {code for code in range(1000, 5000) if is_final(code)}


def test_no_other_module_writes_a_code_as_a_number() -> None:
    found = [
        (path.relative_to(ROOT).as_posix(), node.value)
        for path in modules("actors", "transport", "supervision", "src/nuphar")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in CODES
    ]
    assert {path for path, _ in found} == {"actors/words/close_codes.py"}


def test_no_other_module_of_the_browser_client_does_either() -> None:
    texts = [path.read_text() for path in JS.glob("*.js") if path.name != "close-codes.js"]
    code = re.sub(r'/\*.*?\*/|//.*?$|"[^"\n]*"', "", "\n".join(texts), flags=re.DOTALL | re.MULTILINE)
    found = {int(number) for number in re.findall(r"(?<![\w.])\d{4}(?![\w.])", code)}
    assert found & CODES == set()


def test_the_server_says_what_the_table_says_that_it_says() -> None:
    texts = [
        path.read_text()
        for path in modules("actors", "transport/wire", "transport/server")
        if path.name != "close_codes.py"
    ]
    said = {code for name, code in NAMES.items() if any(re.search(rf"\b{name}\b", text) for text in texts)}
    reported = {close_codes.NO_CODE, close_codes.ABNORMAL, close_codes.NORMAL_CLOSURE}
    assert said - reported == {row.code for row in CLOSE_CODES if row.sender in ("server", "both")}


def test_what_may_be_sent_is_every_code_that_somebody_sends() -> None:
    never = {close_codes.NO_CODE, close_codes.ABNORMAL}
    assert {row.code for row in CLOSE_CODES if not may_be_sent(row.code)} == never
    assert [code for code in (0, 999, 1004, 1015, 2999, 5000) if may_be_sent(code)] == []
