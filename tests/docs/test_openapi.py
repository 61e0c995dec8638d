"""docs/openapi.yaml is what components/ deploys."""

from pathlib import Path

import pytest

from tools import openapi_docs


def test_the_page_is_current() -> None:
    assert openapi_docs.PAGE.read_text(encoding="utf-8") == openapi_docs.text()


def test_check_says_when_the_page_is_old_and_writing_renews_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(openapi_docs, "PAGE", tmp_path / "openapi.yaml")
    assert openapi_docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/openapi.yaml does not match components/: run make docs.\n"
    assert openapi_docs.main([]) == 0
    assert openapi_docs.main(["--check"]) == 0
