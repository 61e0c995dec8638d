"""How the sandbox comes by the Pulumi CLI: PATH, installer, Go, each replaced by a stub that is really run."""

import io
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console

from ebb.errors import UserError
from ebb.sandbox.deploy import pulumi_cli
from ebb.sandbox.deploy.pulumi_cli import NoEngineError, find
from tests.helpers.programs import PYTHON
from tests.helpers.waiting import LIMIT, until

PULUMI = f"{PYTHON}print('v{{version}}')\n"
#: What the stub Go does: note how it was called, and write a "pulumi".
GO = f"""{PYTHON}import pathlib, sys
args = sys.argv[1:]
folder = pathlib.Path(__file__).parent
note = folder / f"go.{{args[0]}}"
note.write_text("\\n".join(args) + "\\n--\\n" + pathlib.Path("go.mod").read_text())
packages = [f"package/{{number}}" for number in range(40)]
if args[0] == "list":
    print("go: downloading module v1.0.0", file=sys.stderr, flush=True)
    print("\\n".join(packages))
    sys.exit()
for package in packages:
    print(package, file=sys.stderr, flush=True)
out = pathlib.Path(args[args.index("-o") + 1])
out.parent.mkdir(parents=True)
out.write_text({PULUMI.format(version="3.250.0")!r})
out.chmod(0o755)
"""
#: What the stub installer does with the official one's arguments.
INSTALLER = f"""{PYTHON}import pathlib, sys
args = sys.argv[1:]
pathlib.Path({{note!r}}).write_text("\\n".join(args))
root = pathlib.Path(args[args.index("--install-root") + 1])
(root / "bin").mkdir(parents=True)
out = root / "bin" / "pulumi"
out.write_text({PYTHON!r} + "print('v" + args[args.index("--version") + 1] + "')\\n")
out.chmod(0o755)
"""


class Machine:
    """A PATH and a cache of the test's own, and what `find` said."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.cache = folder / "bin", folder / "cache"
        self.path.mkdir()
        self.said: list[str] = []
        self.fetched: list[str] = []
        self._patch = monkeypatch
        monkeypatch.setenv("PATH", str(self.path))
        monkeypatch.setenv("EBB_CACHE", str(self.cache))
        self.offline()

    def put(self, name: str, script: str) -> None:
        (self.path / name).write_text(script)
        (self.path / name).chmod(0o755)

    def offline(self) -> None:
        def refuse(url: str) -> io.BytesIO:
            self.fetched.append(url)
            raise urllib.error.URLError("no route to host")

        self._patch.setattr(urllib.request, "urlopen", refuse)

    def online(self, installer: str) -> None:
        def answer(url: str) -> io.BytesIO:
            self.fetched.append(url)
            return io.BytesIO(installer.encode())

        self._patch.setattr(urllib.request, "urlopen", answer)

    def find(self) -> str:
        return find(self.said.append).command

    @property
    def engine(self) -> Path:
        return self.cache / "pulumi-3.250.0" / "bin" / "pulumi"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_an_engine_on_the_path_is_used_and_nothing_is_fetched(machine: Machine) -> None:
    machine.put("pulumi", PULUMI.format(version="3.251.0"))
    assert machine.find() == "pulumi"
    assert (machine.said, machine.fetched, machine.cache.exists()) == ([], [], False)


def test_an_engine_on_the_path_that_is_too_old_is_left_alone_with_a_clear_word(machine: Machine) -> None:
    machine.put("pulumi", PULUMI.format(version="3.100.0"))
    machine.put("go", GO)
    assert machine.find() == str(machine.engine)
    assert "The pulumi on PATH is not used" in machine.said[0]
    assert "your current CLI version is 3.100.0" in machine.said[0]
    assert f"3.250.0 is used from {machine.cache}" in machine.said[0]


def test_a_broken_engine_on_the_path_is_left_alone(machine: Machine) -> None:
    machine.put("pulumi", f"{PYTHON}raise SystemExit(3)\n")
    machine.put("go", GO)
    assert machine.find() == str(machine.engine)
    assert "it does not run" in machine.said[0]


def test_the_official_installer_gets_the_pinned_version_and_leaves_path_and_profile_alone(
    machine: Machine, tmp_path: Path
) -> None:
    note = tmp_path / "installer.called"
    machine.online(INSTALLER.format(note=str(note)))
    assert machine.find() == str(machine.engine)
    assert machine.fetched == ["https://get.pulumi.com/install.sh"]
    flag, root_flag, root, version_flag, version = note.read_text().splitlines()
    assert (flag, root_flag, version_flag, version) == ("--no-edit-path", "--install-root", "--version", "3.250.0")
    assert Path(root).parent.parent == machine.cache
    assert sorted(file.name for file in machine.cache.iterdir()) == ["pulumi-3.250.0", "pulumi-3.250.0.lock"]


def test_an_engine_in_the_cache_is_used_again(machine: Machine, tmp_path: Path) -> None:
    machine.online(INSTALLER.format(note=str(tmp_path / "note")))
    first = machine.find()
    machine.offline()
    machine.said.clear()
    assert machine.find() == first
    assert machine.said == []


def test_go_builds_the_pinned_module_when_the_installer_cannot_be_had(machine: Machine) -> None:
    machine.put("go", GO)
    assert machine.find() == str(machine.engine)
    assert "The official installer could not be had: <urlopen error no route to host>." in machine.said
    arguments, module = (machine.path / "go.build").read_text().split("\n--\n")
    build, verbose, mod, _, out, _, ldflags, package = arguments.splitlines()
    assert (build, verbose, mod) == ("build", "-v", "-mod=mod")
    assert Path(out).parts[-3:] == ("pulumi-3.250.0", "bin", "pulumi")
    assert ldflags == "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.250.0"
    assert package == "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
    assert [line for line in module.splitlines() if line] == [
        "module ebb.local/pulumi",
        "go 1.25.11",
        "require github.com/pulumi/pulumi/pkg/v3 v3.250.0",
        "require github.com/pulumi/pulumi/sdk/v3 v3.250.0",
        "replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e",
    ]
    assert sorted(file.name for file in machine.cache.iterdir()) == ["pulumi-3.250.0", "pulumi-3.250.0.lock"]


def test_an_installer_that_fails_says_its_last_line_before_go_is_tried(machine: Machine) -> None:
    machine.online(f"{PYTHON}print('looking')\nprint('error: no such release')\nraise SystemExit(1)\n")
    machine.put("go", GO)
    assert machine.find() == str(machine.engine)
    assert "The official installer failed: error: no such release." in machine.said


def test_without_installer_and_go_one_sentence_each_says_why(machine: Machine) -> None:
    with pytest.raises(NoEngineError) as caught:
        machine.find()
    assert str(caught.value) == (
        "No Pulumi CLI 3.250.0: The official installer could not be had: <urlopen error no route to host>. "
        "It cannot be built either: there is no go on PATH."
    )


def test_a_failed_build_leaves_no_engine_and_says_gos_last_line(machine: Machine) -> None:
    machine.put("go", f"{PYTHON}import sys\nprint('no space left', file=sys.stderr)\nsys.exit(1)\n")
    with pytest.raises(NoEngineError, match=r"Building it with Go failed: no space left\."):
        machine.find()
    assert [file.name for file in machine.cache.iterdir()] == ["pulumi-3.250.0.lock"]


def test_a_build_says_how_many_packages_of_how_many_are_compiled(machine: Machine) -> None:
    machine.put("go", GO)
    machine.find()
    progress = [line for line in machine.said if "compiled" in line]
    assert [line.partition(" in ")[0] for line in progress] == [
        f"  {4 * tenth} of about 40 packages compiled ({10 * tenth}%)" for tenth in range(1, 11)
    ]
    assert list((machine.path / "go.list").read_text().splitlines()[:4]) == [
        "list",
        "-mod=mod",
        "-deps",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ]


def test_packages_that_go_has_in_its_own_cache_are_not_counted(machine: Machine) -> None:
    machine.put("go", GO.replace("for package in packages:", "for package in packages[:9]:"))
    machine.find()
    progress = [line.partition(" in ")[0] for line in machine.said if "compiled" in line]
    assert progress == [
        "  4 of about 40 packages compiled (10%)",
        "  8 of about 40 packages compiled (20%)",
    ]


def test_on_a_terminal_a_bar_stands_for_the_lines(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr(pulumi_cli, "Console", lambda stderr: terminal)
    machine.put("go", GO)
    machine.find()
    assert "40 of about 40 packages compiled" in shown.getvalue()
    assert "100%" in shown.getvalue()
    assert not [line for line in machine.said if "compiled" in line]


def test_modules_that_cannot_be_had_are_gos_last_line(machine: Machine) -> None:
    machine.put("go", f"{PYTHON}print('go: no route to proxy')\nraise SystemExit(1)\n")
    with pytest.raises(NoEngineError, match=r"Building it with Go failed: go: no route to proxy\."):
        machine.find()


def test_a_cache_that_cannot_be_written_is_one_sentence(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_CACHE", "/dev/null/ebb")
    with pytest.raises(UserError, match=r"^The cache folder /dev/null/ebb cannot be made .*: set EBB_CACHE to another"):
        machine.find()


FIND = """
import signal, urllib.request
signal.signal(signal.SIGINT, signal.default_int_handler)
def refuse(url): raise OSError("offline")
urllib.request.urlopen = refuse
from ebb.sandbox.deploy.pulumi_cli import find
print(find(lambda line: print(line, flush=True)).command)
"""


def _finder() -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", FIND],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )


def test_ctrl_c_ends_the_build_and_leaves_nothing(machine: Machine) -> None:
    slow = f"{PYTHON}import os, pathlib, time\n"
    slow += 'pathlib.Path(__file__).parent.joinpath("pid").write_text(str(os.getpid()))\ntime.sleep(60)\n'
    machine.put("go", slow)
    pid = machine.path / "pid"
    with _finder() as finder:
        until(lambda: pid.exists() and pid.read_text())
        finder.send_signal(signal.SIGINT)
        finder.wait(LIMIT)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert [file.name for file in machine.cache.iterdir()] == ["pulumi-3.250.0.lock"]


def test_two_at_once_build_one_engine(machine: Machine) -> None:
    counting = GO.replace(
        "out =", "note.with_name('builds').open('a').write('x'); import time; time.sleep(1)\nout =", 1
    )
    machine.put("go", counting)
    with _finder() as first, _finder() as second:
        outputs = [process.communicate(timeout=LIMIT)[0] for process in (first, second)]
    assert [output.splitlines()[-1] for output in outputs] == [str(machine.engine)] * 2
    assert (machine.path / "builds").read_text() == "x"
    assert sum("Another process is getting the Pulumi CLI" in output for output in outputs) == 1
