"""Rules between the settings' ARNs and the place where the stack is deployed."""

from collections.abc import Iterator
from dataclasses import dataclass

from settings.rules import Breach
from settings.sections import Settings


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a stack is deployed: partition (such as `aws` or `aws-cn`), region and account."""

    partition: str
    region: str
    account: str


@dataclass(frozen=True, kw_only=True)
class _Arn:
    field: str
    text: str

    def part(self, place: int) -> str:
        return self.text.split(":")[place]

    def elsewhere(self, what: str, place: int, here: str) -> Iterator[Breach]:
        """The breach if this part of the ARN is not the stack's."""
        if self.part(place) != here:
            rule = f"must be of the stack's {what}, which is {here}, not of {self.part(place) or 'none'}"
            yield (self.field,), rule, self.text


def misplaced(settings: Settings, here: Location) -> Iterator[Breach]:
    """Every ARN that AWS would refuse, or never find, from this location."""
    for arn in _arns(settings):
        yield from arn.elsewhere("partition", 1, here.partition)
    key = settings.queue.kms
    if key.startswith("arn:"):  # SQS looks for the key in its own region, and not before the first message
        yield from _Arn(field="queue.kms", text=key).elsewhere("region", 3, here.region)
    if settings.api.domain:
        certificate = _Arn(field="api.domain.certificate_arn", text=settings.api.domain.certificate_arn)
        yield from certificate.elsewhere("region", 3, here.region)
        yield from certificate.elsewhere("account", 4, here.account)
    yield from _misplaced_secrets(settings, here)
    cluster = settings.worker.cluster or ""
    if cluster.startswith("arn:"):
        yield from _Arn(field="worker.cluster", text=cluster).elsewhere("region", 3, here.region)
        yield from _Arn(field="worker.cluster", text=cluster).elsewhere("account", 4, here.account)
    chatbot = settings.monitoring.chatbot
    if chatbot and here.partition != "aws":  # the ARNs of its API (AWS Chatbot API, CreateSlackChannelConfiguration)
        rule = f"AWS Chatbot is not in the partition {here.partition}: use emails or urls"
        yield ("monitoring.chatbot",), rule, chatbot.model_dump(exclude_none=True)
    boundary = settings.iam.permissions_boundary
    if boundary and ":iam::aws:" not in boundary:
        yield from _Arn(field="iam.permissions_boundary", text=boundary).elsewhere("account", 4, here.account)


def _arns(settings: Settings) -> Iterator[_Arn]:
    worker = settings.worker
    named = {
        "queue.kms": settings.queue.kms,
        "api.domain.certificate_arn": settings.api.domain.certificate_arn if settings.api.domain else None,
        "jobs.webhook.secret": settings.jobs.webhook.secret if settings.jobs.webhook else None,
        "worker.secrets_kms_key": worker.secrets_kms_key,
        "worker.cluster": worker.cluster,
        "iam.permissions_boundary": settings.iam.permissions_boundary,
        **{f"worker.secrets.{name}": source for name, source in sorted(worker.secrets.items())},
        **{
            f"worker.statements.{number}.resources.{place}": resource
            for number, statement in enumerate(worker.statements)
            for place, resource in enumerate(statement.resources)
        },
    }
    for field, text in named.items():
        # IAM's resources may have wildcards in each part
        if text and text.startswith("arn:") and text.count(":") > 1 and not set("*?$") & set(text.split(":")[1]):
            yield _Arn(field=field, text=text)


def _misplaced_secrets(settings: Settings, here: Location) -> Iterator[Breach]:
    """Parameters and secrets can be in other regions (ECS developer guide, "Pass sensitive data"); a key cannot."""
    worker = settings.worker
    regions = {
        name: source.split(":")[3] if source.startswith("arn:") else here.region
        for name, source in sorted(worker.secrets.items())
    }
    if not settings.network.reaches_internet:
        for name, region in regions.items():
            if region != here.region:
                rule = f"interface endpoints reach the stack's region only, which is {here.region}: set nat"
                yield (f"worker.secrets.{name}",), rule, worker.secrets[name]
    key = worker.secrets_kms_key
    for name, source in sorted(worker.secrets.items()):
        # its default key decrypts nothing for another account (Secrets Manager user guide, "Access secrets from a
        # different account")
        if ":secretsmanager:" in source and source.split(":")[4] != here.account and not key:
            rule = f"is of another account than the stack's, which is {here.account}: set secrets_kms_key to its key"
            yield (f"worker.secrets.{name}",), rule, source
    if key and regions and key.split(":")[3] not in regions.values():
        rule = f"must be of the secrets' region, which is {', '.join(sorted(set(regions.values())))}"
        yield ("worker.secrets_kms_key",), f"{rule}, not of {key.split(':')[3]}", key
