"""docs/security.md explains what `make scan` lets pass."""

import re
from pathlib import Path

from tests.scan import explained

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| .+? \| (?P<checks>`[^|]+`) \| (?P<stacks>[a-z, ]+) \| (?P<why>[^|]+\.) \|[^|]*\|$", re.MULTILINE)


def test_the_page_and_the_list_of_explained_checks_are_equal() -> None:
    explanations = [
        (check, row["stacks"].split(", "))
        for row in ROW.finditer(PAGE)
        for check in re.findall(r"`(\w+)`", row["checks"])
    ]
    known = {check: stacks for of in explained.listed().values() for check, stacks in of.items()}
    assert sorted(explanations) == sorted(known.items())


def test_each_row_of_the_table_says_which_checks_it_explains_and_why() -> None:
    table = PAGE[PAGE.index("## What is left") :].strip().splitlines()[4:]
    assert table
    assert [line for line in table if not ROW.match(line)] == []


def test_a_check_is_explained_for_the_stacks_of_the_list_and_for_any_other_stack() -> None:
    assert "CKV_AWS_158" in explained.checks("checkov", "dev")
    assert "CKV_AWS_158" not in explained.checks("checkov", "prod")
    assert explained.checks("checkov", "mine") == set(explained.listed()["checkov"])
