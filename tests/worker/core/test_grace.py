"""How long a job, and a child without one, has between SIGTERM and SIGKILL."""

import pytest

from tests.worker.core.desk import Desk, wanted
from worker.core.events import Answered, ChangeVisibility, Kill, Kind, Outcome, Ready, Receive, Starting, StopRequested


def test_a_job_at_its_time_limit_has_the_grace_of_the_settings() -> None:
    desk = Desk(job_timeout=60, max_grace=30)
    (start,) = desk.started()
    assert wanted(desk.on(after=60), Kill) == [Kill(start.slot, 30)]


def test_a_stopping_worker_leaves_time_for_the_grace_and_for_the_message() -> None:
    desk = Desk(max_grace=30)
    (start,) = desk.started()
    desk.on(StopRequested())
    assert wanted(desk.on(after=81), Kill) == []
    assert wanted(desk.on(after=1), Kill) == [Kill(start.slot, 30)]


def test_a_lease_is_extended_during_a_long_grace() -> None:
    desk = Desk(job_timeout=5, visibility_timeout=30, max_grace=50)
    desk.started()
    assert wanted(desk.on(after=5), Kill) != []
    (extend,) = wanted(desk.on(after=5), ChangeVisibility)
    assert extend.urgent
    assert [seconds for _, seconds in extend.entries] == [30]


def test_a_lease_that_ends_during_a_long_grace_shortens_it() -> None:
    desk = Desk(job_timeout=5, visibility_timeout=30, max_grace=50)
    (start,) = desk.started()
    assert wanted(desk.on(after=5), Kill) == [Kill(start.slot, 50)]
    (extend,) = wanted(desk.on(after=5), ChangeVisibility)
    assert wanted(desk.on(Answered(extend, desk.now, {"h0": Outcome(Kind.LOST)})), Kill) == [Kill(start.slot, 2)]


@pytest.mark.parametrize(("grace", "short"), [(30, 2), (0.5, 0.5)])
def test_a_child_without_a_job_has_at_most_two_seconds(grace: float, short: float) -> None:
    desk = Desk(max_grace=grace, start_timeout=10)
    desk.on(Starting(0))
    assert wanted(desk.on(after=10), Kill) == [Kill(0, short)]


def test_a_receive_may_wait_no_longer_than_a_stopping_worker_can() -> None:
    desk = Desk(stop_timeout=30, max_grace=7)
    assert [receive.wait for receive in wanted(desk.on(Ready(0)), Receive)] == [15]
