"""The scenario that a stack's settings deploy."""

from ebb.forecast.durations import DAY
from ebb.forecast.scenario.scenario import (
    FREE_DISK_GIB,
    ApiSetup,
    NetworkSetup,
    QueueSetup,
    Rule,
    Scenario,
    TaskSetup,
    WakeSetup,
    WorkerSetup,
    cpu,
    messages,
)
from ebb.forecast.scenario.unpriced import unpriced
from ebb.scaling.alarms import Alarm, Query
from ebb.scaling.policies import Step, StepPolicy
from ebb.scaling.schedules import Schedule, ScheduledAction
from policy import hours, monitoring, plan
from policy.sizing import sizing
from settings import Scaling, Settings, limits

#: Bytes of a job with `scaling.direct`; also in components/workflows/waking.py, which must not be imported here.
MAX_DIRECT_BODY_BYTES = 200 * 1024
#: Seconds: the worker receives with at least this visibility timeout (worker/config.py).
MIN_VISIBILITY_SECONDS = 30


def from_settings(settings: Settings, name: str = "stack") -> Scenario:
    """The scenario that these settings deploy."""
    deployed = plan.plan(settings)
    worker, network, queue = settings.worker, settings.network, settings.queue
    visibility = min(limits.MAX_LEASE_SECONDS, max(MIN_VISIBILITY_SECONDS, queue.visibility_timeout))
    # the same formula as in worker/config.py
    wait = min(
        limits.MAX_RECEIVE_WAIT_SECONDS, max(1, int(limits.drain(worker.stop_timeout, worker.grace))), visibility // 3
    )
    existing_vpc = network.vpc_id is not None
    return Scenario(
        name=name,
        minimum=deployed.minimum,
        recurring=tuple(
            Schedule(expression=found.expression, timezone=found.timezone) for found in settings.queue.schedules
        ),
        maximum=deployed.maximum,
        rules=rules(deployed),
        queue=QueueSetup(
            visibility_timeout=visibility,
            max_receive_count=queue.max_receive_count,
            fifo=queue.fifo,
            retention=queue.retention_days * DAY,
            key=queue.kms != "none",
            own_key=queue.kms == "new",
        ),
        worker=WorkerSetup(
            concurrency=worker.concurrency,
            stop_timeout=worker.stop_timeout,
            grace=worker.grace,
            backoff_base=worker.backoff_base,
            backoff_cap=worker.backoff_cap,
            protection=worker.protection,
            job_timeout=worker.job_timeout,
            wait=wait,
            metrics=worker.metrics,
            log_days=worker.log_retention_days,
            keep_days=settings.jobs.keep_days or 0,
            events=settings.jobs.events,
            insights=worker.insights and not worker.cluster,
        ),
        task=TaskSetup(
            cpu=worker.cpu,
            memory=worker.memory,
            architecture=worker.architecture,
            spot_weight=worker.spot_weight,
            ephemeral=worker.ephemeral_storage or FREE_DISK_GIB,
        ),
        network=NetworkSetup(
            nat="none" if existing_vpc else network.nat,
            nat_type=network.nat_instance_type,
            endpoints=0 if existing_vpc else len(network.endpoints),
            public_ip=network.public_tasks,
            flow_log_days=network.flow_log_days or 0,
        ),
        wake=WakeSetup(
            keep_alive=settings.scaling.keeps_alive,
            watch=settings.scaling.watch,
            direct=settings.scaling.direct,
            tasks=sizing(settings),
            warm_hours=warm_hours(settings.scaling),
        ),
        api=ApiSetup(
            tracing=settings.api.tracing,
            firewall=settings.api.waf,
            log_days=settings.api.log_retention_days,
            rate=settings.api.rate_limit,
            burst=settings.api.burst_limit,
            daily_quota=settings.api.daily_quota,
            webhook=settings.jobs.webhook is not None,
        ),
        operator_alarm_metrics=sum(len(alarm.metrics) for alarm in monitoring.alarms(settings).values()),
        builds_image=worker.image.context is not None,
        unpriced=tuple(unpriced(settings)),
        max_body=_max_body(settings),
        seconds_per_job=settings.scaling.seconds_per_job if _by_share(settings, deployed) else None,
    )


def _max_body(settings: Settings) -> int:
    longest = settings.worker.max_body_bytes
    return min(longest, MAX_DIRECT_BODY_BYTES) if settings.scaling.direct else longest


def _by_share(settings: Settings, deployed: plan.Plan) -> bool:
    """Whether the rules count messages per task."""
    return settings.scaling.surplus or (not settings.scaling.steps and deployed.maximum > 1)


def warm_hours(scaling: Scaling) -> tuple[ScheduledAction, ...]:
    """The scheduled actions that these settings deploy."""
    return tuple(
        ScheduledAction(
            name=moments.cron,
            schedule=Schedule(expression=moments.cron, timezone=scaling.timezone),
            minimum=moments.minimum,
        )
        for moments in hours.changes(scaling)
    )


def rules(planned: plan.Plan) -> tuple[Rule, ...]:
    """The plan's rules, in the types of the scaling model."""
    return tuple(_rule(rule) for rule in planned.rules)


def _rule(planned: plan.Rule) -> Rule:
    alarm, policy = planned.alarm, planned.policy
    queries = [
        Query(id=each.id, source=messages(each.name, each.statistic) if each.of == "queue" else cpu(each.statistic))
        for each in alarm.metrics
    ]
    watched = queries[0].id
    if alarm.expression is not None:
        watched = "e"
        queries.append(Query(id=watched, source=alarm.expression))
    return Rule(
        alarm=Alarm(
            name=planned.role,
            period=alarm.period,
            evaluation_periods=alarm.evaluation_periods,
            datapoints_to_alarm=alarm.datapoints_to_alarm,
            threshold=alarm.threshold,
            comparison=alarm.comparison,
            missing=alarm.missing,
            queries=tuple(queries),
            watched=watched,
        ),
        policy=StepPolicy(
            name=planned.role,
            adjustment_type=policy.adjustment_type,
            steps=tuple(Step(each.lower, each.upper, each.change) for each in policy.steps),
            cooldown=policy.cooldown,
            aggregation=policy.aggregation,
        ),
    )
