"""An emulated account at an address of this machine."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer


@contextmanager
def account() -> Iterator[str]:
    """The address of an empty account. moto keeps its state in this process, so it is emptied before and after."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    try:
        post(f"{address}/moto-api/reset")
        yield address
        post(f"{address}/moto-api/reset")
    finally:
        server.stop()


def post(address: str) -> None:
    """A POST request without a body."""
    urllib.request.urlopen(urllib.request.Request(address, method="POST")).close()
