"""docs/errors.md: each problem's type leads to its paragraph."""

import re
from pathlib import Path

from components import _problems

DOCUMENT = Path(__file__).parents[2] / _problems.DOCUMENT.removeprefix("/")


def test_each_problem_has_its_paragraph_with_its_status_and_there_are_no_others() -> None:
    _, *sections = re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)
    paragraphs = {title: text.strip() for title, text in (section.split("\n", 1) for section in sections)}
    assert paragraphs.keys() == {problem.title for problem in _problems.PROBLEMS}
    for problem in set(_problems.PROBLEMS) - {_problems.REFUSED}:
        assert paragraphs[problem.title].startswith(f"{problem.status}. ")


def test_a_type_is_the_anchor_of_its_heading() -> None:
    assert _problems.INVALID_KEY.type == "/docs/errors.md#invalid-api-key"
    assert len({problem.type for problem in _problems.PROBLEMS}) == len(_problems.PROBLEMS)
