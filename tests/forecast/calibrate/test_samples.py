"""Which times of a history are samples of a delay, and which are not."""

from ebb.forecast.calibrate import replay, samples
from ebb.forecast.calibrate.calibration import missing
from ebb.forecast.calibrate.records import Alarmed, History, Job, Scaled
from ebb.forecast.calibrate.samples import Age


def history(*parts: Alarmed | Scaled | Job | float) -> History:
    return History(
        since=0,
        until=100_000,
        alarms=tuple(each for each in parts if isinstance(each, Alarmed)),
        changes=tuple(each for each in parts if isinstance(each, Scaled)),
        workers=tuple(each for each in parts if isinstance(each, float)),
        jobs=tuple(each for each in parts if isinstance(each, Job)),
    )


def test_a_reaction_is_from_an_alarm_to_the_next_change_that_names_it() -> None:
    found = history(
        Alarmed(alarm="out", time=100, point=0),
        Scaled(time=103, tasks=1, alarm="out"),
        Scaled(time=163, tasks=2, alarm="out"),  # the alarm is still in ALARM
        Alarmed(alarm="zero", time=500, point=400),
        Scaled(time=501, tasks=0, alarm="other"),
        Scaled(time=560, tasks=0, alarm="zero"),  # after a cooldown
        Alarmed(alarm="out", time=900, point=800),
        Scaled(time=899.5, tasks=1, alarm="out"),  # two clocks
    )
    assert samples.reactions(found) == [3, 0]


def test_each_task_that_a_change_wants_has_a_start() -> None:
    found = history(Scaled(time=100, tasks=2), 140.0, 150.0, Scaled(time=200, tasks=3), 260.0)
    assert samples.starts(found) == [40, 50, 60]


def test_a_task_that_no_change_wanted_has_no_start() -> None:
    replaced = history(Scaled(time=100, tasks=1), 140.0, 300.0)
    assert samples.starts(replaced) == [40]
    late = history(Scaled(time=100, tasks=1), 900.0)
    assert samples.starts(late) == []
    stopped_before_it_ran = history(Scaled(time=100, tasks=2), 140.0, Scaled(time=150, tasks=1), 200.0)
    assert samples.starts(stopped_before_it_ran) == [40]


def test_an_age_knows_the_job_for_which_the_service_woke() -> None:
    wake = history(
        Alarmed(alarm="out", time=190, point=60),
        Scaled(time=192, tasks=1, alarm="out"),
        Job(sent=70, started=230),
        Job(sent=80, started=260),
    )
    assert samples.ages(wake) == [Age(130, 10)]
    assert samples.wakes(wake) == [160]
    assert samples.waits(wake) == [160, 180]


def test_an_alarm_that_removes_tasks_or_adds_some_to_others_has_no_such_job() -> None:
    found = history(
        Scaled(time=10, tasks=1),
        Alarmed(alarm="out", time=190, point=60),
        Scaled(time=192, tasks=3, alarm="out"),
        Job(sent=70, started=230),
        Alarmed(alarm="zero", time=990, point=900),
        Scaled(time=992, tasks=0, alarm="zero"),
    )
    assert samples.ages(found) == [Age(130, None)]
    assert samples.wakes(found) == []


def test_a_job_that_was_sent_long_before_the_alarm_is_not_the_one() -> None:
    found = history(
        Alarmed(alarm="out", time=9000, point=8880), Scaled(time=9001, tasks=1, alarm="out"), Job(sent=70, started=9050)
    )
    assert samples.ages(found) == [Age(120, None)]


def test_what_is_missing_is_counted() -> None:
    assert missing(history(Scaled(time=100, tasks=2), 140.0, 150.0)) == [
        "0 of 6 alarms that added tasks",
        "0 of 6 changes of the count after an alarm",
        "2 of 6 starts of tasks",
    ]


def test_the_jobs_are_a_load_at_their_times() -> None:
    load = replay.load(history(Job(sent=100, started=130, seconds=20), Job(sent=160, started=170)))
    assert load is not None
    assert [(job.time, job.seconds) for job in load.sample(9, seed=1)] == [(0, 20), (60, 20)]
    assert (load.origin, load.span, load.exact) == (100, 60, True)
    assert replay.load(history()) is None
