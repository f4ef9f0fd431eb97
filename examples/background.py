"""A plain OS thread that dispatches: a clock, a sensor, a queue's consumer. Server calls are safe from every thread."""

import threading

import nuphar

server = nuphar.Server()
ticks = server.topic("ticks").with_store(nuphar.Store(0, lambda count, message: count + message))


def tick(stopped: threading.Event, seconds: float = 1.0) -> None:
    """Add one every ``seconds``, until ``stopped``; a real thread, whose waiting blocks nobody."""
    while not stopped.wait(seconds):
        try:
            ticks.dispatch(1)
        except nuphar.NotRunning:
            return  # the server has stopped between two ticks


if __name__ == "__main__":
    over = threading.Event()
    thread = threading.Thread(target=tick, args=(over,))
    server.start()
    thread.start()
    nuphar.serve(server, port=8000, on_start=print)
    over.set()
    thread.join()
