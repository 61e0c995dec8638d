"""What the settings refuse."""

from collections.abc import Mapping
from typing import Any

import pytest

import settings

#: By name of the case: the sections, and the sentence of the refusal without its prefix `ebb:`.
Cases = Mapping[str, tuple[dict[str, Any], str]]


def problems(raw: dict[str, Any]) -> list[str]:
    """The sentences with which these sections are refused."""
    with pytest.raises(settings.SettingsError) as refused:
        settings.read(raw)
    return refused.value.problems


def each(cases: Cases) -> pytest.MarkDecorator:
    """Runs a test with `raw` and `sentence` of each case."""
    return pytest.mark.parametrize(
        ("raw", "sentence"), [pytest.param(raw, f"ebb:{text}", id=name) for name, (raw, text) in cases.items()]
    )
