"""Facts that stand in several rooms because these rooms must not import each other: all copies are equal."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from components import _container, table
from components.rest_api.templates import job_table
from components.workflows import waking
from ebb.forecast.model import shared as forecast_worker
from ebb.forecast.results import following as bill_of_table
from ebb.forecast.scenario import deployed
from ebb.forecast.scenario.deployed import from_settings
from ebb.ops import scaling as ops_scaling
from ebb.sandbox import log_follower
from ebb.sandbox.ecs import agent
from ebb.sandbox.provider import documented_values
from ebb.scaling import alarms, policies
from ebb.scaling.schedules import Schedule
from policy import hours, plan, steps
from settings import Jobs, Queue, Settings, Worker, limits, rules
from settings.forms import Day
from worker import config, metrics
from worker.aws import items
from worker.core import following as core_following
from worker.core import lease, protection
from worker.core.endings import Ending
from worker.variables import ConfigError

DAY = 86_400  # seconds
#: Variables that the worker needs in addition to those of its settings.
WIRED = {
    "EBB_QUEUE_URL": "https://sqs/jobs",
    "EBB_DEAD_LETTER_QUEUE_URL": "https://sqs/dead",
    "EBB_VISIBILITY_TIMEOUT": "300",
    "AWS_REGION": "us-east-1",
}


def worker(settings: Worker, jobs: Jobs | None = None, **variables: str) -> config.Config:
    """The real worker's settings, from the variables that a deployment sets."""
    return config.read({**_container.environment(settings, jobs or Jobs()), **WIRED, **variables})


@pytest.mark.parametrize("grace", [1, 2, 3, 30, limits.MAX_GRACE_SECONDS])
def test_a_job_may_continue_after_sigterm_for_the_same_time(grace: int) -> None:
    shortest = 2 if grace <= limits.GRACE_SECONDS else 2 * (grace + limits.GIVE_BACK_SECONDS)
    for stop_timeout in range(shortest, limits.MAX_STOP_SECONDS + 1):
        settings = Worker(stop_timeout=stop_timeout, grace=grace)
        forecast = from_settings(Settings(worker=settings)).worker
        assert worker(settings).drain == forecast.drain == limits.drain(stop_timeout, grace)


@pytest.mark.parametrize(("grace", "shortest"), [(3, 22), (30, 76), (limits.MAX_GRACE_SECONDS, 116)])
def test_settings_and_worker_refuse_a_grace_that_the_stop_timeout_is_too_short_for(grace: int, shortest: int) -> None:
    assert worker(Settings(worker=Worker(stop_timeout=shortest, grace=grace)).worker).grace == grace
    too_long = Worker(stop_timeout=shortest - 1, grace=grace)
    assert [fields[0] for fields, *_ in rules.breaches(Settings(worker=too_long))] == ["worker.grace"]
    with pytest.raises(ConfigError, match="EBB_GRACE"):
        worker(too_long)


def test_protection_outlasts_the_longest_grace_and_the_give_back() -> None:
    assert limits.MAX_GRACE_SECONDS + lease.MAX_CALL_SECONDS <= protection.PROTECTION_MARGIN_SECONDS


@pytest.mark.parametrize("stop_timeout", [2, 10, 19, 20, 120])
@pytest.mark.parametrize("visibility_timeout", [0, 29, 30, 31, 59, 60, 61, 300, limits.MAX_VISIBILITY_SECONDS])
def test_a_receive_has_the_same_wait_and_visibility(stop_timeout: int, visibility_timeout: int) -> None:
    settings = Worker(stop_timeout=stop_timeout)
    queue = Queue(visibility_timeout=visibility_timeout)
    forecast = from_settings(Settings(worker=settings, queue=queue))
    real = worker(settings, EBB_VISIBILITY_TIMEOUT=str(visibility_timeout))
    assert (real.wait, real.lease) == (forecast.worker.wait, forecast.queue.visibility_timeout)


def test_the_longest_wait_of_a_receive_is_sqs_limit() -> None:
    assert worker(Worker()).wait == limits.MAX_RECEIVE_WAIT_SECONDS


@pytest.mark.parametrize("stop_timeout", range(2, limits.MAX_STOP_SECONDS + 1))
def test_the_worker_accepts_the_longest_unprotected_job_and_no_longer_one(stop_timeout: int) -> None:
    longest = int(limits.drain(stop_timeout, limits.GRACE_SECONDS))
    if longest:
        settings = Worker(stop_timeout=stop_timeout, protection=False, job_timeout=longest)
        assert worker(settings).job_timeout == longest
    with pytest.raises(ConfigError, match="EBB_PROTECTION"):
        worker(Worker(stop_timeout=stop_timeout, protection=False, job_timeout=longest + 1))


def test_the_worker_has_the_limits_of_the_settings() -> None:
    largest = Worker(
        concurrency=limits.MAX_CONCURRENCY,
        job_timeout=limits.MAX_VISIBILITY_SECONDS,
        start_timeout=limits.MAX_START_TIMEOUT_SECONDS,
        stop_timeout=limits.MAX_STOP_SECONDS,
        grace=limits.MAX_GRACE_SECONDS,
        max_jobs_per_child=limits.MAX_JOBS_PER_CHILD,
        max_body_bytes=limits.MAX_BODY_BYTES,
        payload_bucket="bodies",
        backoff_base=limits.MAX_VISIBILITY_SECONDS,
        backoff_cap=limits.MAX_VISIBILITY_SECONDS,
    )
    read = worker(largest, EBB_VISIBILITY_TIMEOUT=str(limits.MAX_VISIBILITY_SECONDS))
    assert read.visibility_timeout == limits.MAX_VISIBILITY_SECONDS
    assert read.lease == limits.MAX_LEASE_SECONDS
    same = (
        "concurrency",
        "job_timeout",
        "start_timeout",
        "stop_timeout",
        "grace",
        "max_jobs_per_child",
        "max_body_bytes",
        "backoff_cap",
    )
    assert {name: getattr(read, name) for name in same} == {name: getattr(largest, name) for name in same}
    for field in same:
        with pytest.raises(ConfigError, match=f"EBB_{field.upper()}"):
            worker(largest.model_copy(update={field: getattr(largest, field) + 1}))


def test_the_worker_has_the_defaults_of_the_settings() -> None:
    required = {"EBB_STOP_TIMEOUT": "120", "EBB_BACKOFF_BASE": "10", "EBB_BACKOFF_CAP": "900"}
    read, defaults = config.read({**WIRED, **required}), Worker()
    same = (
        "concurrency",
        "handler",
        "command",
        "job_timeout",
        "start_timeout",
        "grace",
        "max_jobs_per_child",
        "protection",
        "max_body_bytes",
        "payload_bucket",
    )
    assert {name: getattr(read, name) for name in same} == {name: getattr(defaults, name) for name in same}


def test_the_worker_accepts_the_maximum_of_keep_days() -> None:
    assert worker(Worker(), Jobs(keep_days=365)).keep_seconds == 365 * DAY


def test_the_job_table_has_the_attributes_of_the_worker() -> None:
    names = {f"#{word}" for word in (table.KEY, table.EXPIRY)}
    assert names <= items._words(items.CLAIM)


def test_metrics_and_the_log_follower_know_every_ending_of_a_job() -> None:
    assert set(log_follower.ENDINGS) == set(metrics.COUNTERS) == set(Ending)


def test_the_forecasts_worker_stops_a_job_at_the_same_time_before_12_hours() -> None:
    assert forecast_worker.JOB_END_MARGIN_SECONDS == lease.END_MARGIN_SECONDS + lease.STOP_BEFORE_SECONDS


def test_protection_has_the_maximum_that_the_sandboxs_agent_accepts() -> None:
    assert protection.MAX_PROTECTION_MINUTES == agent.MAX_MINUTES


def test_a_policy_has_the_same_maximum_of_steps() -> None:
    assert limits.MAX_STEPS == policies.MAX_STEPS


def test_cloudwatch_logs_supports_the_same_retentions() -> None:
    days = range(1, 2 * max(limits.LOG_RETENTION_DAYS))
    supported = [day for day in days if not list(documented_values.problems("logs", {"retentionInDays": day}))]
    assert tuple(supported) == limits.LOG_RETENTION_DAYS


def test_alarms_have_the_comparisons_of_the_plan() -> None:
    assert set(get_args(steps.Comparison)) < set(get_args(alarms.Comparison))


def test_cron_has_the_weekdays_of_the_settings_in_the_same_order() -> None:
    assert set(hours.DAYS) == set(get_args(Day))
    starts = [Schedule(expression=f"cron(0 0 ? * {day} *)").next(0) for day in hours.DAYS]
    weekdays = [datetime.fromtimestamp(start or 0, UTC).strftime("%a").upper() for start in starts]
    assert weekdays == list(hours.DAYS)


def test_the_scalable_target_has_one_dimension() -> None:
    assert ops_scaling.DIMENSION == {
        "ServiceNamespace": plan.SERVICE_NAMESPACE,
        "ScalableDimension": plan.SCALABLE_DIMENSION,
    }


def test_a_body_for_the_api_s_workflow_has_one_maximum() -> None:
    assert deployed.MAX_DIRECT_BODY_BYTES == waking.MAX_BODY_CHARACTERS


def test_the_bill_s_questions_and_looks_are_those_of_the_api_and_the_worker() -> None:
    assert str(bill_of_table.ASK_SECONDS) == job_table.ASK_AGAIN
    assert bill_of_table.FOLLOW_SECONDS == core_following.FOLLOW_SECONDS
