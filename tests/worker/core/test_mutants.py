"""The list of `make mutants` fits the code as it is now. Trying the mutations out takes minutes: no test does that."""

from collections import Counter
from pathlib import Path

import pytest

from tools.mutants import ROOT, Mutant, Outcome, read, summary

MUTANTS = read()


def test_there_are_mutations_of_each_room_and_no_two_are_the_same() -> None:
    rooms = Counter(mutant.file.split("/")[1] for mutant in MUTANTS)
    assert set(rooms) == {"__main__.py", "core", "aws", "jobs"}
    assert rooms.total() >= 40
    assert len({(mutant.file, mutant.before, mutant.after) for mutant in MUTANTS}) == len(MUTANTS)


def test_each_mutation_is_of_a_text_that_is_in_its_file_once_and_still_compiles() -> None:
    for mutant in MUTANTS:
        text = (ROOT / mutant.file).read_text()
        mutated = mutant.mutated(text)
        assert mutated != text
        compile(mutated, mutant.file, "exec")


def test_the_tests_that_a_mutation_names_exist() -> None:
    for mutant in MUTANTS:
        for argument in (one for several in mutant.arguments for one in several):
            file, _, name = argument.partition("::")
            assert f"def {name}" in Path(ROOT, file).read_text(), argument


@pytest.mark.parametrize(
    ("noticed", "equivalent", "code", "last"),
    [
        ("test_x.py::test_y", "", 0, "1 mutations, 1 noticed, 0 not."),
        ("", "", 1, "  The tests have a gap."),
        ("", "It is the same.", 0, "  Equivalent: It is the same."),
        ("test_x.py::test_y", "It is the same.", 0, "\nNoticed, though the list calls it equivalent: a.py: It breaks."),
    ],
)
def test_a_mutation_that_nobody_notices_needs_a_reason(noticed: str, equivalent: str, code: int, last: str) -> None:
    mutant = Mutant(file="a.py", before="a", after="b", breaks="It breaks.", equivalent=equivalent)
    lines, given = summary([(mutant, Outcome(noticed=noticed, seconds=1))])
    assert (lines[-1], given) == (last, code)


def test_a_text_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.py has this text 2 times, not once: 'a'"):
        Mutant(file="a.py", before="a", after="b", breaks="It breaks.").mutated("aa")
