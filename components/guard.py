"""A queue that holds messages is not deleted, and keeps its KMS key: hooks of the Pulumi engine count them first.

docs/adr/0007-a-queue-with-jobs-is-not-deleted.md says why. The hooks of a deletion need the program, so `pulumi
destroy` needs `--run-program`.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from botocore.exceptions import BotoCoreError, ClientError

from components import aws_clients
from components._queue_refs import QueueRefs
from components.aws_clients import Clients

_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_MISSING = {
    *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    *("RepositoryNotFoundException", "ResourceNotFoundException"),
}
#: The input of a queue that names its KMS key.
_KEY = "kmsMasterKeyId"
#: The region in a queue's URL; an emulator's has none.
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.")


#: What to do with the messages of a queue that is replaced, of the stack's own one, and of jobs that have failed.
REPLACED = "Move them to the stack's queue: `ebb move --stack {stack} {url}`."
IN_USE = "Send no more jobs, and wait until the workers have done these."
DEAD_LETTERS = "They are dead letters: look at why they failed, and save what you need."
#: A stack of which nothing is deleted.
PROTECTED = (
    "ebb:data.protect is true, so nothing is deleted. To delete the stack, run `pulumi config set --path "
    "ebb:data.protect false` and `pulumi up`. Then run this command again."
)


class QueueNotEmptyError(Exception):
    """A queue that would be deleted, or lose its key, holds messages. The text is what the user reads."""


class DataKeptError(Exception):
    """A stack that would be deleted holds data that is kept. The text is what the user reads."""


class KeyInUseError(Exception):
    """A key that would be deleted encrypts the queue. The text is what the user reads."""


def keep_with_messages() -> pulumi.ResourceHookBinding:
    """The hooks of a queue: it is deleted, and leaves its key, only if it holds no message. A preview warns."""

    def deleted(args: pulumi.ResourceHookArgs) -> None:
        _look(_url(args), dead_letters_or(REPLACED, args.name))

    def updated(args: pulumi.ResourceHookArgs) -> None:
        if leaves_key(args.old_inputs or {}, args.new_inputs or {}):
            _look(_url(args), dead_letters_or(IN_USE, args.name), kept="its key")

    return pulumi.ResourceHookBinding(
        before_delete=[_hook("ebb-queue-with-jobs", deleted)],
        before_update=[_hook("ebb-queue-with-jobs-and-key", updated)],
    )


def keep_own_key(kms: str) -> pulumi.ResourceHookBinding:
    """The hook of the key that `kms: new` made: it is not deleted if this value of `queue.kms` names it."""

    def deleted(args: pulumi.ResourceHookArgs) -> None:
        if (args.old_outputs or {}).get("arn") == kms:
            raise KeyInUseError(
                f"queue.kms names a key that this stack has made, {kms}. Without `kms: new` the stack would delete it. "
                "So it is kept. Write `kms: new` again, or name another key."
            )

    return pulumi.ResourceHookBinding(before_delete=[_hook("ebb-key-in-use", deleted)])


def leaves_key(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a queue with these inputs gets another KMS key, or none. Its messages stay under the old one."""
    return bool(old.get(_KEY)) and old[_KEY] != new.get(_KEY)


def _hook(name: str, look: Callable[[pulumi.ResourceHookArgs], None]) -> pulumi.ResourceHook:
    """A hook that only warns in a preview."""

    def run(args: pulumi.ResourceHookArgs) -> None:
        try:
            look(args)
        except (QueueNotEmptyError, KeyInUseError) as error:
            if not pulumi.runtime.is_dry_run():
                raise
            pulumi.log.warn(str(error))

    return pulumi.ResourceHook(name, run, pulumi.ResourceHookOptions(on_dry_run=True))


def _url(args: pulumi.ResourceHookArgs) -> str:
    return str((args.old_outputs or {})["url"])


@dataclass(frozen=True, kw_only=True)
class QueueGuardArgs:
    """The job queue, what else may keep the stack from being deleted, and all other components of the stack."""

    queue: "QueueRefs"
    everything: Sequence[pulumi.Resource]
    #: The setting `data.protect`.
    protect: bool = False
    #: The repository that is deleted only if it has no image; None if there is none.
    repository: pulumi.Input[str] | None = None
    #: The group of the schedules of jobs; None without a job table.
    schedule_group: pulumi.Input[str] | None = None
    #: The queue of events that the webhook did not take; None without a webhook.
    webhook_dead_letter_url: pulumi.Input[str] | None = None


class QueueGuard(pulumi.ComponentResource):
    """What `pulumi destroy` deletes first, because it depends on all else. It fails while the stack holds jobs.

    Also while its data is protected, and while AWS would refuse to delete the repository after all else is deleted.
    Creates nothing.
    """

    def __init__(self, name: str, args: QueueGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        def look(deleted: pulumi.ResourceHookArgs) -> None:
            _look_at_all(deleted.old_outputs or {})

        hook = pulumi.ResourceHook("ebb-stack-with-jobs", look, pulumi.ResourceHookOptions(on_dry_run=True))
        hooks = pulumi.ResourceHookBinding(before_delete=[hook])
        first = pulumi.ResourceOptions(depends_on=list(args.everything), hooks=hooks)
        super().__init__("ebb:index:QueueGuard", name, None, pulumi.ResourceOptions.merge(opts, first))
        dead = [args.queue.dead_letter_url, args.webhook_dead_letter_url]
        self.register_outputs(
            {
                "queues": [args.queue.url, *(url for url in dead if url is not None)],
                "protect": args.protect,
                "repository": args.repository,
                "schedule_group": args.schedule_group,
            }
        )


def _look_at_all(outputs: Mapping[str, Any]) -> None:
    """Raises an error with the reason for which the stack with these outputs of its guard is not deleted."""
    if outputs.get("protect"):
        raise DataKeptError(PROTECTED)
    advices = (IN_USE, DEAD_LETTERS, DEAD_LETTERS)
    for url, advice in zip(outputs.get("queues", ()), advices, strict=False):
        _look(str(url), advice)
    if group := outputs.get("schedule_group"):
        refuse_scheduled(str(group), clients())
    if repository := outputs.get("repository"):
        refuse_images(str(repository), clients())


def refuse_scheduled(group: str, client: Clients) -> None:
    """Raises DataKeptError if the group has a schedule of a job, or if that is unknown: it would be deleted too."""
    try:
        found = client("scheduler").list_schedules(GroupName=group, MaxResults=1)["Schedules"]
    except (BotoCoreError, ClientError, OSError) as error:
        if _is_missing(error):
            return
        raise DataKeptError(
            f"Whether jobs are scheduled in the group {group} is unknown ({error}), so nothing is deleted. Run this "
            "command with credentials that may call scheduler:ListSchedules."
        ) from None
    if found:
        raise DataKeptError(
            f"Jobs are scheduled for later, in the schedule group {group}, so nothing is deleted. Wait for them or "
            f"cancel them by the API. Or delete them: `aws scheduler delete-schedule-group --name {group}`. Then run "
            "this command again."
        )


def refuse_images(repository: str, client: Clients) -> None:
    """Raises DataKeptError if the repository has an image, or if that is unknown: ECR would refuse to delete it."""
    try:
        found = client("ecr").list_images(repositoryName=repository, maxResults=1)["imageIds"]
    except (BotoCoreError, ClientError, OSError) as error:
        if _is_missing(error):
            return
        raise DataKeptError(
            f"Whether repository {repository} holds images is unknown ({error}), so nothing is deleted. Run this "
            "command with credentials that may call ecr:ListImages."
        ) from None
    if found:
        raise DataKeptError(
            f"Repository {repository} holds images, and ECR deletes only an empty one, so nothing is deleted. To "
            "delete it with its images, set `force_delete: true` in ebb:worker.image and run `pulumi up`. Then run "
            "this command again."
        )


def _is_missing(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"].get("Code") in _MISSING


def dead_letters_or(advice: str, name: str) -> str:
    """The advice for the queue that has this name in the program."""
    return DEAD_LETTERS if name.endswith("-dead-letter") else advice


def clients(region: str | None = None) -> Clients:
    """The clients of the stack's provider in this region, or in the stack's."""
    provider = pulumi.Config("aws")
    return aws_clients.clients({key: provider.get(key) for key in aws_clients.KEYS}, region)


def refuse(url: str, client: Clients, stack: str, advice: str, *, kept: str = "it") -> None:
    """Raises QueueNotEmptyError if the queue holds messages, or if the number is unknown. `kept`: what is kept then."""
    name = url.rpartition("/")[2]
    try:
        held = _messages(url, client)
    except (BotoCoreError, ClientError, ValueError, OSError) as error:
        raise QueueNotEmptyError(
            f"Whether queue {name} holds jobs is unknown ({error}), so {kept} is kept. Run this command with "
            "credentials that may call sqs:GetQueueAttributes."
        ) from None
    if held:
        raise QueueNotEmptyError(
            f"Queue {name} holds {held} {'job' if held == 1 else 'jobs'}, so {kept} is kept. "
            f"{advice.format(stack=stack, url=url)} Or delete them: `aws sqs purge-queue --queue-url {url}`. Then run "
            "this command again."
        )


def _look(url: str, advice: str, *, kept: str = "it") -> None:
    match = _REGION.match(url)
    made = functools.cache(functools.partial(clients, match[1] if match else None))

    def client(service: str) -> Any:
        return made()(service)

    refuse(url, client, pulumi.get_stack(), advice, kept=kept)


def _messages(url: str, client: Clients) -> int:
    try:
        counts = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
    except ClientError as error:
        if error.response["Error"].get("Code") not in _MISSING:
            raise
        # to another account SQS says the same of a queue that exists
        account, own = url.split("/")[-2], client("sts").get_caller_identity()["Account"]
        if account != own:
            raise ValueError(f"it is in account {account}, and the credentials are of account {own}") from None
        return 0
    return sum(int(counts[name]) for name in _COUNTS)
