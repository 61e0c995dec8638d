"""How many examples hypothesis tries."""

from hypothesis import settings

#: hypothesis's own default, to which the counts in the tests refer.
DEFAULT = 100


def examples(count: int) -> int:
    """`count` of them, and in a copy of the checkout as many fewer as its profile says (tests/conftest.py)."""
    return max(1, count * settings().max_examples // DEFAULT)
