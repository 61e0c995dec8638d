"""docs/configuration.md is what settings/ says."""

from pathlib import Path

import pytest

import settings
from tools import configuration_docs


def test_the_page_is_current() -> None:
    assert configuration_docs.PAGE.read_text(encoding="utf-8") == configuration_docs.page()


def test_every_key_of_every_section_is_described() -> None:
    page = configuration_docs.page()
    for section, field in settings.Settings.model_fields.items():
        assert f"## ebb:{section}\n" in page
        assert isinstance(field.annotation, type)
        for key, inner in field.annotation.model_fields.items():
            assert inner.description
            assert f"| `{inner.alias or key}` | {inner.description} |" in page


def test_check_says_when_the_page_is_old_and_writing_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(configuration_docs, "PAGE", tmp_path / "configuration.md")
    assert configuration_docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/configuration.md does not match settings/: run make docs.\n"
    assert configuration_docs.main([]) == 0
    assert configuration_docs.main(["--check"]) == 0
