import pytest

from ebb.forecast.baselines import RECIPES
from ebb.forecast.checks import Jobs
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import simulate
from ebb.forecast.monte_carlo import jobs_of
from ebb.forecast.workloads import load
from tests.forecast.examples import stack

RECIPE = {recipe.name: recipe for recipe in RECIPES}
OWN = stack(scaling={"max_tasks": 4})
SEEDS = range(3)


def run(name: str, arrivals: str, job: str, seed: int, until: float | None = None) -> Outcome:
    wanted = load(arrivals, job)
    return simulate(RECIPE[name].setup(OWN, jobs_of(wanted, 1)), wanted, seed=seed, until=until)


def test_each_recipe_is_named_once_and_says_where_it_stands() -> None:
    assert list(RECIPE) == ["cdk", "cdk-min-0", "recipe-cpu", "recipe-steps", "copilot", "watchbot", "wellcome", "keda"]
    assert all(recipe.source and recipe.title for recipe in RECIPES)


@pytest.mark.parametrize("name", RECIPE)
def test_a_recipe_runs_on_the_stacks_machines(name: str) -> None:
    made = RECIPE[name].setup(OWN, Jobs(typical=30, longest=30))
    assert (made.name, made.maximum, made.task, made.network) == (name, OWN.maximum, OWN.task, OWN.network)


@pytest.mark.parametrize("name", RECIPE)
def test_a_recipes_visibility_outlasts_the_longest_job_or_is_extended(name: str) -> None:
    made = RECIPE[name].setup(OWN, Jobs(typical=1200, longest=3600))
    assert made.worker.heartbeat or made.queue.visibility_timeout > 3600


@pytest.mark.parametrize("name", ["cdk-min-0", "copilot"])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_message_never_wakes_these(name: str, seed: int) -> None:
    """Sources: aws-cdk#15632 (first step at 100), copilot-cli#3376 (the alarm is `>`)."""
    found = run(name, "burst:1", "30s", seed, until=86_400)
    assert (found.launches, found.done, found.left) == (0, 0, 1)


@pytest.mark.parametrize("name", ["recipe-cpu", "recipe-steps", "watchbot", "wellcome", "keda"])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_message_wakes_these(name: str, seed: int) -> None:
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
def test_an_idle_poller_keeps_its_task_where_idle_cpu_is_waited_for(seed: int) -> None:
    found = run("recipe-cpu", "burst:1", "30s", seed, until=86_400)
    assert found.running[-1][1] >= 1
    assert found.task_hours > 23
