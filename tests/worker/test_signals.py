import select
import signal
import subprocess
import sys

import pytest

from tests.helpers.waiting import LIMIT

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
    while not (events := inbox.get(600)):
        pass
    print(*(type(event).__name__ for event in events), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_heard_at_once_though_the_main_thread_is_waiting(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        for _ in range(2):  # the second signal, which ends jobs at once, too
            process.send_signal(number)
            assert select.select([process.stdout], [], [], LIMIT)[0]
            assert process.stdout.readline() == "StopRequested\n"
        assert process.wait(LIMIT) == 0
