"""`ebb wake | drain | exec | cost | check | destroy-check`."""

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.ops.cli.common import Json, Stack, Yes, run, show_json
from ebb.ops.cli.confirming import confirm

if TYPE_CHECKING:
    from ebb.ops.scaling import State
    from ebb.ops.stack import Stack as DeployedStack


def wake(
    stack: Stack,
    tasks: Annotated[int, typer.Option(min=1, help="How many tasks must run or start.")] = 1,
    json: Json = False,
) -> None:
    """Start a task now, before a job waits. The scaling rules stop it again if it gets nothing to do."""

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.waking import wake as woken  # noqa: PLC0415 — help answers without loading boto3

        result = woken(found, tasks)
        if json:
            show_json(result)
        elif result.before >= tasks:
            typer.echo(f"Stack {stack} already wants {result.before} tasks; {result.running} of them run.")
        else:
            typer.echo(f"Stack {stack} wants {result.desired} tasks, {result.before} before. A start takes about 40 s.")
        return True

    run(stack, command)


def drain(
    stack: Stack,
    end: Annotated[bool, typer.Option("--end", help="Let jobs in again, and do not wait.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait at most. Default: no limit.")] = None,
    yes: Yes = False,
) -> None:
    """Let no more jobs in, and wait until all have ended: before a move, a risky change or a destroy.

    The API answers 429 to new jobs and still answers questions about jobs. Schedules of recurring jobs are disabled.
    Jobs that are sent straight to SQS, or were scheduled for later, still come in. `ebb drain --end` undoes it.
    Exits 1 if --timeout is over before.
    """

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.draining import close, reopen, wait  # noqa: PLC0415

        if end:
            doors = reopen(found)
            names = [*doors.methods, *doors.schedules]
            typer.echo(f"Stack {stack} takes jobs again ({', '.join(names) or 'nothing was closed'}).")
            return True
        if not confirm(f"Let no more jobs into stack {stack}?", yes):
            return False
        doors = close(found)
        typer.echo(
            f"Closed: {', '.join([*doors.methods, *doors.schedules])}. To undo: `ebb drain --stack {stack} --end`."
        )
        seen: list[str] = []

        def say(state: "State") -> None:
            line = f"{state.waiting + state.delayed} waiting, {state.in_flight} in flight, {state.running} tasks"
            if line not in seen[-1:]:
                seen.append(line)
                typer.echo(line)

        if wait(found, limit=timeout, say=say):
            typer.echo(f"Stack {stack} is empty: no job waits or runs. It is safe to change or destroy it.")
            return True
        typer.echo(f"Stack {stack} still has jobs or tasks after {timeout:g} seconds.", err=True)
        return False

    run(stack, command)


def exec_(
    stack: Stack,
    command: Annotated[str, typer.Argument(help="What to run in the task.")] = "/bin/sh",
    task: Annotated[str | None, typer.Option(help="The task's id. Default: the newest.")] = None,
) -> None:
    """Open a shell in a running task, by `aws ecs execute-command` (`worker.exec: true`)."""

    def act(found: "DeployedStack") -> bool:
        from ebb.ops.executing import command as line  # noqa: PLC0415
        from ebb.ops.executing import environment  # noqa: PLC0415

        words = line(found, command, task)
        # in place of this process, which Ctrl-C in the task's shell would end
        os.execvpe(words[0], words, environment(found))  # noqa: S606 - there is no shell on purpose

    run(stack, act)


def cost(stack: Stack, json: Json = False) -> None:
    """Show what the stack has cost in this month, and what the month will have cost at its end (an estimate)."""

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.cost import cost as of_stack  # noqa: PLC0415

        result = of_stack(found)
        if json:
            show_json({**vars(result), "so_far": result.so_far, "month": result.month})
            return True
        since, now = (datetime.fromtimestamp(moment, UTC) for moment in (result.since, result.now))
        typer.echo(
            f"From {since:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC, and to the end of {since:%B}, in US dollars:"
        )
        for part in sorted(result.parts, key=lambda part: -part.month):
            if part.month >= 0.005:  # half a cent
                typer.echo(f"{part.so_far:9.2f} {part.month:9.2f}  {part.name}")
        typer.echo(f"{result.so_far:9.2f} {result.month:9.2f}  total, by list prices and CloudWatch's metrics")
        typer.echo(f"Not in it: {', '.join(result.unpriced)}.")
        return True

    run(stack, command)


def check(
    stack: Stack,
    task: Annotated[bool, typer.Option("--task/--no-task", help="Whether one task shows that it can run jobs.")] = True,
    json: Json = False,
) -> None:
    """Look whether a stack is in order: service, scaling, alarms, dead letters, and one task that tries.

    The task imports the handler and asks queue, job table, secrets and task protection. It receives no job, and costs
    about a minute of one task. Exits 1 if something is not in order.
    """

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.checking import check as checked  # noqa: PLC0415

        findings = checked(found, task=task, say=lambda line: typer.echo(line, err=True))
        if json:
            show_json(findings)
        for finding in () if json else findings:
            typer.echo(f"{'ok ' if finding.ok else 'NOT'} {finding.part}: {finding.said}")
        return all(finding.ok for finding in findings)

    run(stack, command)


def destroy_check(stack: Stack, json: Json = False) -> None:
    """Show what `pulumi destroy` would lose: jobs, dead letters, results, logs, images. Exits 1 if there is any."""

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.losses import losses  # noqa: PLC0415

        lost = losses(found)
        if json:
            show_json(lost)
        elif not lost:
            typer.echo(f"`pulumi destroy --run-program` of stack {stack} would lose nothing.")
        for loss in () if json else lost:
            typer.echo(f"{loss.count} {loss.said}")
        return not lost

    run(stack, command)
