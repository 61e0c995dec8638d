"""The stack: HTTP API -> queue -> 0..N tasks. Tasks start when messages wait and stop when the queue is empty."""

import pulumi

import settings
from components import holding_data
from components._account import check_location
from components.api import JobApi, JobApiArgs
from components.autoscaling import QueueScaling, QueueScalingArgs
from components.events import JobEvents, JobEventsArgs
from components.guard import QueueGuard, QueueGuardArgs
from components.image import WorkerImage, WorkerImageArgs
from components.job_workflows import JobWorkflows, JobWorkflowsArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.network import Network, NetworkArgs
from components.queue import JobQueue, JobQueueArgs
from components.recurring import RecurringJobs, RecurringJobsArgs
from components.service import WorkerService, WorkerServiceArgs
from components.table import JobTable, JobTableArgs
from components.wake import Wake, WakeArgs
from policy.dashboard import dashboard
from policy.monitoring import alarms
from policy.plan import plan
from policy.sizing import sizing
from settings.loading import load

config = load()
check_location(config)
for warning in settings.warnings(config):
    pulumi.log.warn(warning)
if config.data.protect:
    holding_data.protect()

jobs = JobQueue("jobs", JobQueueArgs(settings=config.queue, table=config.jobs.table))
queue = jobs.refs
# services of AWS may use the stack's own key, but not every existing one
own_key = queue.kms_key_arn if config.queue.kms == "new" else None

network = Network(
    "network",
    NetworkArgs(settings=config.network, dynamodb=config.jobs.table, logs_key_arn=own_key, iam=config.iam),
)

table = JobTable("job-table", JobTableArgs(kms_key_arn=queue.kms_key_arn)) if config.jobs.table else None

image = WorkerImage("image", WorkerImageArgs(settings=config.worker.image, architecture=config.worker.architecture))

worker = WorkerService(
    "worker",
    WorkerServiceArgs(
        settings=config.worker,
        jobs=config.jobs,
        iam=config.iam,
        min_tasks=config.scaling.min_tasks,
        queue=queue,
        logs_key_arn=own_key,
        table_name=table.table_name if table else None,
        table_arn=table.table_arn if table else None,
        image_uri=image.uri,
        repository_arn=image.repository_arn,
        vpc_id=network.vpc_id,
        subnet_ids=network.subnet_ids,
        security_group_ids=network.security_group_ids,
        assign_public_ip=network.assign_public_ip,
    ),
    pulumi.ResourceOptions(depends_on=[network]),  # tasks need the route to AWS when they start and when they stop
)

scaling = QueueScaling(
    "scaling",
    QueueScalingArgs(
        plan=plan(config),
        queue_name=queue.name,
        cluster_name=worker.cluster_name,
        service_name=worker.service_name,
    ),
)

wake = Wake(
    "wake",
    WakeArgs(
        settings=config.scaling,
        tasks=sizing(config),
        iam=config.iam,
        queue=queue,
        cluster_name=worker.cluster_name,
        service_name=worker.service_name,
        resource_id=scaling.resource_id,
        target_arn=scaling.target_arn,
        submits=table is None,
    ),
)

workflows = None
if table is not None:
    workflows = JobWorkflows(
        "job",
        JobWorkflowsArgs(
            settings=config.jobs,
            iam=config.iam,
            queue=queue,
            table_name=table.table_name,
            table_arn=table.table_arn,
            start_arn=wake.start_arn,
        ),
    )

api = JobApi(
    "api",
    JobApiArgs(
        settings=config.api,
        iam=config.iam,
        queue=queue,
        submit_arn=wake.submit_arn,
        jobs=workflows.refs if workflows else None,
        logs_key_arn=own_key,
    ),
)

schedules = config.queue.schedules
recurring = (
    RecurringJobs("recurring", RecurringJobsArgs(schedules=schedules, iam=config.iam, queue=queue))
    if schedules
    else None
)

webhook = config.jobs.webhook
events = JobEvents("events", JobEventsArgs(webhook=webhook, iam=config.iam, queue_name=queue.name)) if webhook else None

monitoring = Monitoring(
    "monitoring",
    MonitoringArgs(
        settings=config.monitoring,
        alarms=alarms(config),
        dashboard=dashboard(config) if config.monitoring.dashboard else None,
        queue=queue,
        kms_key_arn=own_key,
        cluster_name=worker.cluster_name,
        service_name=worker.service_name,
        api_name=api.api_name,
        stage_name=api.stage_name,
        watcher_arn=wake.watcher_arn,
        start_arn=wake.start_arn,
        release_arn=workflows.release_arn if workflows else None,
        table_name=table.table_name if table else None,
        nat_instance_id=network.nat_instance_id,
        webhook_dead_letter_name=events.dead_letter_name if events else None,
        iam=config.iam,
    ),
)

optional = [component for component in (table, workflows, recurring, events) if component]
everything = [network, jobs, *optional, image, worker, scaling, wake, api, monitoring]
QueueGuard(
    "guard",
    QueueGuardArgs(
        queue=queue,
        everything=everything,
        protect=config.data.protect,
        repository=None if config.worker.image.force_delete else image.repository_name,
        schedule_group=workflows.schedule_group if workflows else None,
        webhook_dead_letter_url=events.dead_letter_url if events else None,
    ),
)

pulumi.export("api_url", api.url)
pulumi.export("api_id", api.api_id)
pulumi.export("api_stage", config.api.stage)
pulumi.export("api_auth", config.api.auth)
if api.api_key_id is not None:
    pulumi.export("api_key_id", api.api_key_id)
pulumi.export("queue_url", queue.url)
pulumi.export("dead_letter_queue_url", queue.dead_letter_url)
if table is not None:
    pulumi.export("job_table_name", table.table_name)
pulumi.export("cluster_name", worker.cluster_name)
pulumi.export("service_name", worker.service_name)
pulumi.export("image_uri", image.uri)
pulumi.export("log_group_name", worker.log_group_name)
pulumi.export("topic_arn", monitoring.topic_arn)
pulumi.export("alarm_names", monitoring.alarm_names)
if monitoring.dashboard_url is not None:
    pulumi.export("dashboard_url", monitoring.dashboard_url)
