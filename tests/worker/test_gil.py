import json
from pathlib import Path

from tests.chaos.proxy import Proxy
from tests.helpers.waiting import until
from tests.worker.harness import Process, Sqs, TestQueue

#: Seconds: the least visibility timeout that a worker has; a third of it after the receive its extension is due.
VISIBILITY = 30
DUE = VISIBILITY / 3
#: Holds its interpreter's lock in one call of C, from 4 seconds before the extension is due, for about 10 seconds. They
#: are at least 6 if this machine's pace changes on the way. Another thread notes the longest time for which it could
#: not run.
HANDLER = """
    import json, threading, time
    from pathlib import Path

    longest = 0.0
    def witness():
        global longest
        last = time.monotonic()
        while True:
            time.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()

    def power(size):
        began = time.monotonic()
        3 ** size
        return time.monotonic() - began

    def handle(job):
        began = time.monotonic()
        size, took = 100_000, 0.0
        while (took := power(size)) < 0.3:
            size *= 2
        size = int(size * (10 / took) ** (1 / 1.585))  # Karatsuba's exponent
        time.sleep(began + 6 - time.monotonic())
        threading.Thread(target=witness, daemon=True).start()
        time.sleep(0.1)
        held_from = time.monotonic()
        power(size)
        held_to = time.monotonic()
        time.sleep(0.1)
        Path("held.new").write_text(json.dumps([held_from, held_to, longest]))
        Path("held.new").rename("held")
"""


def test_a_handler_that_holds_the_gil_does_not_make_its_extension_late(
    tmp_path: Path, sqs: Sqs, queue: TestQueue
) -> None:
    proxy = Proxy(int(sqs.endpoint.rpartition(":")[2]), record=True)
    queue.send("heavy")  # before the worker starts, so that its first receive is answered at once
    worker = Process(tmp_path, sqs, queue, HANDLER, EBB_AWS_ENDPOINT_URL=proxy.endpoint)
    try:
        until(lambda: worker.events("job_done"))
        held_from, held_to, longest = json.loads(worker.note("held"))
    finally:
        worker.close()
        proxy.close()
    asked_at = next(seen.at for seen in proxy.seen if seen.action == "ReceiveMessage")
    extensions = [seen.at for seen in proxy.seen if seen.action.startswith("ChangeMessageVisibility")]
    assert held_from < asked_at + DUE < held_to  # the lock was held when the extension was due
    assert longest > (held_to - held_from) * 0.9  # and it was held: no other thread ran
    assert held_from < extensions[0] < held_to  # and the extension did not wait for it
    assert len(worker.events("job_started")) == len(worker.events("job_done")) == 1
    assert queue.counts() == (0, 0)
