"""`ebb dlq list | show | redrive | purge`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebb.help import Command, Group
from ebb.ops.cli.common import Json, Stack, Yes, run, show_json
from ebb.ops.cli.confirming import confirm
from ebb.ops.times import clock_time

if TYPE_CHECKING:
    from ebb.ops.dead_letters import Choice, DeadLetter, DeadLetters
    from ebb.ops.stack import Stack as DeployedStack

#: Characters of a body or an error in a list.
WIDTH = 60

dlq = typer.Typer(
    cls=Group,
    help="Dead letters: jobs that failed as often as the queue allows, or that the handler rejected.",
    no_args_is_help=True,
)
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of jobs or messages.")]
Body = Annotated[str | None, typer.Option(help="Only those whose body contains this text.")]
Error = Annotated[str | None, typer.Option(help="Only those whose error contains this text.")]
Reference = Annotated[str | None, typer.Option(help="Only those with this reference of the caller.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


@dlq.command("list", cls=Command)
def list_(
    stack: Stack,
    ids: Ids = None,
    *,
    body: Body = None,
    error: Error = None,
    reference: Reference = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number.")] = 100,
    json: Json = False,
) -> None:
    """Show the dead letters, the oldest first. Each look hides them from other looks for some seconds."""

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.dead_letters import DeadLetters, one_line  # noqa: PLC0415 — help answers without loading boto3

        letters = DeadLetters(found)
        chosen = letters.look(_choice(ids, body, error, reference), limit)
        if json:
            show_json(chosen)
        for letter in () if json else chosen:
            typer.echo(f"{letter.job}  {clock_time(letter.sent)}  {one_line(letter.body, WIDTH)}")
            if letter.error:
                typer.echo(f"    {one_line(letter.error, 2 * WIDTH)}")
        more = " Show more with --limit." if len(chosen) == limit else ""
        typer.echo(f"Shown: {len(chosen)}. In the dead-letter queue: about {letters.count()}.{more}", err=json)
        return True

    run(stack, command)


@dlq.command(cls=Command)
def show(
    stack: Stack,
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a job or a message.")],
    json: Json = False,
) -> None:
    """Show one dead letter: its body, why it failed, and when it was sent."""

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.dead_letters import Choice, DeadLetters  # noqa: PLC0415
        from ebb.ops.stack import OpsError  # noqa: PLC0415

        chosen = DeadLetters(found).look(Choice(ids=(id,)))
        if not chosen:
            raise OpsError(f"No dead letter of stack {found.name} has the id {id}: `ebb dlq list` shows them.")
        if json:
            show_json(chosen[0])
            return True
        for name, value in vars(chosen[0]).items():
            if value is not None and name != "body":
                typer.echo(f"{name.replace('_', ' ')}: {clock_time(value) if name == 'sent' else value}")
        typer.echo(chosen[0].body)
        return True

    run(stack, command)


@dlq.command(cls=Command)
def redrive(
    stack: Stack,
    ids: Ids = None,
    *,
    body: Body = None,
    error: Error = None,
    reference: Reference = None,
    all_: All = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Send dead letters to the queue again: those that you choose, or all of them. They run again from attempt 1.

    A chosen job keeps its id, and is `queued` again. With --all SQS moves the messages: a job is shown as failed until
    a worker starts it.
    """

    def act(letters: "DeadLetters", choice: "Choice", _count: int) -> int:
        if choice.everything:
            return letters.redrive_all(lambda line: typer.echo(line, err=True))
        return letters.redrive(choice)

    question = "Send {} of stack {} to the queue again?"
    _change(stack, _chosen(all_, ids, body, error, reference), question, "redriven", act, yes=yes, json=json)


@dlq.command(cls=Command)
def purge(
    stack: Stack,
    ids: Ids = None,
    *,
    body: Body = None,
    error: Error = None,
    reference: Reference = None,
    all_: All = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Delete dead letters: those that you choose, or all of them. They cannot be had back."""

    def act(letters: "DeadLetters", choice: "Choice", count: int) -> int:
        if not choice.everything:
            return letters.purge(choice)
        letters.purge_all()
        return count

    question = "Delete {} of stack {} permanently?"
    _change(stack, _chosen(all_, ids, body, error, reference), question, "deleted", act, yes=yes, json=json)


def _change(
    stack: str,
    choice: "Choice",
    question: str,
    what: str,
    act: "Callable[[DeadLetters, Choice, int], int]",
    *,
    yes: bool,
    json: bool,
) -> None:
    """Ask, act on the chosen dead letters, and say how many there were. `act` gets their number too."""

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.dead_letters import DeadLetters  # noqa: PLC0415

        letters = DeadLetters(found)
        chosen = [] if choice.everything else letters.look(choice)
        count = letters.count() if choice.everything else len(chosen)
        if count and not confirm(question.format(_jobs(count), found.name), yes):
            return False
        done = act(letters, choice, count) if count else 0
        if json:
            show_json({what: done})
        else:
            typer.echo(f"Dead letters {what}: {done}.")
        return _all_found(choice, chosen)

    run(stack, command)


def _choice(ids: list[str] | None, body: str | None, error: str | None, reference: str | None) -> "Choice":
    from ebb.ops.dead_letters import Choice  # noqa: PLC0415

    return Choice(ids=tuple(ids or ()), body=body, error=error, reference=reference)


def _chosen(all_: bool, *parts: Any) -> "Choice":
    choice = _choice(*parts)
    if choice.everything != all_:
        raise typer.BadParameter(
            "say which dead letters: ids, --body, --error or --reference, or --all without any of them."
        )
    return choice


def _all_found(choice: "Choice", chosen: "list[DeadLetter]") -> bool:
    """Whether each id of the choice is one of a chosen dead letter. The others are named."""
    found = {each for letter in chosen for each in (letter.job, letter.message_id)}
    missing = [each for each in choice.ids if each not in found]
    if missing:
        typer.echo(f"No dead letter that fits has the id {', '.join(missing)}.", err=True)
    return not missing


def _jobs(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"
