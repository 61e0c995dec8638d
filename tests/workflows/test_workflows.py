"""The workflows: what they run, with which rights, and that what they run is what a developer runs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.release_notes import notes

ROOT = Path(__file__).parents[2]
#: The product's workflows. Others are the user's.
FILES = [ROOT / f".github/workflows/{name}.yml" for name in ("tests", "preview", "drift", "deploy", "release")]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
#: YAML 1.1 reads the key `on` as true.
ON: Any = True


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, workflow in WORKFLOWS.items():
        for job in workflow["jobs"].values():
            for step in job.get("steps", []):
                yield name, step


def uses(workflow: str, action: str) -> dict[str, Any]:
    (step,) = (step for name, step in steps() if name == workflow and step.get("uses", "").startswith(f"{action}@"))
    found: dict[str, Any] = step.get("with", {})
    return found


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_each_action_is_pinned_by_commit_with_its_version_as_a_comment() -> None:
    lines = [
        line for path in FILES for line in path.read_text().splitlines() if "uses:" in line and "uses: ./" not in line
    ]
    pins: dict[str, set[str]] = {}
    for line in lines:
        found = re.fullmatch(r" +- uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", line)
        assert found, line
        pins.setdefault(found[1], set()).add(found[2])
    assert len(pins) == 8
    assert {action: len(commits) for action, commits in pins.items()} == dict.fromkeys(pins, 1)


def test_each_run_line_is_a_make_target_except_in_the_release() -> None:
    lines = {line for name, step in steps() if name != "release" for line in step.get("run", "").splitlines()}
    assert lines == {
        "make drift",
        "make site",
        "make test",
        "make venv",
        "make worker-image",
        "make preview-comment REVISION=HEAD^1",
    }
    assert {line.split()[1] for line in lines} <= make_targets()


def test_make_test_lints_the_workflows() -> None:
    rule = re.search(r"^test:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule
    assert "actionlint" in rule[1].split()


def test_the_tests_run_on_every_supported_python() -> None:
    assert WORKFLOWS["tests"]["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


def test_a_pull_request_is_tested_and_previewed_with_a_comment() -> None:
    assert "pull_request" in WORKFLOWS["tests"][ON]
    assert set(WORKFLOWS["preview"][ON]) == {"pull_request"}
    preview = uses("preview", "pulumi/actions")
    assert (preview["command"], preview["stack-name"], preview["comment-on-pr"]) == ("preview", "dev", True)


def test_the_comment_gets_the_forecasts_that_the_request_changes_in_the_base_branch_also_if_the_preview_fails() -> None:
    *_, last = WORKFLOWS["preview"]["jobs"]["preview"]["steps"]
    assert last["run"] == "make preview-comment REVISION=HEAD^1"  # the merge's first parent is the base branch
    assert last["if"] == "${{ !cancelled() }}"
    assert last["env"] == {
        "GH_TOKEN": "${{ github.token }}",
        "PULL_REQUEST": "${{ github.event.pull_request.number }}",
    }


def test_a_fork_gets_no_session_in_the_account() -> None:
    condition = WORKFLOWS["preview"]["jobs"]["preview"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert not any("pull_request_target" in workflow[ON] for workflow in WORKFLOWS.values())


def test_each_night_shows_the_drift_of_the_stacks_that_a_variable_names_and_not_in_a_fork() -> None:
    drift = WORKFLOWS["drift"]
    assert set(drift[ON]) == {"schedule", "workflow_dispatch"}
    job = drift["jobs"]["drift"]
    assert job["if"] == "vars.DRIFT_STACKS != '' && !github.event.repository.fork"
    assert job["strategy"] == {"fail-fast": False, "matrix": {"stack": "${{ fromJSON(vars.DRIFT_STACKS) }}"}}
    assert job["steps"][-1]["run"] == "make drift"
    assert job["steps"][-1]["env"]["STACK"] == "${{ matrix.stack }}"
    role = uses("drift", "aws-actions/configure-aws-credentials")["role-to-assume"]
    assert role == "${{ vars[format('AWS_DRIFT_ROLE_{0}', matrix.stack)] }}"
    assert job["concurrency"]["group"] == "drift-${{ matrix.stack }}"  # a deployment that waits is not cancelled


def test_main_deploys_dev_and_a_tag_or_a_run_by_hand_deploys_prod_after_the_tests() -> None:
    deploy = WORKFLOWS["deploy"]
    assert deploy[ON]["push"] == {"branches": ["main"], "tags": ["deploy-*"]}
    assert set(deploy[ON]) == {"push", "workflow_dispatch"}
    assert {"dev", "prod"} <= set(deploy[ON]["workflow_dispatch"]["inputs"]["stack"]["options"])
    assert deploy["jobs"]["tests"]["uses"] == "./.github/workflows/tests.yml"
    assert deploy["jobs"]["up"]["needs"] == "tests"
    stack = "${{ inputs.stack || (github.ref_type == 'tag' && 'prod' || 'dev') }}"
    assert deploy["jobs"]["up"]["environment"] == stack
    assert deploy["jobs"]["up"]["concurrency"]["group"] == f"deploy-{stack}"
    assert uses("deploy", "pulumi/actions")["stack-name"] == stack
    assert uses("deploy", "pulumi/actions")["command"] == "up"


def test_a_version_tag_makes_a_release_after_the_tests_and_deploys_nothing() -> None:
    release = WORKFLOWS["release"]
    assert release[ON] == {"push": {"tags": ["v*"]}}
    assert [name for name, workflow in WORKFLOWS.items() if "v*" in str(workflow[ON])] == ["release"]
    assert release["jobs"]["tests"]["uses"] == "./.github/workflows/tests.yml"
    assert release["jobs"]["release"]["needs"] == "tests"
    lines = [step["run"].split(" ")[0:3] for step in release["jobs"]["release"]["steps"] if "run" in step]
    assert lines == [
        ["python", "-m", "tools.release_notes"],
        ["pipx", "run", "build==1.6.1"],
        ["gh", "release", "create"],
    ]


def test_release_notes_are_the_version_s_part_of_the_changelog() -> None:
    changelog = "# Changelog\n## [Unreleased]\nx\n## [1.2.0] - 2026-01-02\n\nNew.\n\n## [1.1.0]\nOld.\n"
    assert notes("v1.2.0", changelog, "1.2.0") == "New.\n"
    assert notes("v1.1.0", changelog, "1.1.0") == "Old.\n"


def test_a_tag_that_is_not_the_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^The tag is v1\.3, but pyproject\.toml says version 1\.2\.0"):
        notes("v1.3", "## [1.2.0]\n", "1.2.0")
    with pytest.raises(ValueError, match=r"^CHANGELOG\.md has no part '## \[1\.2\.0\]'"):
        notes("v1.2.0", "## [1x2.0]\n", "1.2.0")


@pytest.mark.parametrize("workflow", ["preview", "drift", "deploy"])
def test_the_account_is_reached_by_a_role_and_never_by_a_stored_key(workflow: str) -> None:
    assert set(uses(workflow, "aws-actions/configure-aws-credentials")) == {"role-to-assume", "aws-region"}
    text = (ROOT / f".github/workflows/{workflow}.yml").read_text()
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}


@pytest.mark.parametrize("workflow", ["preview", "deploy"])
def test_buildx_is_there_before_pulumi_for_it_builds_the_image(workflow: str) -> None:
    order = [step.get("uses", "").split("@")[0] for name, step in steps() if name == workflow]
    assert order.index("docker/setup-qemu-action") < order.index("docker/setup-buildx-action")
    assert order.index("docker/setup-buildx-action") < order.index("pulumi/actions")


def test_each_job_has_only_the_permissions_that_it_needs() -> None:
    read = {"contents": "read"}
    assert [workflow["permissions"] for workflow in WORKFLOWS.values()] == [{}] * len(WORKFLOWS)
    jobs = {(name, job): body["permissions"] for name, flow in WORKFLOWS.items() for job, body in flow["jobs"].items()}
    assert jobs == {
        ("tests", "test"): read,
        ("tests", "site"): read,
        ("tests", "image"): read,
        ("preview", "preview"): {**read, "id-token": "write", "pull-requests": "write"},
        ("drift", "drift"): {**read, "id-token": "write"},
        ("deploy", "tests"): read,
        ("deploy", "up"): {**read, "id-token": "write"},
        ("release", "tests"): read,
        ("release", "release"): {"contents": "write"},
    }


def test_no_step_leaves_the_repository_s_token_in_the_checkout() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 7
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    # only the preview needs more than the commit: the base branch, which is its first parent
    assert [step["with"].get("fetch-depth") for step in checkouts] == [None, None, None, 2, None, None, None]


def test_a_deployment_is_never_cut_off_and_an_old_preview_is() -> None:
    assert WORKFLOWS["deploy"]["jobs"]["up"]["concurrency"]["cancel-in-progress"] is False
    assert WORKFLOWS["preview"]["concurrency"]["cancel-in-progress"] is True


def test_the_tests_group_differs_from_the_deployment_that_calls_them() -> None:
    assert WORKFLOWS["tests"]["concurrency"]["group"].startswith("tests-")
    assert WORKFLOWS["deploy"]["jobs"]["up"]["concurrency"]["group"].startswith("deploy-")


def test_the_engine_is_as_old_as_the_sdk() -> None:
    pinned = re.search(r"^pulumi==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned
    for workflow in ("preview", "drift", "deploy"):
        assert uses(workflow, "pulumi/actions")["pulumi-version"] == pinned[1]


def test_the_kept_engine_is_named_by_the_file_that_pins_it() -> None:
    (pins,) = (
        path for path in (ROOT / "ebb/sandbox").rglob("*.py") if re.search(r"^VERSION = ", path.read_text(), re.M)
    )
    assert f"hashFiles('{pins.relative_to(ROOT)}')" in uses("tests", "actions/cache")["key"]


def test_every_job_ends() -> None:
    for workflow in WORKFLOWS.values():
        for job in workflow["jobs"].values():
            assert "uses" in job or job["timeout-minutes"] <= 60
