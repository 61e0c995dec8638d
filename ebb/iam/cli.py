"""`ebb policy`."""

import json
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebb.errors import finish

if TYPE_CHECKING:
    from ebb.iam.place import Place


class Role(StrEnum):
    """The roles that README creates for GitHub's workflows."""

    DEPLOYER = "deployer"
    PREVIEW = "preview"
    DRIFT = "drift"


def policy(
    *,
    stack: Annotated[str, typer.Option(help="Name of the stack; its file is Pulumi.<stack>.yaml.")],
    account: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="The account, 12 digits. Default: the only one in aws:allowedAccountIds, or the one of the "
            "stack's credentials.",
        ),
    ] = None,
    role: Annotated[
        Role,
        typer.Option(
            help="deployer: pulumi up, refresh and destroy. preview: pulumi preview; it changes nothing. drift: the "
            "same for `make drift`, which runs each night."
        ),
    ] = Role.DEPLOYER,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/REPOSITORY",
            help="Print who may take the role instead: this GitHub repository's environment with the stack's name, or "
            "its pull requests, or its branch main (drift).",
        ),
    ] = None,
    managed: Annotated[
        bool,
        typer.Option(
            "--managed",
            help="Print a list of policies, each short enough for a managed policy (6144 characters).",
        ),
    ] = False,
    bucket: Annotated[
        str | None, typer.Option(help="Bucket of Pulumi's state. Default: ebb-state-ACCOUNT, as in README.")
    ] = None,
) -> None:
    """Print the IAM policy of a role that deploys or previews a stack: what its settings need, and no more.

    It has the stack's own names, region, partition and account. Print it again when a setting changes. What a setting
    removes is deleted with the old policy, so replace that after the deployment.

    \b
    The policy of dev's deployer, as an inline policy of a role:
      ebb policy --stack dev > policy.json
      aws iam put-role-policy --role-name ebb-deploy-dev --policy-name deploy --policy-document file://policy.json
    """

    def command() -> bool:
        config, place = _configuration(stack, account)
        if trust is None:
            printed = _policy(stack, config, place, role=role, managed=managed, bucket=bucket)
        else:
            printed = _trust(trust, stack, place, role)
        typer.echo(json.dumps(printed, indent=2))
        if trust is None and role is Role.DEPLOYER:
            _say_what_is_shared(stack, config)
        return True

    finish(command)


def _configuration(stack: str, account: str | None) -> tuple[dict[str, Any], "Place"]:
    from ebb import project  # noqa: PLC0415 — help answers without loading the settings
    from ebb.iam.place import Place  # noqa: PLC0415
    from ebb.iam.stack import allowed_account, region  # noqa: PLC0415

    project.require_sections(stack)
    config = project.of_all_stacks() | project.configuration(stack)
    here = region(stack, config, os.environ)
    known = allowed_account(stack, config, account)
    if known is None:
        from ebb.ops.account import current  # noqa: PLC0415 — boto3 is loaded only where it is called

        known = current(config, here)
    return config, Place(account=known, region=here)


def _say_what_is_shared(stack: str, config: dict[str, Any]) -> None:
    import settings  # noqa: PLC0415
    from ebb.iam.names import Names  # noqa: PLC0415

    if Names(project=settings.PROJECT, stack=stack, config=config).shared_with_other_stacks("aws:sqs/queue:Queue"):
        typer.echo(
            "Note: the names in this policy do not have the stack's name. In the same account and region they fit "
            "other stacks too. To keep stacks apart, use an account for each, or set pulumi:autonaming before the "
            "first deployment, for example to the pattern ${name}-${stack}-${hex(7)}.",
            err=True,
        )


def _policy(
    stack: str, config: dict[str, Any], place: "Place", *, role: Role, managed: bool, bucket: str | None
) -> Any:
    from ebb import project  # noqa: PLC0415
    from ebb.iam import document  # noqa: PLC0415
    from ebb.iam.deployer import deployer  # noqa: PLC0415
    from ebb.iam.preview import preview  # noqa: PLC0415
    from ebb.iam.stack import configured  # noqa: PLC0415

    chosen = configured(stack, config, place, bucket=bucket, provider=project.secrets_provider(stack))
    statements = (deployer if role is Role.DEPLOYER else preview)(chosen)
    return document.managed(statements) if managed else document.inline(statements)


def _trust(repository: str, stack: str, place: "Place", role: Role) -> Any:
    from ebb.iam.trust import trust  # noqa: PLC0415

    subjects = {
        Role.DEPLOYER: f"environment:{stack}",
        Role.PREVIEW: "pull_request",
        Role.DRIFT: "ref:refs/heads/main",
    }
    return trust(repository, subjects[role], place)
