"""The program in this process: one at a time."""

import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from ebb.sandbox.deploy import engine
from tests.helpers.waiting import LIMIT


def test_a_program_begins_when_the_one_that_ctrl_c_interrupted_has_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    both = threading.Barrier(2, timeout=0.2)
    said: list[str] = []

    def meet() -> None:
        try:
            both.wait()
        except threading.BrokenBarrierError:
            said.append("alone")

    monkeypatch.setitem(sys.modules, "meeting", SimpleNamespace(meet=meet))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(engine, "ROOT", tmp_path)
    (tmp_path / "__main__.py").write_text("import meeting; meeting.meet()")
    programs = [threading.Thread(target=engine.program) for _ in range(2)]
    for each in programs:
        each.start()
    for each in programs:
        each.join(LIMIT)
    assert said == ["alone", "alone"]
