import pytest

from ebb.forecast.baselines.catalog import BASELINES
from ebb.forecast.load.workloads import JobProfile, load
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import simulate
from tests.forecast.examples import stack

BASELINE = {baseline.name: baseline for baseline in BASELINES}
OWN = stack(scaling={"max_tasks": 4})
SEEDS = range(3)


def run(name: str, arrivals: str, job: str, seed: int, until: float | None = None) -> Outcome:
    wanted = load(arrivals, job)
    return simulate(BASELINE[name].scenario(OWN, wanted.profile(1)), wanted, seed=seed, until=until)


def test_each_baseline_has_a_unique_name_a_title_and_a_source() -> None:
    names = [
        "cdk",
        "cdk-min-0",
        "recipe-cpu",
        "recipe-steps",
        "copilot",
        "watchbot",
        "wellcome",
        "keda",
        "crema",
        "aca-jobs",
    ]
    assert [baseline.name for baseline in BASELINES] == names
    assert all(baseline.source and baseline.title for baseline in BASELINES)


@pytest.mark.parametrize("name", BASELINE)
def test_a_baseline_runs_on_the_stacks_machines(name: str) -> None:
    made = BASELINE[name].scenario(OWN, JobProfile(typical=30, longest=30))
    assert (made.name, made.maximum, made.task, made.network) == (name, OWN.maximum, OWN.task, OWN.network)


@pytest.mark.parametrize("name", BASELINE)
def test_a_baselines_visibility_timeout_exceeds_the_longest_job_or_is_extended(name: str) -> None:
    made = BASELINE[name].scenario(OWN, JobProfile(typical=1200, longest=3600))
    assert made.worker.heartbeat or made.queue.visibility_timeout > 3600


@pytest.mark.parametrize("name", ["cdk-min-0", "copilot"])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_message_starts_no_task(name: str, seed: int) -> None:
    """Sources: aws-cdk#15632 (first step at 100), copilot-cli#3376 (the alarm is `>`)."""
    found = run(name, "burst:1", "30s", seed, until=86_400)
    assert (found.launches, found.done, found.left) == (0, 0, 1)


@pytest.mark.parametrize("name", ["recipe-cpu", "recipe-steps", "watchbot", "wellcome", "keda", "crema", "aca-jobs"])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_message_starts_a_task(name: str, seed: int) -> None:
    found = run(name, "burst:1", "30s", seed, until=7200)
    assert found.done == 1
    assert found.wake is not None
    assert found.wake < 420


@pytest.mark.parametrize("seed", SEEDS)
def test_scale_in_on_waiting_messages_kills_a_long_job_at_every_delivery(seed: int) -> None:
    """Source: aws-cdk#9242."""
    found = run("recipe-steps", "burst:1", "20m", seed, until=86_400)
    assert (found.killed, found.done, found.dead) == (3, 0, 1)


@pytest.mark.parametrize("name", ["watchbot", "wellcome"])
@pytest.mark.parametrize("seed", SEEDS)
def test_counting_messages_in_flight_keeps_a_long_job(name: str, seed: int) -> None:
    found = run(name, "burst:1", "20m", seed, until=86_400)
    assert (found.killed, found.done) == (0, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scale_in_by_idle_cpu_never_removes_an_idle_poller(seed: int) -> None:
    found = run("recipe-cpu", "burst:1", "30s", seed, until=86_400)
    assert found.running[-1][1] >= 1
    assert found.task_hours > 23


def grown(name: str) -> list[int]:
    """The desired counts of a long backlog, up to the maximum of ten."""
    wanted = load("burst:200", "10m")
    made = BASELINE[name].scenario(stack(scaling={"max_tasks": 10}), wanted.profile(1))
    found = simulate(made, wanted, seed=1, until=600)
    return [value for _, value in found.desired]


def test_kubernetes_adds_four_tasks_or_doubles_them_in_a_minute() -> None:
    """Source: Kubernetes API, HorizontalPodAutoscalerBehavior. KEDA starts the first task."""
    assert (grown("keda"), grown("crema")) == ([0, 1, 5, 10], [0, 4, 8, 10])


def test_an_azure_job_starts_for_each_message_and_ends_after_it() -> None:
    found = run("aca-jobs", "burst:9", "30s", 1)
    assert (found.done, found.launches, found.killed) == (9, 9, 0)
    assert max(value for _, value in found.desired) == 4
    assert found.desired[-1][1] == 0
