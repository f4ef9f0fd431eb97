"""A counter that every client sees: the README's ten lines. Run it, then open two clients on ws://127.0.0.1:8000/live."""

import nuphar

server = nuphar.Server()
server.topic("counter").with_store(nuphar.Store(0, lambda count, message: count + message))

if __name__ == "__main__":
    nuphar.serve(server, port=8000, on_start=print)
