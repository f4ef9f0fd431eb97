"""A Flask application with a live board beside its ordinary pages.

python examples/flask_board.py
gunicorn -k nuphar.transport.gunicorn.Worker -b 127.0.0.1:8000 --chdir examples flask_board:app
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, jsonify, request

import nuphar


@dataclass(frozen=True)
class Pin:
    """Put a note on the board."""

    text: str


server = nuphar.Server(serialiser=nuphar.automatic(Pin))
board = server.topic("board").with_store(nuphar.Store((), lambda notes, pin: (*notes, pin.text)[-50:]))
flask = Flask(__name__)


@flask.get("/")
def page() -> Response:
    """The board; the browser client comes from the server itself, so both always match."""
    return Response(PAGE, mimetype="text/html")


@flask.post("/notes")
def pin() -> Response:
    """Pin a note from an ordinary request: every open page sees it at once."""
    board.dispatch(Pin(request.form["text"][:200]))
    return Response(status=303, headers={"Location": "/"})


@flask.get("/notes")
def notes() -> Response:
    """The notes as JSON: the same model that the pages follow."""
    model, seq = board.snapshot
    return jsonify(notes=model, seq=seq)


PAGE = """<!doctype html>
<meta charset="utf-8"><title>Board</title>
<form method="post" action="/notes"><input name="text" autofocus><button>Pin</button></form>
<ul id="notes"></ul>
<script type="module">
  import { connect } from "/live/nuphar.js"
  const board = connect("/live", { types: { Pin: ["text"] } })
    .subscribe("board", { update: (notes, pin) => [...notes, pin.text].slice(-50) })
  board.onchange(notes => {
    const list = document.getElementById("notes")
    list.replaceChildren(...notes.map(note => Object.assign(document.createElement("li"), { textContent: note })))
  })
</script>
"""

app = nuphar.Live(server, flask)

if __name__ == "__main__":
    nuphar.serve(server, flask, port=8000, on_start=print)
