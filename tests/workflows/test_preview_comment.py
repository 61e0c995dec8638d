"""What `make preview-comment` adds to a pull request's comment."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ebb import project
from ebb.forecast.load.workloads import load
from ebb.forecast.results.budgets import Budget
from ebb.forecast.results.findings import Change
from ebb.forecast.results.monte_carlo import Forecast, forecast
from tests.forecast.compare.test_revisions import ONE, WATCHED, git
from tests.forecast.examples import outcome, stack
from tools import preview_comment
from tools.preview_comment import LEFT_OUT, MAX_COMMENT, PREVIEW, comment, joined, text


@pytest.fixture(scope="module")
def found() -> Forecast:
    return forecast(stack(), load("burst:2", "30s"), lambda _: outcome(), runs=1, seed=1)


def change(before: Forecast | None, after: Forecast | None, *budgets: Budget) -> Change:
    return Change(stack="a", revision="main", before=before, after=after, differences={}, budgets=budgets)


class Github:
    """The comments of a pull request."""

    def __init__(self, *pages: list[str]) -> None:
        self.pages = [[{"id": len(body), "body": body} for body in page] for page in pages]
        self.written: list[tuple[str, str, str]] = []

    def __call__(self, method: str, path: str, fields: dict[str, str] | None) -> Any:
        if fields is None:
            return self.pages
        self.written.append((method, path, fields["body"]))
        return {}


def test_the_forecast_is_added_to_the_preview_s_comment() -> None:
    preview = f"{PREVIEW}ebb/dev\n\n+ 3 to create"
    github = Github(["a question"], [preview, "another one"])
    comment("### Forecast", "7", github)
    path = f"repos/{{owner}}/{{repo}}/issues/comments/{len(preview)}"
    assert github.written == [("PATCH", path, f"{preview}\n\n### Forecast")]


def test_without_a_preview_it_is_a_comment() -> None:
    github = Github(["a question"])
    comment("### Forecast", "7", github)
    assert github.written == [("POST", "repos/{owner}/{repo}/issues/7/comments", "### Forecast")]


def test_a_long_preview_is_cut_off_and_the_forecast_is_not() -> None:
    whole = joined(PREVIEW + "x" * MAX_COMMENT, "### Forecast")
    assert len(whole) == MAX_COMMENT
    assert whole.startswith(PREVIEW)
    assert whole.endswith(f"x{LEFT_OUT}### Forecast")


def test_only_what_changes_or_is_above_a_budget_is_shown(found: Forecast) -> None:
    over = Budget(key="idle", limit=1, value=2)
    assert text([change(found, found)]) == ""
    assert "The stack is new" in text([change(found, found), change(None, found)])
    assert "ebb:budgets.idle is exceeded" in text([change(found, found, over)])


def test_each_stack_that_is_there_now_or_was_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q")
    for name in ("same", "a", "gone"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(ONE)
    (tmp_path / "Pulumi.yaml").write_text("name: ebb")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    (tmp_path / "Pulumi.gone.yaml").unlink()
    (tmp_path / "Pulumi.a.yaml").write_text(WATCHED)
    (tmp_path / "Pulumi.new.yaml").write_text(ONE)
    monkeypatch.setattr(project, "ROOT", tmp_path)
    asked = preview_comment._request
    monkeypatch.setattr(preview_comment, "_request", lambda name, of: replace(asked(name, of), runs=1))
    found = list(preview_comment.changes("HEAD"))
    assert [each.stack for each in found] == ["a", "gone", "new", "same"]
    shown = text(found)
    assert [line for line in shown.splitlines() if line.startswith("### ")] == [
        f"### Forecast of `{name}`" for name in ("a", "gone", "new")
    ]
