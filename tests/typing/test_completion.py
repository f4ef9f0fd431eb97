"""What an editor offers: pyright's language server is asked, as an editor would ask it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from support.doors import ROOT

from nuphar.supervision.root.options import ServerOptions

LIMIT = 100.0
"""Seconds for the language server to start and to answer."""


def offered(code: str, where: Path) -> list[str]:
    """Return the keyword arguments that are offered at the end of ``code``, with their ``=``."""
    if shutil.which("node") is None:
        pytest.skip("pyright needs node, which is not installed")
    (where / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT / "src")]}))
    program = where / "program.py"
    program.write_text(code)
    lines = code.split("\n")
    document = {"uri": program.as_uri()}
    here = {"textDocument": document, "position": {"line": len(lines) - 1, "character": len(lines[-1])}}
    opened = {"textDocument": document | {"languageId": "python", "version": 1, "text": code}}
    workspace = {"workspaceFolders": [{"uri": where.as_uri(), "name": "program"}]}
    server = subprocess.Popen(
        [sys.executable, "-m", "pyright.langserver", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    limit = threading.Timer(LIMIT, server.kill)
    limit.start()
    with server:
        try:
            editor = Editor(server)
            editor.ask("initialize", {"processId": None, "rootUri": where.as_uri(), "capabilities": {}} | workspace)
            editor.tell("initialized", {})
            editor.tell("textDocument/didOpen", opened)
            answer = editor.ask("textDocument/completion", here)
            editor.ask("shutdown", None)
            editor.tell("exit", None)
        finally:
            limit.cancel()
            server.kill()
    return [item["label"] for item in answer["items"] if item["label"].endswith("=")]


class Editor:
    """The client's end of the Language Server Protocol, as much as it takes to ask one thing after the other."""

    def __init__(self, server: subprocess.Popen[bytes]) -> None:
        self._to, self._from = server.stdin, server.stdout
        self._number = 0

    def tell(self, method: str, params: Any) -> None:
        self._write({"method": method, "params": params})

    def ask(self, method: str, params: Any) -> Any:
        self._number += 1
        self._write({"id": self._number, "method": method, "params": params})
        while True:
            answer = self._read()
            if answer.get("id") == self._number and "method" not in answer:
                return answer["result"]

    def _write(self, message: dict[str, Any]) -> None:
        assert self._to is not None
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        self._to.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._to.flush()

    def _read(self) -> Any:
        assert self._from is not None
        size = 0
        while line := self._from.readline().strip().lower():
            if line.startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        assert size, f"the language server said nothing more, or nothing within {LIMIT} s"
        return json.loads(self._from.read(size))


@pytest.mark.timeout(120)
def test_an_editor_completes_the_options_of_a_server(tmp_path: Path) -> None:
    names = offered("import nuphar\n\nnuphar.Server(", tmp_path)
    assert {f"{name}=" for name in ServerOptions.__annotations__} <= set(names)
    assert {"initial=", "wiring=", "serialiser="} <= set(names)
