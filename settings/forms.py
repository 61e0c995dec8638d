"""The form of single values, and the words for it in errors and in docs/configuration.md."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from settings.limits import LOG_RETENTION_DAYS, MAX_SUBNET_PREFIX, MIN_VPC_PREFIX, RESERVED_NETWORKS, SUBNET_BITS
from settings.python_variables import BREAK_PYTHON

#: Variables that ECS sets in each task: the addresses of its agent and of the task role's credentials (ECS developer
#: guide, "Task metadata endpoint" and "Task IAM role"). Other values would leave the worker without either.
_OF_ECS = ("AWS_CONTAINER_", "ECS_AGENT_URI", "ECS_CONTAINER_METADATA_URI")


# The docstrings of the checks below are their words in docs/configuration.md.


def broken(rule: str) -> PydanticCustomError:
    """The error with our words for a value that breaks this rule."""
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


@dataclass(frozen=True)
class Form:
    """A pattern that a text must match, and the words for it."""

    pattern: str
    words: str

    def check(self, text: str) -> str:
        """Returns the text. Raises pydantic's error with our words."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise broken(self.words)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


def _cidr(text: str) -> str:
    """an IPv4 network from /16 to /26"""
    try:
        network = IPv4Network(text)
    except ValueError:
        network = None
    if network is None or str(network) != text:  # IPv4Network also accepts netmasks and single addresses
        raise broken("must be an IPv4 network address with its prefix, such as 10.0.0.0/16")
    largest = MAX_SUBNET_PREFIX - SUBNET_BITS
    if not MIN_VPC_PREFIX <= network.prefixlen <= largest:
        raise broken(
            f"must have a prefix from /{MIN_VPC_PREFIX} (the largest VPC) to /{largest} (room for four subnets of "
            f"/{MAX_SUBNET_PREFIX})"
        )
    if any(map(network.overlaps, RESERVED_NETWORKS)):
        raise broken("must not overlap 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 or addresses from 224.0.0.0 upwards")
    return text


def _retention(days: int) -> int:
    """a value that CloudWatch Logs supports"""
    if days not in LOG_RETENTION_DAYS:
        raise broken("must be one of CloudWatch Logs' values: " + ", ".join(map(str, LOG_RETENTION_DAYS)))
    return days


def _not_reserved(name: str) -> str:
    """no reserved name (EBB_, AWS_CONTAINER_, ECS_AGENT_URI, ECS_CONTAINER_METADATA_URI, PYTHONHOME and the like)"""
    if name.startswith("EBB_"):
        raise broken("must have another name: names that start with EBB_ are reserved for Ebb")
    if name.startswith(_OF_ECS):
        raise broken("must be removed: ECS sets this variable, and the worker gets its role's credentials by it")
    if name in BREAK_PYTHON:
        raise broken(
            "must be removed: with it Python cannot start or end the worker. Let the handler or the command set it"
        )
    return name


#: A time as Pulumi delivers it: Go's Time.String.
_GO_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} (UTC|[+-]\d{4})"


def _as_written(text: str) -> str:
    """dates and times in quotes, no NUL character"""
    if "\0" in text:
        raise broken("must not contain a NUL character: no program can be started with it")
    if re.fullmatch(_GO_TIME, text, re.ASCII):
        raise broken("must be in quotes: YAML reads a date or time without quotes, and Pulumi changes its form")
    return text


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """no duplicates"""
    if len(set(names)) < len(names):
        raise broken("must not contain duplicates")
    return names


def _timezone(name: str) -> str:
    """a time zone of the IANA database"""
    known = available_timezones()
    if known and name not in known:  # without a database on this machine, AWS checks the name
        raise broken("must be a time zone of the IANA database, such as Europe/Berlin or UTC")
    return name


_KMS_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/\S+"
_PARAMETER_ARN = r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/\S+"
_SECRETS_MANAGER_ARN = (
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^:\s]+-[A-Za-z0-9]{6}(:[^:\s]*){0,3}"
)
_CLUSTER_ARN = r"arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/"

Cidr = Annotated[str, AfterValidator(_cidr)]
RetentionDays = Annotated[int, AfterValidator(_retention)]
VpcId = Annotated[str, Form(r"vpc-[0-9a-f]+", "must be a VPC's id, such as vpc-0123456789abcdef0")]
Zone = Annotated[
    str,
    Form(
        r"[a-z]+(-[a-z]+)+-[0-9]+[a-z]|[a-z0-9]+-az[0-9]+",
        "must be an availability zone's name or id, such as us-east-1a or use1-az1",
    ),
]
SubnetId = Annotated[str, Form(r"subnet-[0-9a-f]+", "must be a subnet's id, such as subnet-0123456789abcdef0")]
SecurityGroupId = Annotated[str, Form(r"sg-[0-9a-f]+", "must be a security group's id, such as sg-0123456789abcdef0")]
InstanceType = Annotated[
    str, Form(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "must be an EC2 instance type, such as t4g.nano or t3.nano")
]
Endpoint = Literal["ecr.api", "ecr.dkr", "logs", "sqs", "ecs", "events", "ssm", "secretsmanager", "kms", "ssmmessages"]
QueueName = Annotated[
    str, Form(r"[A-Za-z0-9_-]{1,75}(\.fifo)?", "must be 1 to 75 letters, digits, - or _, and then .fifo for FIFO")
]
Kms = Annotated[str, Form(rf"none|new|{_KMS_ARN}", "must be none, new or a KMS key's ARN")]
KmsArn = Annotated[str, Form(_KMS_ARN, "must be a KMS key's ARN")]
PolicyArn = Annotated[str, Form(r"arn:aws[a-z-]*:iam::[0-9a-z]+:policy/\S+", "must be an IAM policy's ARN")]
RolePath = Annotated[str, Form(r"/|(?=.{3,512}$)/[!-~]+/", "must begin and end with /, such as /teams/video/")]
StageName = Annotated[str, Form(r"[A-Za-z0-9_-]{1,128}", "must be 1 to 128 letters, digits, - or _")]
RepositoryName = Annotated[
    str,
    Form(
        r"(?!.*\.dkr[.-])[a-z0-9]+([._/-]+[a-z0-9]+)*",
        "must be an ECR repository's name, such as team/encoder, without the registry's address",
    ),
]
Tag = Annotated[str, Form(r"\w[\w.-]{0,127}", "must be an image's tag: 1 to 128 letters, digits, _, . or -")]
Digest = Annotated[str, Form(r"sha256:[0-9a-f]{64}", "must be sha256: and 64 hexadecimal digits")]
Action = Annotated[str, Form(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", "must be an IAM action, such as s3:GetObject")]
#: IAM takes wildcards in each part but the service, and an ARN whose last parts are missing (IAM user guide, "IAM JSON
#: policy elements: Resource").
PolicyResource = Annotated[
    str, Form(r"\*|arn:[^:\s]+:[a-z0-9-]+(:.*)?", "must be an ARN, such as arn:aws:s3:::bucket/*, or *")
]
Variable = Annotated[
    str, Form(r"[A-Za-z_]\w*", "must be a variable's name: letters, digits and _"), AfterValidator(_not_reserved)
]
SecretSource = Annotated[
    str,
    Form(
        rf"{_PARAMETER_ARN}|{_SECRETS_MANAGER_ARN}|/?\w[\w./-]*",
        "must be an SSM parameter's name or ARN, or a Secrets Manager secret's full ARN (its name ends with - and six "
        "characters)",
    ),
]
SecretName = Annotated[
    str,
    Form(
        rf"/[\w./-]+|[\w/+=.@-]{{1,512}}|{_SECRETS_MANAGER_ARN}",
        "must be an SSM parameter's name (it begins with /), or a Secrets Manager secret's name or full ARN",
    ),
]
#: An API destination's endpoint has HTTPS (EventBridge user guide, "API destinations"). The sandbox also takes HTTP.
WebhookUrl = Annotated[
    str,
    Form(
        r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?|http://127\.0\.0\.1:[0-9]+(/[!-~]*)?",
        "must be an https:// URL (in the sandbox also http://127.0.0.1 with a port)",
    ),
]
#: A token of HTTP (RFC 9110, 5.6.2).
HeaderName = Annotated[str, Form(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,512}", "must be an HTTP header's name")]
ClusterName = Annotated[
    str, Form(rf"({_CLUSTER_ARN})?[A-Za-z0-9_-]{{1,255}}", "must be the name or ARN of an ECS cluster")
]
Handler = Annotated[
    str, Form(r"([A-Za-z_]\w*\.)*[A-Za-z_]\w*:[A-Za-z_]\w*", "must be module:function, such as worker.handler:handle")
]
BucketName = Annotated[
    str,
    Form(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "must be an S3 bucket's name: 3 to 63 lower-case letters, digits, - or ."
    ),
]
TimeOfDay = Annotated[str, Form(r"([01][0-9]|2[0-3]):[0-5][0-9]", "must be a time from 00:00 to 23:59, in quotes")]
Day = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
Timezone = Annotated[str, AfterValidator(_timezone)]
CostTag = Annotated[
    str, Form(r"[^$=\s][^$=]{0,127}=[^$]{1,256}", "must be a cost allocation tag, KEY=VALUE, such as Environment=prod")
]
HttpsUrl = Annotated[str, Form(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?", "must be an https:// URL")]
SlackWorkspace = Annotated[str, Form(r"T[A-Z0-9]{1,254}", "must be a Slack workspace's id, such as T0123456789")]
SlackChannel = Annotated[str, Form(r"[CG][A-Z0-9]{1,254}", "must be a Slack channel's id, such as C0123456789")]
_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
TeamsTenant = Annotated[str, Form(_GUID, "must be a GUID, the tenantId in a link to a channel")]
TeamsTeam = Annotated[str, Form(_GUID, "must be a GUID, the groupId in a link to a channel")]
#: AWS Chatbot takes the id as it is in the channel's link, with %3A and %40 (its API, TeamsChannelId).
TeamsChannel = Annotated[
    str,
    Form(
        r"[A-Za-z0-9_=+/.,-]+%3[aA][A-Za-z0-9_=+/.,-]+%40[A-Za-z0-9_=+/.,-]+",
        "must be as in the channel's link, such as 19%3Aabc%40thread.tacv2",
    ),
]
Email = Annotated[str, Form(r"[^@\s]+@[^@\s]+\.[^@\s]+", "must be an e-mail address")]
AsWritten = Annotated[str, AfterValidator(_as_written)]
Text = Annotated[str, Field(min_length=1)]
Origin = Annotated[
    str,
    Form(
        r"\*|https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?",
        "must be an origin in lower case without a path, such as https://app.example.com, or * for all",
    ),
]


def _caller(text: str) -> str:
    """a network such as 203.0.113.0/24, or a VPC endpoint's id"""
    if re.fullmatch(r"vpce-[0-9a-f]+", text, re.ASCII):
        return text
    try:
        network = str(ip_network(text))
    except ValueError:
        network = ""
    if network != text:  # ip_network also accepts netmasks and single addresses
        raise broken("must be a network address with its prefix, such as 203.0.113.0/24, or a VPC endpoint's id")
    return text


Caller = Annotated[str, AfterValidator(_caller)]
HostName = Annotated[
    str,
    Form(
        r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
        "must be a host name in lower case, such as jobs.example.com",
    ),
]
CertificateArn = Annotated[
    str, Form(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/\S+", "must be an ACM certificate's ARN")
]
ZoneId = Annotated[
    str, Form(r"[A-Z0-9]{1,32}", "must be the id of a hosted zone in Route 53, such as Z0123456789ABCDEFGHIJ")
]
ScheduleName = Annotated[str, Form(r"[A-Za-z0-9_-]{1,40}", "must be 1 to 40 letters, digits, - or _")]
#: SQS API, SendMessage, MessageGroupId.
MessageGroup = Annotated[
    str, Form(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}", "must be 1 to 128 letters, digits and punctuation characters")
]
