"""`job.stopping`, and what SIGTERM does to a job."""

import signal

import pytest

from tests.worker.conftest import Open
from tests.worker.place import DONE, result
from worker.job import Verdict
from worker.jobs.process import STOP_SIGNAL


@pytest.mark.parametrize("number", [STOP_SIGNAL, signal.SIGTERM])
def test_a_job_that_has_looked_at_stopping_hears_of_a_stop_and_sigterm_does_not_end_it(
    handling: Open, number: signal.Signals
) -> None:
    place = handling("""
def handle(job):
    stopping = job.stopping
    note("began")
    assert stopping.wait(600)
    note("saved")
    raise Retry("saved")
""")
    place.start()
    place.note("notes")
    child = place.slots._slots[0]._child
    assert child
    child.process.send_signal(number)
    assert place.ended().result == result(Verdict.RETRY, "saved")
    assert place.notes() == ["began", "saved"]


def test_a_job_that_has_not_looked_at_stopping_ends_at_sigterm(handling: Open) -> None:
    place = handling("def handle(job):\n    note('began')\n    time.sleep(600)")
    place.start()
    place.note("notes")
    child = place.slots._slots[0]._child
    assert child
    child.process.terminate()
    assert place.ended().result.reason == "the handler's process was killed by signal 15 (Terminated)"


def test_a_stop_that_was_requested_before_the_job_looks_is_not_missed(handling: Open) -> None:
    place = handling("""
def handle(job):
    note("began")
    while not os.path.exists(os.environ["NOTES"] + "/asked"): time.sleep(0.01)
    note(job.stopping.is_set())
""")
    place.start()
    place.note("notes")
    place.slots.request_stop(0)
    (place.folder / "asked").touch()
    assert place.ended().result == DONE
    assert place.notes() == ["began", "True"]
