from dataclasses import replace
from typing import Any

import pytest

from ebb.forecast.baselines import RECIPES
from ebb.forecast.checks import Jobs, Lint, Pull, lints
from ebb.forecast.scenario import Rule, Setup, Wake, Worker, messages
from ebb.scaling.alarms import Alarm, Missing, Query
from ebb.scaling.policies import AdjustmentType, Step, StepPolicy
from tests.forecast.examples import stack

JOBS = Jobs(typical=30, longest=60, groups=1)


def codes(setup: Setup, jobs: Jobs = JOBS, pull: Pull | None = None) -> list[str]:
    return [lint.code for lint in lints(setup, jobs, pull)]


def out(
    *,
    missing: Missing = "notBreaching",
    threshold: float = 1,
    period: int = 60,
    kind: AdjustmentType = "ChangeInCapacity",
) -> Rule:
    alarm = Alarm(
        name="out",
        period=period,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=threshold,
        comparison="GreaterThanOrEqualToThreshold",
        missing=missing,
        queries=(Query(id="m", source=messages("ApproximateNumberOfMessagesVisible")),),
        watched="m",
    )
    return Rule(alarm=alarm, policy=StepPolicy(name="out", adjustment_type=kind, steps=(Step(0, None, 1),)))


def with_rule(rule: Rule, **sections: Any) -> Setup:
    return replace(stack(**sections), rules=(rule,))


@pytest.mark.parametrize(
    "sections", [{}, {"scaling": {"max_tasks": 10, "surplus": True}}, {"scaling": {"watch": True}}]
)
def test_the_recommended_policy_has_nothing_that_is_known_to_hurt(sections: dict[str, Any]) -> None:
    assert lints(stack(**sections), JOBS) == ()


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (out(missing="breaching"), "breaching-on-missing"),
        (out(period=300), "long-period"),
        (out(threshold=2), "one-message-never-wakes"),
        (out(kind="PercentChangeInCapacity"), "percent-from-zero"),
    ],
)
def test_an_alarm_or_policy_that_is_known_to_hurt_is_named(rule: Rule, code: str) -> None:
    assert codes(with_rule(out())) == []
    assert codes(with_rule(rule)) == [code]


def test_what_does_not_wake_is_no_matter_with_a_task_that_is_always_there() -> None:
    rules = (out(threshold=2), out(kind="PercentChangeInCapacity"))
    assert codes(replace(stack(scaling={"min_tasks": 1}), rules=rules)) == []


def test_a_table_that_removes_tasks_sees_waiting_messages_only() -> None:
    steps = [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}]
    assert codes(stack(scaling={"steps": steps})) == ["visible-only-scale-in"]


def test_idle_cpu_is_no_evidence() -> None:
    steps = [{"lower": 1, "change": 1}]
    assert codes(stack(scaling={"steps": steps, "scale_in": "cpu"})) == ["cpu-as-idleness"]


def test_a_queue_that_nothing_touches_falls_asleep() -> None:
    setup = stack()
    assert codes(replace(setup, wake=Wake(keep_alive=False))) == ["dormant-queue"]
    assert codes(replace(setup, wake=Wake(keep_alive=False, watch=True))) == []


@pytest.mark.parametrize(
    ("worker", "code"),
    [
        (Worker(job_timeout=60), None),
        (Worker(job_timeout=59), "protection-shorter-than-job"),
        (Worker(protection=False, stop_timeout=70), None),
        (Worker(protection=False, stop_timeout=69), "no-protection"),
        (Worker(heartbeat=False), None),
    ],
)
def test_the_worker_must_leave_its_longest_job_the_time_it_takes(worker: Worker, code: str | None) -> None:
    assert codes(replace(stack(), worker=worker)) == ([code] if code else [])


def test_no_job_is_longer_than_sqs_hides_a_message() -> None:
    most = Jobs(typical=60, longest=43_200)
    assert [lint.code for lint in lints(stack(), most)] == []
    assert [lint.code for lint in lints(stack(), replace(most, longest=43_201))] == ["longer-than-sqs"]


def test_without_a_heartbeat_the_visibility_must_outlast_the_job() -> None:
    setup = replace(stack(queue={"visibility_timeout": 59}), worker=Worker(heartbeat=False))
    assert codes(setup) == ["visibility-below-job"]
    assert codes(replace(setup, worker=Worker())) == []


@pytest.mark.parametrize(("receives", "spot", "few"), [(3, 0, False), (2, 0, True), (3, 1, True), (4, 1, False)])
def test_a_message_needs_receives_for_what_is_cut_short(receives: int, spot: int, few: bool) -> None:
    setup = stack(queue={"max_receive_count": receives}, worker={"spot_weight": spot})
    assert codes(setup) == ["few-receives"] * few


@pytest.mark.parametrize(
    ("fifo", "groups", "few"), [(True, 1, True), (True, 3, True), (True, 4, False), (False, 1, False)]
)
def test_a_fifo_queue_runs_as_many_jobs_at_once_as_it_has_groups(fifo: bool, groups: int, few: bool) -> None:
    found = lints(stack(queue={"fifo": fifo}, scaling={"max_tasks": 4}), replace(JOBS, groups=groups))
    assert [lint.code for lint in found] == ["few-groups"] * few
    if groups == 1 and few:
        assert "so one job runs at a time whatever the number of tasks" in found[0].text


@pytest.mark.parametrize(("tasks", "above"), [(24, False), (25, True)])
def test_more_than_six_vcpu_need_a_higher_quota(tasks: int, above: bool) -> None:
    assert codes(stack(scaling={"max_tasks": tasks})) == ["above-default-quota"] * above


def test_an_image_that_the_way_out_cannot_carry_in_time_is_named() -> None:
    setup = stack(scaling={"max_tasks": 2})
    assert codes(setup, pull=Pull(megabytes=400, megabits=32)) == ["slow-pull"]
    assert codes(setup, pull=Pull(megabytes=100, megabits=32)) == []
    (found,) = lints(setup, JOBS, Pull(megabytes=400, megabits=32))
    assert found == Lint("slow-pull", found.text)
    assert found.text.startswith("2 tasks that start together pull 800 MB through 32 Mbit/s, which takes 200 s:")


def test_the_known_recipes_have_what_is_known_of_them() -> None:
    own = stack(scaling={"max_tasks": 10})
    found = {recipe.name: set(codes(recipe.setup(own, JOBS))) for recipe in RECIPES}
    assert found == {
        "cdk": {"visible-only-scale-in", "cpu-as-idleness", "long-period", "no-protection"},
        "cdk-min-0": {
            "visible-only-scale-in",
            "cpu-as-idleness",
            "long-period",
            "no-protection",
            "one-message-never-wakes",
            "dormant-queue",
        },
        "recipe-cpu": {"cpu-as-idleness", "long-period", "no-protection", "dormant-queue"},
        "recipe-steps": {"visible-only-scale-in", "long-period", "no-protection", "dormant-queue"},
        "copilot": {"visible-only-scale-in", "one-message-never-wakes", "no-protection"},
        "watchbot": {"long-period", "no-protection"},
        "wellcome": {"dormant-queue"},
        "keda": {"no-protection"},
    }
