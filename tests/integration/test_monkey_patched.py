"""The same scenario in a process whose standard library gevent has patched, and in one that it has not."""

from __future__ import annotations

import pytest
from support.serving import program

PATCH = "from gevent import monkey; monkey.patch_all()\n"

SCENARIO = """
import threading
import gevent
import nuphar
from support import counting, stock
from support.serving import listen

server = counting.make_server().start()
port = listen(server)
failed = []

def talk():
    try:
        stock.scenario(port)
    except BaseException as error:
        failed.append(error)
        raise

thread = threading.Thread(target=talk)
thread.start()
while thread.is_alive():
    gevent.sleep(0.005)
assert not failed, failed

stores = {"counter": nuphar.Store(0, counting.add)}
client = nuphar.Client(f"ws://127.0.0.1:{port}/live", stores=stores, runtime=RUNTIME)
client.wait_live()
assert client.dispatch("counter", 7).get(timeout=5) == 4
client.wait_until(lambda client: client.model("counter") == 20)
client.close()
server.stop()
print("ok")
"""


@pytest.mark.parametrize("runtime", ["greenlets", "threads"])
@pytest.mark.parametrize("patch", [PATCH, ""], ids=["patched", "not patched"])
def test_a_stock_client_and_ours_talk_to_a_server_in_one_process(patch: str, runtime: str) -> None:
    with program("-W", "error", "-c", patch + f"RUNTIME = {runtime!r}\n" + SCENARIO) as process:
        assert process.wait(timeout=20) == 0, process.output
        assert process.output.endswith("ok\n")


def test_importing_nuphar_patches_nothing() -> None:
    code = "import nuphar\nfrom gevent import monkey\nprint(monkey.saved, monkey.is_module_patched('socket'))"
    with program("-c", code) as process:
        assert process.wait() == 0
        assert process.output.strip().endswith("False")


def test_a_patched_program_can_serve_and_be_stopped_by_a_thread() -> None:
    code = """
import threading, urllib.request
import nuphar
from support import counting

server = counting.make_server()

def started(url):
    threading.Thread(target=use, args=(url,)).start()

def use(url):
    assert urllib.request.urlopen(url + "/live/nuphar.js").status == 200
    server.stop()
    print("stopped", flush=True)

nuphar.serve(server, port=0, on_start=started)
"""
    with program("-c", PATCH + code) as process:
        process.wait_for("stopped")
        assert process.wait() == 0
