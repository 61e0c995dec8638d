"""Limits on the settings: AWS's quotas, each with its source, and Ebb's own."""

from ipaddress import IPv4Network

#: Days (CloudWatch Logs API, PutRetentionPolicy).
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

#: Networks that a VPC cannot have (VPC user guide, "VPC CIDR blocks").
RESERVED_NETWORKS = tuple(
    map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))
)
#: The largest VPC and the smallest subnet (VPC user guide, "VPC CIDR blocks" and "Subnet CIDR blocks").
MIN_VPC_PREFIX = 16
MAX_SUBNET_PREFIX = 28
#: A VPC is cut into four subnets: a public and a private one in each of two zones.
SUBNET_BITS = 2
ZONES = 2
#: Subnets and security groups of a service (ECS API, AwsVpcConfiguration).
MAX_SUBNETS = 16
MAX_SECURITY_GROUPS = 5

#: Seconds that SQS hides a message, counted from its receive (SQS API, ChangeMessageVisibility). A job that takes
#: longer would be delivered a second time.
MAX_VISIBILITY_SECONDS = 43_200
#: Days that SQS keeps a message (SQS API, SetQueueAttributes).
MAX_RETENTION_DAYS = 14
#: Seconds that a receive waits for a message (SQS API, ReceiveMessage).
MAX_RECEIVE_WAIT_SECONDS = 20
#: Bytes of a message (SQS developer guide, "Amazon SQS message quotas").
MAX_MESSAGE_BYTES = 1_048_576
#: Bytes of a schedule's input (EventBridge Scheduler user guide, "Quotas", "Maximum payload size"), less what the
#: queue's address, the message group and the deduplication id need.
MAX_SCHEDULED_BODY_BYTES = 256 * 1024 - 1024
#: Bytes of an S3 object that one request can upload (S3 user guide, "Uploading objects").
MAX_BODY_BYTES = 5 * 2**30

#: Bytes of a task definition (ECS developer guide, "Amazon ECS service quotas"). Ebb's own part has at least so many.
MAX_TASK_DEFINITION_BYTES = 65_536
OWN_TASK_DEFINITION_BYTES = 1_024
#: Characters of a role's inline policies, without white space (IAM user guide, "IAM and AWS STS quotas"). Ebb's own
#: part has at least so many.
MAX_ROLE_POLICY_CHARACTERS = 10_240
OWN_ROLE_POLICY_CHARACTERS = 256

#: Tasks of one service (ECS developer guide, "Amazon ECS service quotas").
MAX_TASKS = 5000
#: Seconds from SIGTERM to SIGKILL on Fargate (ECS API, ContainerDefinition, stopTimeout).
MAX_STOP_SECONDS = 120
#: Fargate's task sizes, CPU units -> MiB (ECS developer guide, "Task CPU and memory").
FARGATE_MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
#: vCPUs of Fargate tasks in one region of a new account ("Fargate On-Demand vCPU resource count", quota L-3032A538;
#: docs.aws.amazon.com/general/latest/gr/ecs-service.html). Spot has a separate quota of the same size.
NEW_ACCOUNT_VCPUS = 6

#: Tasks that one service starts within a minute ("Rate of tasks launched by a service on AWS Fargate",
#: docs.aws.amazon.com/general/latest/gr/ecs-service.html). In newer regions it is 125.
LAUNCHES_A_MINUTE = 500

#: The region of AWS Chatbot's console, and of the calls of CloudFormation. Its API is in four regions only, and a
#: configuration is of all regions (AWS Chatbot API reference, "Welcome").
CHATBOT_REGION = "us-east-2"

#: Steps of one policy (Application Auto Scaling user guide, "Quotas", "Step adjustments per step scaling policy").
MAX_STEPS = 20

#: Ebb's own: jobs at the same time in one task. Each job has its own process.
MAX_CONCURRENCY = 100
#: Ebb's own: default and maximum seconds from SIGTERM to SIGKILL of a job. Task protection outlasts the maximum.
GRACE_SECONDS = 2
MAX_GRACE_SECONDS = 50
#: Ebb's own: seconds of stop_timeout in which the worker returns the messages of the jobs that it stopped.
GIVE_BACK_SECONDS = 8
#: Ebb's own: jobs of one process.
MAX_JOBS_PER_CHILD = 1_000_000


def drain(stop_timeout: float, grace: float) -> float:
    """Seconds that a job may continue after SIGTERM; the worker uses the same formula."""
    return stop_timeout - min(grace + GIVE_BACK_SECONDS, stop_timeout / 2)


#: Maximum seconds in which a process imports the handler (our own limit).
MAX_START_TIMEOUT_SECONDS = 3600
#: Maximum visibility timeout that the worker asks for: it extends it while a job runs.
MAX_LEASE_SECONDS = 300
