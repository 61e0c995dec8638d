"""Adds the forecasts that a pull request changes to the comment with its preview, and fails above a budget.

`python -m tools.preview_comment HEAD^1` in the preview workflow: it compares the stack files with those of a revision,
and prints the same text. Without PULL_REQUEST it only prints. It calls GitHub's API through `gh`.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ebb import project
from ebb.errors import UserError
from ebb.forecast.calibrate import calibration
from ebb.forecast.pipeline import compared, stack_load
from ebb.forecast.report.budgets import kept
from ebb.forecast.report.changes import markdown, state
from ebb.forecast.results.findings import Change
from ebb.forecast.run import Request
from ebb.forecast.scenario import stack
from ebb.forecast.scenario.revision import stacks_at

#: How pulumi/actions begins its comment, which it replaces at the next push.
PREVIEW = "#### :tropical_drink: `preview` on "
#: Characters of a comment (GitHub's API answers 422 to more).
MAX_COMMENT = 65_536
#: In place of the end of a long preview, whose tags it closes.
LEFT_OUT = "\n</pre></details>\n\n(The end of the preview is left out: a comment has at most 65,536 characters.)\n\n"

#: Calls GitHub's API: method, path, and the body's fields. Returns the answer.
Api = Callable[[str, str, dict[str, str] | None], Any]


def changes(revision: str) -> Iterator[Change]:
    """The comparison of each stack that has a file now or at the revision. Raises UserError."""
    for name in sorted({*project.stacks(), *stacks_at(revision)}):
        yield compared(name, revision, partial(_request, name), lambda _name, _done, _of: None)


def _request(name: str, of: str) -> Request:
    folder, _ = stack.find(of)
    measured, sentence = calibration.assumptions(name)
    load = stack_load(stack.read(name, folder), None, None)
    return Request(stack=of, load=load, assumptions=measured, calibration=sentence)


def text(found: list[Change]) -> str:
    """The Markdown of those whose forecast changed, or is above a budget; empty without any."""
    shown = [each for each in found if state(each) != "unchanged" or any(budget.exceeded for budget in each.budgets)]
    return "\n".join(map(markdown, shown))


def comment(added: str, pull_request: str, api: Api) -> None:
    """Add the text to the preview's comment, or write a comment if there is none."""
    path = f"repos/{{owner}}/{{repo}}/issues/{pull_request}/comments"
    pages = api("GET", f"{path}?per_page=100", None)
    found = [each for page in pages for each in page if each["body"].startswith(PREVIEW)]
    if not found:
        api("POST", path, {"body": added[:MAX_COMMENT]})
        return
    api(
        "PATCH",
        f"repos/{{owner}}/{{repo}}/issues/comments/{found[0]['id']}",
        {"body": joined(found[0]["body"], added)},
    )


def joined(preview: str, added: str) -> str:
    """Both, within GitHub's limit: the preview is cut off if need be."""
    whole = f"{preview}\n\n{added}"
    if len(whole) <= MAX_COMMENT:
        return whole
    room = MAX_COMMENT - len(LEFT_OUT) - len(added)
    return f"{preview[: max(0, room)]}{LEFT_OUT}{added}"[:MAX_COMMENT]


def _gh(method: str, path: str, fields: dict[str, str] | None) -> Any:
    """GitHub's answer; of a list, all pages. Raises subprocess.CalledProcessError."""
    more = ["--paginate", "--slurp"] if fields is None else ["--input", "-"]
    done = subprocess.run(
        ["gh", "api", "--method", method, path, *more],  # noqa: S607 - the runner's
        input=json.dumps(fields),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main(arguments: list[str]) -> int:
    """Returns 1 above a budget."""
    parser = argparse.ArgumentParser(prog="python -m tools.preview_comment", description=__doc__)
    parser.add_argument("revision", help="what the stack files are compared with")
    try:
        found = list(changes(parser.parse_args(arguments).revision))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    added = text(found)
    print(added or "No stack's forecast changes.")
    pull_request = os.environ.get("PULL_REQUEST")
    if added and pull_request:
        comment(added, pull_request, _gh)
    exceeded = [each for each in found if not kept(each.budgets)]
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
