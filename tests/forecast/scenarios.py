"""Scenarios that several tests forecast."""

from dataclasses import replace

from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Rule, Scenario, WakeSetup, WorkerSetup, messages
from ebb.scaling.alarms import Alarm, Comparison, Missing, Query
from ebb.scaling.policies import AdjustmentType, Step, StepPolicy
from settings import Scaling, Settings

VISIBLE = messages("ApproximateNumberOfMessagesVisible")
IN_FLIGHT = messages("ApproximateNumberOfMessagesNotVisible")
#: The worker of the baselines: no heartbeat, no protection, and SIGTERM does not stop its job.
PLAIN = WorkerSetup(stop_timeout=30, protection=False, heartbeat=False, gives_back=False)


def recommended(**scaling: object) -> Scenario:
    """What Ebb deploys with at most ten tasks."""
    return from_settings(Settings(scaling=Scaling.model_validate({"max_tasks": 10, **scaling})))


def rule(
    name: str,
    comparison: Comparison,
    threshold: float,
    *steps: Step,
    period: int = 60,
    cooldown: float = 300,
    adjustment_type: AdjustmentType = "ChangeInCapacity",
    missing: Missing = "notBreaching",
) -> Rule:
    """An alarm on the waiting messages, one of one, and its policy."""
    return Rule(
        alarm=Alarm(
            name=name,
            period=period,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=threshold,
            comparison=comparison,
            missing=missing,
            queries=(Query(id="m", source=VISIBLE),),
            watched="m",
        ),
        policy=StepPolicy(name=name, adjustment_type=adjustment_type, steps=steps, cooldown=cooldown),
    )


OUT = rule("out", "GreaterThanOrEqualToThreshold", 1, Step(0, None, 1))
#: A common mistake: it does not count running jobs.
IN = rule("in", "LessThanOrEqualToThreshold", 0, Step(None, 0, -1), period=300)


def bare(scenario: Scenario) -> Scenario:
    """The scenario without anything that keeps the queue active."""
    return replace(scenario, wake=WakeSetup(keep_alive=False))
