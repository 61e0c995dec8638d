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
_MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
#: The input of a queue that names its KMS key.
_KEY = "kmsMasterKeyId"
#: The region in a queue's URL; an emulator's has none.
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.")


#: What to do with the messages of a queue that is replaced, of the stack's own one, and of jobs that have failed.
REPLACED = "Move them to the stack's queue: `ebb move --stack {stack} {url}`."
IN_USE = "Send no more jobs, and wait until the workers have done these."
DEAD_LETTERS = "They are dead letters: look at why they failed, and save what you need."


class QueueNotEmptyError(Exception):
    """A queue that would be deleted, or lose its key, holds messages. The text is what the user reads."""


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
    """The job queue, and all other components of the stack."""

    queue: "QueueRefs"
    everything: Sequence[pulumi.Resource]


class QueueGuard(pulumi.ComponentResource):
    """What `pulumi destroy` deletes first, because it depends on all else. It fails while a queue holds messages.

    Creates nothing.
    """

    def __init__(self, name: str, args: QueueGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        def look(deleted: pulumi.ResourceHookArgs) -> None:
            queues = (deleted.old_outputs or {}).get("queues", ())
            for url, advice in zip(queues, (IN_USE, DEAD_LETTERS), strict=False):
                _look(str(url), advice)

        hook = pulumi.ResourceHook("ebb-stack-with-jobs", look, pulumi.ResourceHookOptions(on_dry_run=True))
        hooks = pulumi.ResourceHookBinding(before_delete=[hook])
        first = pulumi.ResourceOptions(depends_on=list(args.everything), hooks=hooks)
        super().__init__("ebb:index:QueueGuard", name, None, pulumi.ResourceOptions.merge(opts, first))
        self.register_outputs({"queues": [args.queue.url, args.queue.dead_letter_url]})


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
