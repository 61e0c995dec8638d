"""Pulumi's state of a stack: a bucket, and the KMS key of the secrets in it, as README creates them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ebb.iam.document import Condition, Part
from ebb.iam.names import Names
from ebb.iam.place import Place

#: The secrets provider that README chooses.
DEFAULT_PROVIDER = "awskms://alias/ebb-state?context_stack={stack}"
#: awskms://KEY?region=…&context_NAME=VALUE; a key is an id, alias/NAME or, after a third slash, an ARN (Pulumi
#: documentation, "Secrets", "AWS Key Management Service").
_PROVIDER = re.compile(r"awskms://(/(?P<arn>arn:[^?]+)|(?P<alias>alias/[^?]+)|(?P<id>[^/?]+))(\?(?P<options>.*))?")


@dataclass(frozen=True, kw_only=True)
class State:
    """The bucket, and the stack's `secretsprovider`."""

    bucket: str
    provider: str


def parts(state: State, names: Names, place: Place) -> Iterator[Part]:
    """What Pulumi reads and writes with its state in S3: objects of this stack, and no other stack's."""
    folder = f"{state.bucket}/.pulumi"
    here = f"{names.project}/{names.stack}"
    own = [f"{folder}/stacks/{here}.json", f"{folder}/stacks/{here}.pulumi-tags"]
    written = [*own, f"{own[0]}.bak", f"{folder}/*/{here}/*"]
    yield Part(sid="State", read=("s3:ListBucket",), resources=(place.bucket(state.bucket),))
    yield Part(
        sid="StateRead", read=("s3:GetObject",), resources=tuple(map(place.bucket, (f"{folder}/meta.yaml", *own)))
    )
    yield Part(
        sid="StateWrite",
        change=("s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
        resources=tuple(map(place.bucket, written)),
    )
    if match := _PROVIDER.fullmatch(state.provider):
        key, condition = _key(match, place)
        yield Part(sid="StateSecrets", read=("kms:Decrypt",), resources=(key,), condition=condition)


def _key(match: re.Match[str], place: Place) -> tuple[str, Condition]:
    """The key's ARN, and the condition that the secrets are this stack's."""
    options = dict(option.partition("=")[::2] for option in (match["options"] or "").split("&"))
    region = options.get("region", place.region)
    context = {
        f"kms:EncryptionContext:{name.removeprefix('context_')}": value
        for name, value in options.items()
        if name.startswith("context_")
    }
    condition: dict[str, dict[str, str]] = {"StringEquals": context} if context else {}
    arn = match["arn"] or f"arn:{place.partition}:kms:{region}:{place.account}:{match['alias'] or 'key/' + match['id']}"
    start, slash, alias = arn.partition(":alias/")
    if not slash:
        return arn, condition
    # a ciphertext names the key, not the alias
    return f"{start}:key/*", {"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{alias}"}, **condition}
