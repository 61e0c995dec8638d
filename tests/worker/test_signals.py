import signal
import subprocess
import sys
import time

import pytest

#: Signals come in another thread, so that none interrupts the main thread's wait: as when one comes just before it
#: begins to wait.
DEAF = """
import signal, threading
from worker import signals
from worker.inbox import Inbox

inbox = Inbox()
signals.listen(inbox)
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
print("ready", flush=True)
for _ in range(2):
    while not (events := inbox.get(20)):
        pass
    print(*(type(event).__name__ for event in events), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_heard_at_once_though_the_main_thread_is_waiting(number: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    for _ in range(2):  # the second one, which hurries, too
        began = time.monotonic()
        process.send_signal(number)
        assert process.stdout.readline() == "StopRequested\n"
        assert time.monotonic() - began < 5
    assert process.wait(20) == 0
