"""All operators' alarms in virtual time: silent on good days, in ALARM under their fault, and in OK after it."""

import pytest

from ebb.scaling.alarms import State
from policy import monitoring
from settings import Monitoring, Settings
from tools.alarm_days import days, recommended
from tools.alarm_days.series import Change, alarm, changes

PLANS = monitoring.alarms(days.SETTINGS)
FAULTS = days.faults()
#: Minutes from the fault's begin to the alarm, and from its end to OK.
MINUTES = {
    "stalled": (35, 1),
    "oldest": (42 * 60 + 1, 6),
    "dead-letter": (1, 1),
    "dead-letter-age": (114 * 60 + 1, 6),
    "webhook": (1, 1),
    "watcher": (15, 1),
    "useless": (58, 3),
    "failures": (3, 28),
    "leases": (1, 5),
    "disk": (1, 15),
    "api": (1, 5),
    "schedules": (3, 13),
    "workflows": (3, 13),
    "release": (1, 5),
    "throttled": (11, 5),
    "nat": (15, 1),
    "notifications": (1, 5),
}


def test_each_alarm_has_its_fault() -> None:
    assert PLANS.keys() == FAULTS.keys() == MINUTES.keys()


@pytest.mark.parametrize("role", PLANS)
def test_an_idle_week_and_a_healthy_busy_day_are_silent(role: str) -> None:
    planned = alarm(role, PLANS[role])
    assert changes(planned, days.idle_week()) == []
    assert changes(planned, days.busy_day()) == []


def test_the_busy_day_is_busy_and_not_free_of_errors() -> None:
    run, minutes = days.outcome(), [span.values for span in days.busy_day() for _ in range(span.minutes)]
    assert (run.done > 900, run.killed, run.dead) == (True, 0, 0)
    for name in (("worker", "JobsFailed"), ("api", "5XXError")):
        assert sum(minute[name].total for minute in minutes if name in minute) >= 1


@pytest.mark.parametrize("role", PLANS)
def test_an_alarm_comes_under_its_fault_and_ends_after_it(role: str) -> None:
    fault = FAULTS[role]
    begins, ends = MINUTES[role]
    assert changes(alarm(role, PLANS[role]), fault.spans) == [
        Change(days.BEFORE + begins, State.ALARM),
        Change(days.BEFORE + fault.minutes + ends, State.OK),
    ]


def test_each_alarm_says_what_to_do_and_links_to_its_paragraph() -> None:
    here = Monitoring(runbook="https://wiki.example.com/ebb")
    for role, plan in monitoring.alarms(days.SETTINGS.model_copy(update={"monitoring": here})).items():
        assert plan.description.endswith(f". See https://wiki.example.com/ebb#{role}")
        # CloudWatch API, PutMetricAlarm: an alarm's description has at most 1,024 characters
        assert 80 < len(plan.description) < 1024


def test_the_essential_alarms_cost_six_metrics() -> None:
    few = monitoring.alarms(Settings(monitoring=Monitoring(alarms="essential")))
    assert sum(len(plan.metrics) for plan in few.values()) == 6
    assert list(few) == ["dead-letter", "dead-letter-age", "oldest", "stalled"]
    every = monitoring.alarms(Settings())
    assert sum(len(plan.metrics) for plan in every.values()) == 17
    assert every.keys() - few.keys() == {"useless", "failures", "leases", "disk", "api", "schedules"}


def test_aws_recommends_alarms_that_never_end_on_an_idle_stack() -> None:
    week = days.idle_week()
    ringing = {name for name, each in recommended.alarms().items() if Change(1, State.ALARM) in changes(each, week)}
    assert ringing == {
        "SQS NumberOfMessagesSent",
        "ECS CPUUtilization",
        "ECS MemoryUtilization",
        "ECS RunningTaskCount",
        "API Gateway Count",
    }
