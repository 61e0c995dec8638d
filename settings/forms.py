"""What one value must look like, with the words that say so."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

#: Days (CloudWatch Logs, PutRetentionPolicy).
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
#: Networks that no VPC may have (VPC user guide, "VPC CIDR blocks").
NOT_FOR_A_VPC = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")))
#: A VPC is cut into four subnets, public and private in two zones; a subnet has /28 at the longest (VPC user guide).
SUBNET_BITS, LONGEST_SUBNET_PREFIX = 2, 28
#: Parts of a variable's name that say that its value must not stand in a task definition, readable by all.
SECRET_WORDS = ("PASSWORD", "TOKEN", "SECRET")


# The rules below say in their docstrings what docs/configuration.md says of them.


def _broken(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


@dataclass(frozen=True)
class Form:
    """The form that a text must have, and that form in words."""

    pattern: str
    words: str

    def check(self, text: str) -> str:
        """The text itself. Raises pydantic's error with our words."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise _broken(self.words)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


def _cidr(text: str) -> str:
    """an IPv4 network from /16 to /26"""
    try:
        network = IPv4Network(text)
    except ValueError:
        network = None
    if network is None or str(network) != text:  # IPv4Network also takes netmasks, and addresses alone
        raise _broken("must be an IPv4 network address with its prefix, such as 10.0.0.0/16")
    longest = LONGEST_SUBNET_PREFIX - SUBNET_BITS
    if not 16 <= network.prefixlen <= longest:
        raise _broken(f"must have a prefix from /16 (AWS's largest VPC) to /{longest} (four subnets of /28 fit)")
    if any(map(network.overlaps, NOT_FOR_A_VPC)):
        raise _broken("must lie outside 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and all from 224.0.0.0 on")
    return text


def _retention(days: int) -> int:
    """one that CloudWatch Logs has"""
    if days not in RETENTION_DAYS:
        raise _broken("must be a retention that CloudWatch Logs has: " + ", ".join(map(str, RETENTION_DAYS)))
    return days


def holds_a_credential(name: str) -> bool:
    """Whether a variable of this name would hold one."""
    return any(word in name.upper() for word in SECRET_WORDS)


def plain(name: str) -> str:
    """no name of a credential"""
    if holds_a_credential(name):
        raise _broken("must not hold a credential, as its name says that it does: use secrets")
    return name


def _not_ours(name: str) -> str:
    """not beginning with EBB_"""
    if name.startswith("EBB_"):
        raise _broken("must have another name, those that start with EBB_ are Ebb's own")
    return name


def each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    """each once"""
    if len(set(names)) < len(names):
        raise _broken("must name each once")
    return names


def _timezone(name: str) -> str:
    """a time zone's name in the IANA database"""
    known = available_timezones()
    if known and name not in known:  # a machine without the database leaves it to AWS
        raise _broken("must be a time zone's name in the IANA database, such as Europe/Berlin or UTC")
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
SubnetId = Annotated[str, Form(r"subnet-[0-9a-f]+", "must be a subnet's id, such as subnet-0123456789abcdef0")]
SecurityGroupId = Annotated[str, Form(r"sg-[0-9a-f]+", "must be a security group's id, such as sg-0123456789abcdef0")]
InstanceType = Annotated[
    str, Form(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "must be an EC2 instance type, such as t4g.nano or t3.nano")
]
Endpoint = Literal["ecr.api", "ecr.dkr", "logs", "sqs", "ecs", "ssm", "secretsmanager", "kms", "ssmmessages"]
QueueName = Annotated[
    str, Form(r"[A-Za-z0-9_-]{1,75}(\.fifo)?", "must be 1 to 75 letters, digits, - or _, then .fifo if it is FIFO")
]
Kms = Annotated[str, Form(rf"none|new|{_KMS_ARN}", "must be none, new or a KMS key's ARN")]
KmsArn = Annotated[str, Form(_KMS_ARN, "must be a KMS key's ARN")]
PolicyArn = Annotated[str, Form(r"arn:aws[a-z-]*:iam::[0-9a-z]+:policy/\S+", "must be an IAM policy's ARN")]
StageName = Annotated[str, Form(r"[A-Za-z0-9_-]{1,128}", "must be 1 to 128 letters, digits, - or _")]
RepositoryName = Annotated[
    str,
    Form(
        r"(?!.*\.dkr[.-])[a-z0-9]+([._/-]+[a-z0-9]+)*",
        "must be an ECR repository's name, such as team/encoder, without its address",
    ),
]
Tag = Annotated[str, Form(r"\w[\w.-]{0,127}", "must be an image's tag: 1 to 128 letters, digits, _, . or -")]
Digest = Annotated[str, Form(r"sha256:[0-9a-f]{64}", "must be sha256: and 64 hexadecimal digits")]
Action = Annotated[str, Form(r"\*|[a-z0-9-]+:[A-Za-z0-9*]+", "must be an IAM action, such as s3:GetObject")]
Variable = Annotated[
    str, Form(r"[A-Za-z_]\w*", "must be a variable's name: letters, digits and _"), AfterValidator(_not_ours)
]
SecretSource = Annotated[
    str,
    Form(
        rf"{_PARAMETER_ARN}|{_SECRETS_MANAGER_ARN}|/?\w[\w./-]*",
        "must be an SSM parameter's name or ARN, or a Secrets Manager secret's whole ARN, whose name ends in - and six "
        "characters",
    ),
]
ClusterName = Annotated[
    str, Form(rf"({_CLUSTER_ARN})?[A-Za-z0-9_-]{{1,255}}", "must be the name or ARN of an ECS cluster")
]
Handler = Annotated[
    str, Form(r"([A-Za-z_]\w*\.)*[A-Za-z_]\w*:[A-Za-z_]\w*", "must be module:function, such as worker.handler:handle")
]
BucketName = Annotated[
    str,
    Form(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "must be an S3 bucket's name: 3 to 63 small letters, digits, - or ."),
]
TimeOfDay = Annotated[str, Form(r"([01][0-9]|2[0-3]):[0-5][0-9]", "must be a time of day, 00:00 to 23:59, in quotes")]
Day = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
Timezone = Annotated[str, AfterValidator(_timezone)]
Email = Annotated[str, Form(r"[^@\s]+@[^@\s]+\.[^@\s]+", "must be an e-mail address")]
Text = Annotated[str, Field(min_length=1)]
