import os
import shutil
import tempfile
from pathlib import Path

import pytest

from worker.jobs import scratch


def test_a_job_has_a_folder_for_temporary_files_and_afterwards_all_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/before")
    monkeypatch.setattr(tempfile, "tempdir", "/before")
    with scratch.folder(str(tmp_path)):
        folder = Path(os.environ["TMPDIR"])
        assert folder.parent == tmp_path
        assert tempfile.gettempdir() == str(folder)
        Path(tempfile.mkdtemp(), "kept").write_text("x")
    assert (os.environ["TMPDIR"], tempfile.gettempdir()) == ("/before", "/before")
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_empties_tmp_takes_no_folder_from_the_next_one(tmp_path: Path) -> None:
    parent = tmp_path / "ebb-child"
    for _ in range(2):
        with scratch.folder(str(parent)):
            assert Path(tempfile.mkdtemp()).parent.parent == parent
            shutil.rmtree(parent)
