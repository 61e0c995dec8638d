import re
from dataclasses import replace
from typing import Any

import pytest

from ebb.forecast.baselines.catalog import BASELINES
from ebb.forecast.load.workloads import JobProfile
from ebb.forecast.results.static_checks import Problem, check_scenario
from ebb.forecast.scenario.image_pull import Pull
from ebb.forecast.scenario.scenario import Rule, Scenario, WakeSetup, WorkerSetup, messages
from ebb.project import ROOT
from ebb.scaling.alarms import Alarm, Missing, Query
from ebb.scaling.policies import AdjustmentType, Step, StepPolicy
from tests.forecast.examples import stack

JOBS = JobProfile(typical=30, longest=60, groups=1)


def codes(scenario: Scenario, jobs: JobProfile = JOBS, pull: Pull | None = None) -> list[str]:
    return [problem.code for problem in check_scenario(scenario, jobs, pull)]


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


def with_rule(rule: Rule, **sections: Any) -> Scenario:
    return replace(stack(**sections), rules=(rule,))


@pytest.mark.parametrize(
    "sections", [{}, {"scaling": {"max_tasks": 10, "surplus": True}}, {"scaling": {"watch": True}}]
)
def test_the_recommended_policy_has_no_known_problems(sections: dict[str, Any]) -> None:
    assert check_scenario(stack(**sections), JOBS) == ()


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (out(missing="breaching"), "breaching-on-missing"),
        (out(period=300), "long-period"),
        (out(threshold=2), "one-message-never-wakes"),
        (out(kind="PercentChangeInCapacity"), "percent-from-zero"),
    ],
)
def test_an_alarm_or_policy_with_a_known_problem_is_reported(rule: Rule, code: str) -> None:
    assert codes(with_rule(out())) == []
    assert codes(with_rule(rule)) == [code]


def test_a_service_with_a_minimum_above_zero_needs_no_alarm_that_wakes_it() -> None:
    rules = (out(threshold=2), out(kind="PercentChangeInCapacity"))
    assert codes(replace(stack(scaling={"min_tasks": 1}), rules=rules)) == []


def test_steps_that_remove_tasks_count_waiting_messages_only() -> None:
    steps = [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}]
    assert codes(stack(scaling={"steps": steps})) == ["visible-only-scale-in"]


def test_low_cpu_is_not_idleness() -> None:
    steps = [{"lower": 1, "change": 1}]
    assert codes(stack(scaling={"steps": steps, "scale_in": "cpu"})) == ["cpu-as-idleness"]


def test_a_queue_without_calls_becomes_dormant() -> None:
    scenario = stack()
    assert codes(replace(scenario, wake=WakeSetup(keep_alive=False))) == ["dormant-queue"]
    assert codes(replace(scenario, wake=WakeSetup(keep_alive=False, watch=True))) == []


@pytest.mark.parametrize(
    ("worker", "code"),
    [
        (WorkerSetup(job_timeout=60), None),
        (WorkerSetup(job_timeout=59), "protection-shorter-than-job"),
        (WorkerSetup(protection=False, stop_timeout=70), None),
        (WorkerSetup(protection=False, stop_timeout=69), "no-protection"),
        (WorkerSetup(heartbeat=False), None),
    ],
)
def test_the_worker_must_allow_the_time_of_the_longest_job(worker: WorkerSetup, code: str | None) -> None:
    assert codes(replace(stack(), worker=worker)) == ([code] if code else [])


def test_a_job_must_not_exceed_the_maximum_visibility_timeout() -> None:
    most = JobProfile(typical=60, longest=43_200)
    assert [problem.code for problem in check_scenario(stack(), most)] == []
    assert [problem.code for problem in check_scenario(stack(), replace(most, longest=43_201))] == ["longer-than-sqs"]


def test_without_a_heartbeat_the_visibility_timeout_must_exceed_the_job() -> None:
    scenario = replace(stack(queue={"visibility_timeout": 59}), worker=WorkerSetup(heartbeat=False))
    assert codes(scenario) == ["visibility-below-job"]
    assert codes(replace(scenario, worker=WorkerSetup())) == []


@pytest.mark.parametrize(("receives", "spot", "few"), [(3, 0, False), (2, 0, True), (3, 1, True), (4, 1, False)])
def test_a_message_needs_receives_for_interrupted_attempts(receives: int, spot: int, few: bool) -> None:
    scenario = stack(queue={"max_receive_count": receives}, worker={"spot_weight": spot})
    assert codes(scenario) == ["few-receives"] * few


@pytest.mark.parametrize(
    ("fifo", "groups", "few"), [(True, 1, True), (True, 3, True), (True, 4, False), (False, 1, False)]
)
def test_a_fifo_queue_needs_as_many_groups_as_jobs_at_the_same_time(fifo: bool, groups: int, few: bool) -> None:
    found = check_scenario(stack(queue={"fifo": fifo}, scaling={"max_tasks": 4}), replace(JOBS, groups=groups))
    assert [problem.code for problem in found] == ["few-groups"] * few
    if groups == 1 and few:
        assert (
            "has 1 message group, so 1 job runs at the same time with any number of tasks (maximum 4)" in found[0].text
        )


@pytest.mark.parametrize(("tasks", "above"), [(24, False), (25, True)])
def test_more_than_six_vcpus_need_a_higher_quota(tasks: int, above: bool) -> None:
    assert codes(stack(scaling={"max_tasks": tasks})) == ["above-default-quota"] * above


@pytest.mark.parametrize(("tasks", "above"), [(500, False), (501, True)])
def test_more_than_500_starts_a_minute_take_longer(tasks: int, above: bool) -> None:
    found = codes(stack(scaling={"max_tasks": tasks, "seconds_per_job": 30}))
    assert ("above-launch-rate" in found) == above


def test_the_number_of_samples_is_the_number_of_tasks_only_with_metrics_of_60_s() -> None:
    surplus = stack(scaling={"max_tasks": 4, "surplus": True, "seconds_per_job": 30})
    fast = replace(surplus, rules=(*surplus.rules, out(period=20)))
    assert codes(surplus) == []
    assert codes(fast) == ["fast-sample-count"] * 2  # the rules that remove tasks


def test_an_image_that_takes_too_long_to_pull_is_reported() -> None:
    scenario = stack(scaling={"max_tasks": 2})
    assert codes(scenario, pull=Pull(megabytes=400, megabits=32, shared=True)) == ["slow-pull"]
    assert codes(scenario, pull=Pull(megabytes=100, megabits=32, shared=True)) == []
    (found,) = check_scenario(scenario, JOBS, Pull(megabytes=400, megabits=32, shared=True))
    assert found == Problem("slow-pull", found.text)
    assert found.text.startswith("2 tasks that start together pull 800 MB through 32 Mbit/s, which takes 200 s.")


def test_each_baseline_has_its_known_problems() -> None:
    own = stack(scaling={"max_tasks": 10})
    found = {baseline.name: set(codes(baseline.scenario(own, JOBS))) for baseline in BASELINES}
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
        "crema": {"no-protection"},
        "aca-jobs": set(),
    }


def test_the_documents_list_each_problem() -> None:
    sources = [(ROOT / f"ebb/forecast/results/{name}.py").read_text() for name in ("static_checks", "run_checks")]
    made = {code for source in sources for code in re.findall(r'Problem\(\s*"([a-z0-9-]+)"', source)}
    table = (ROOT / "docs/scaling.md").read_text().split("\n## Known problems\n")[1]
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)) == made
