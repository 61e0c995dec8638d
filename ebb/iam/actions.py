"""What a stack's resources need, component by component: the actions of Pulumi's AWS provider on them."""

from collections.abc import Iterator

from ebb.iam import jobs, monitoring, network, roles, state
from ebb.iam.document import ANY, Part
from ebb.iam.stack import Stack

_QUEUE = "aws:sqs/queue:Queue"
_LOGS = "aws:cloudwatch/logGroup:LogGroup"
_CLUSTER, _SERVICE = "aws:ecs/cluster:Cluster", "aws:ecs/service:Service"
_REPOSITORY = "aws:ecr/repository:Repository"
_ACL = "aws:wafv2/webAcl:WebAcl"
_SCHEDULE, _MACHINE = "aws:scheduler/schedule:Schedule", "aws:sfn/stateMachine:StateMachine"


def parts(stack: Stack) -> Iterator[Part]:
    """Every part of a stack."""
    yield from state.parts(stack.state, stack.names, stack.place)
    yield from network.parts(stack)
    yield from _queue(stack)
    yield from jobs.parts(stack)
    yield from _api(stack)
    yield from _image(stack)
    yield from _service(stack)
    yield from _scaling(stack)
    yield from _wake(stack)
    yield from monitoring.parts(stack)
    yield from roles.parts(stack)


def _queue(stack: Stack) -> Iterator[Part]:
    queue, place = stack.settings.queue, stack.place
    dead, *own = stack.names.of(_QUEUE, "jobs-dead-letter", *(() if queue.name else ("jobs",)))
    events = stack.names.of(_QUEUE, "events-dead-letter") if stack.settings.jobs.webhook else ()
    if queue.fifo:  # the provider appends .fifo to the names that it makes
        dead, own = f"{dead.rstrip('*')}*", [f"{name.rstrip('*')}*" for name in own]
    yield Part(
        sid="Queues",
        # the counts also show whether a queue that would be deleted holds jobs
        read=("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"),
        change=("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"),
        resources=tuple(place.arn("sqs", name) for name in (*([queue.name] if queue.name else own), dead, *events)),
    )
    if queue.kms == "new":
        yield Part(sid="NewKey", read=("kms:ListAliases",), change=("kms:CreateKey",), resources=ANY)
        yield Part(
            sid="Keys",
            read=("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"),
            change=(
                *("kms:CreateAlias", "kms:DeleteAlias", "kms:DisableKeyRotation", "kms:EnableKeyRotation"),
                *("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource"),
                *("kms:UpdateAlias", "kms:UpdateKeyDescription"),
            ),
            # Pulumi does not name aliases with a prefix, so pulumi:autonaming does not change them
            resources=(place.arn("kms", "key/*"), place.arn("kms", "alias/jobs-*")),
        )


def _api(stack: Stack) -> Iterator[Part]:
    api, place = stack.settings.api, stack.place
    # permissions of API Gateway are HTTP verbs on paths; ids are not known before
    changes = tuple(f"apigateway:{verb}" for verb in ("DELETE", "PATCH", "POST", "PUT"))
    paths = ["restapis", "restapis/*", "tags/*", *(["account"] if api.account_log_role == "create" else [])]
    yield Part(
        sid="Api",
        read=("apigateway:GET",),
        # a resource policy needs its own permission (Service authorization reference, "API Gateway Management")
        change=(*changes, "apigateway:UpdateRestApiPolicy"),
        resources=tuple(place.public("apigateway", f"/{path}") for path in paths),
    )
    if api.domain:
        paths = ["domainnames", f"domainnames/{api.domain.name}", f"domainnames/{api.domain.name}/*"]
        yield Part(
            sid="Domain",
            read=("apigateway:GET",),
            change=changes,
            resources=tuple(place.public("apigateway", f"/{path}") for path in paths),
        )
        yield Part(
            sid="Record",
            read=("route53:ListResourceRecordSets", "route53:GetHostedZone"),
            change=("route53:ChangeResourceRecordSets",),
            resources=(f"arn:{place.partition}:route53:::hostedzone/{api.domain.zone_id}",),
        )
        yield Part(sid="RecordChange", change=("route53:GetChange",), resources=ANY)
    if api.waf:
        yield from _firewall(stack)
    if api.auth == "api_key":
        paths = ["apikeys", "apikeys/*", "usageplans", "usageplans/*"]
        yield Part(
            sid="ApiKeys",
            # the permission to read a key's description is the one to read its value, so a preview has none
            change=("apigateway:GET", *changes),
            resources=tuple(place.public("apigateway", f"/{path}") for path in paths),
        )


def _firewall(stack: Stack) -> Iterator[Part]:
    place = stack.place
    acls = tuple(place.arn("wafv2", f"regional/webacl/{name}/*") for name in stack.names.of(_ACL, "api"))
    stages = place.public("apigateway", "/restapis/*/stages/*")
    rules = f"arn:{place.partition}:wafv2:{place.region}:{place.account}:regional/managedruleset/*/*"
    yield Part(
        sid="Firewall",
        read=("wafv2:GetWebACL", "wafv2:ListTagsForResource"),
        change=(
            *("wafv2:CreateWebACL", "wafv2:DeleteWebACL", "wafv2:TagResource", "wafv2:UntagResource"),
            "wafv2:UpdateWebACL",
        ),
        resources=(*acls, rules),
    )
    yield Part(
        sid="Protected",
        read=("wafv2:GetWebACLForResource",),
        change=("apigateway:SetWebACL", "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"),
        resources=(*acls, stages),
    )


def _image(stack: Stack) -> Iterator[Part]:
    image, place = stack.settings.worker.image, stack.place
    if image.context is None:
        yield Part(
            sid="ExistingImage",
            read=("ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListTagsForResource"),
            resources=(place.arn("ecr", f"repository/{image.repository}"),),
        )
        return
    yield Part(sid="Login", read=("ecr:GetAuthorizationToken",), resources=ANY)
    yield Part(
        sid="Image",
        # a preview builds the image, from the layers of the last one
        read=(
            *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories"),
            *("ecr:GetDownloadUrlForLayer", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"),
        ),
        change=(
            *("ecr:BatchDeleteImage", "ecr:CompleteLayerUpload", "ecr:CreateRepository", "ecr:DeleteLifecyclePolicy"),
            *("ecr:DeleteRepository", "ecr:InitiateLayerUpload", "ecr:ListImages", "ecr:PutImage"),
            *("ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy"),
            *("ecr:TagResource", "ecr:UntagResource", "ecr:UploadLayerPart"),
        ),
        # names of repositories are lower-case
        resources=tuple(
            place.arn("ecr", f"repository/{name.lower()}") for name in stack.names.of(_REPOSITORY, "image")
        ),
    )


def _service(stack: Stack) -> Iterator[Part]:
    place, existing = stack.place, stack.settings.worker.cluster
    (cluster,) = [existing.rpartition("/")[2]] if existing else stack.names.of(_CLUSTER, "worker")
    (service,) = stack.names.of(_SERVICE, "worker")
    (logs,) = stack.names.of(_LOGS, "worker")
    yield Part(
        sid="Definitions",
        read=("ecs:DescribeTaskDefinition",),
        change=("ecs:DeregisterTaskDefinition",),
        resources=ANY,
    )
    if existing:
        yield Part(sid="Cluster", read=("ecs:DescribeClusters",), resources=(place.arn("ecs", f"cluster/{cluster}"),))
    yield Part(
        sid="Service",
        read=(
            *("ecs:DescribeServices", "ecs:ListTagsForResource"),
            *(() if existing else ("ecs:DescribeClusters",)),
        ),
        change=(
            *("ecs:CreateService", "ecs:DeleteService", "ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments"),
            *("ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:UntagResource", "ecs:UpdateService"),
            *(() if existing else ("ecs:CreateCluster", "ecs:DeleteCluster", "ecs:PutClusterCapacityProviders")),
            *(() if existing else ("ecs:UpdateCluster",)),
        ),
        resources=tuple(
            place.arn("ecs", path)
            for path in (
                *(() if existing else (f"cluster/{cluster}",)),
                f"service/{cluster}/{service}",
                f"service-deployment/{cluster}/{service}",
                f"task-definition/{logs}:*",  # the family has the log group's name
            )
        ),
    )
    if stack.settings.worker.check:
        yield Part(
            sid="Check",
            change=("ecs:DescribeTasks", "ecs:RunTask", "ecs:StopTask"),
            resources=(place.arn("ecs", f"task-definition/{logs}:*"), place.arn("ecs", f"task/{cluster}/*")),
        )
        yield Part(sid="CheckLog", change=("logs:GetLogEvents",), resources=(place.arn("logs", f"log-group:{logs}:*"),))
    flow_log = ("network-flow",) if stack.settings.network.flow_log_days is not None else ()
    groups = stack.names.of(_LOGS, "worker", "api-access", *flow_log)
    if stack.settings.api.execution_log != "OFF":
        groups = (*groups, "API-Gateway-Execution-Logs_*")  # with the id of the API
    yield Part(sid="LogGroups", read=("logs:DescribeLogGroups",), resources=ANY)
    yield Part(
        sid="Logs",
        read=("logs:ListTagsForResource",),
        change=(
            *("logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy"),
            *("logs:TagResource", "logs:UntagResource"),
            *(("logs:AssociateKmsKey", "logs:DisassociateKmsKey") if stack.settings.queue.kms == "new" else ()),
        ),
        resources=tuple(place.arn("logs", f"log-group:{name}{end}") for name in groups for end in ("", ":*")),
    )


def _scaling(stack: Stack) -> Iterator[Part]:
    prefix = "application-autoscaling"
    described = ("DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScheduledActions")
    changed = (
        *("DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy", "RegisterScalableTarget"),
        *("TagResource", "UntagResource"),
        *(("DeleteScheduledAction", "PutScheduledAction") if stack.settings.scaling.warm_hours else ()),
    )
    yield Part(sid="Targets", read=tuple(f"{prefix}:{name}" for name in described), resources=ANY)
    yield Part(
        sid="Scaling",
        read=(f"{prefix}:ListTagsForResource",),
        change=tuple(f"{prefix}:{name}" for name in changed),
        resources=(stack.place.arn(prefix, "scalable-target/*"),),  # AWS chooses the ids
    )


def _wake(stack: Stack) -> Iterator[Part]:
    scaling, place = stack.settings.scaling, stack.place
    schedules = [f"recurring-{schedule.name}" for schedule in stack.settings.queue.schedules]
    if scaling.keeps_alive:
        schedules.append("wake-keep-alive")
    if scaling.watches:
        schedules.append("wake-watch-*" if scaling.warm_hours else "wake-watch")
    if schedules:
        names = stack.names.of(_SCHEDULE, *schedules)
        yield Part(
            sid="Schedules",
            read=("scheduler:GetSchedule",),
            change=("scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule"),
            resources=tuple(place.arn("scheduler", f"schedule/default/{name}") for name in names),
        )
    workflows = ["wake-watcher"] if scaling.watches else []
    if scaling.direct:
        workflows.append("wake-start")
    if stack.settings.jobs.table:
        workflows += ["job-submit", "job-batch", "job-release", "job-cancel"]
    elif scaling.direct:
        workflows.append("wake-submit")
    if workflows:
        names = stack.names.of(_MACHINE, *workflows)
        yield Part(sid="Definition", read=("states:ValidateStateMachineDefinition",), resources=ANY)
        yield Part(
            sid="Workflows",
            read=("states:DescribeStateMachine", "states:ListStateMachineVersions", "states:ListTagsForResource"),
            change=(
                *("states:CreateStateMachine", "states:DeleteStateMachine", "states:TagResource"),
                *("states:UntagResource", "states:UpdateStateMachine"),
            ),
            resources=tuple(place.arn("states", f"stateMachine:{name}") for name in names),
        )
