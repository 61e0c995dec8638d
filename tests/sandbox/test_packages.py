"""Packages that a Dockerfile installs with pip: the real pip, and a package index that is a folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ebb.sandbox.emulators.packages import provide
from ebb.sandbox.emulators.stages import ImageError, follow


class Folder:
    """A build context, an index of packages, and a cache of the test's own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context, self.index, self.cache = folder / "worker", folder / "index", folder / "cache"
        for each in (self.context, self.index):
            each.mkdir()
        self.said: list[str] = []
        self._runs = 0
        monkeypatch.setenv("EBB_CACHE", str(self.cache))
        # the index of the user's configuration, as pip itself reads it
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(self.index))

    def publish(self, name: str, version: str, text: str = "") -> None:
        """Put a wheel with one module and one program into the index."""
        about = f"{name}-{version}.dist-info"
        files = {
            f"{name}.py": text or f"version = {version!r}\ndef main(): print('program of {name}')\n",
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
        }
        record = "".join(f"{file},,\n" for file in files) + f"{about}/RECORD,,\n"
        with zipfile.ZipFile(self.index / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            for file, content in {**files, f"{about}/RECORD": record}.items():
                wheel.writestr(file, content)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.context / name.replace("_txt", ".txt")).write_text(text)

    def provide(self, *lines: str) -> Path | None:
        """The folder of packages for a Dockerfile of these lines."""
        self._runs += 1
        (self.context / "Dockerfile").write_text("\n".join(["FROM python AS build", *lines, ""]))
        root = self.context.parent / f"image-{self._runs}"
        return provide(
            follow(self.context / "Dockerfile", self.context, root)[1], "worker/Dockerfile", self.said.append
        )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(tmp_path, monkeypatch)


LINES = {
    "--requirement": ["COPY requirements.txt ./", "RUN pip install --prefix=/install --requirement requirements.txt"],
    "-r in another folder": [
        "WORKDIR /app",
        "COPY . worker",
        "RUN pip3 --no-cache-dir install -Ur worker/requirements.txt",
    ],
    "-r, attached": ["ADD requirements.txt /tmp/", "RUN python -m pip install -t /x -r/tmp/requirements.txt && true"],
    "uv": ["COPY requirements.txt .", "RUN uv pip install --system --link-mode copy -r requirements.txt"],
    "a mounted file": [
        "RUN --mount=type=cache,target=/cache/pip \\",
        "    --mount=type=bind,source=requirements.txt,target=requirements.txt \\",
        "    python -m pip install -r requirements.txt",
    ],
    "a variable": ["ARG FILE=requirements.txt", "COPY $FILE .", "RUN pip install -r ${FILE}"],
    "a here-document": ["COPY requirements.txt .", "RUN <<EOF", "set -e", "pip install -r requirements.txt", "EOF"],
    "exec form": ["COPY requirements.txt .", 'RUN ["pip", "install", "-r", "requirements.txt"]'],
    "wheels first": [
        "COPY requirements.txt .",
        "RUN pip wheel -w /wheels -r requirements.txt",
        "FROM python",
        "COPY --from=build /wheels /wheels",
        "RUN pip install --no-index --find-links /wheels /wheels/*",
    ],
    "by name": ["RUN pip install --upgrade pip && pip install 'thing>=1,<2'"],
}


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for tests whose packages are the same: pip takes a second and a half."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("way", LINES)
def test_what_pip_installs_in_the_image_can_be_imported(
    folder: Folder, way: str, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.cache = shared_cache
    monkeypatch.setenv("EBB_CACHE", str(shared_cache))
    folder.publish("thing", "1.5")
    folder.publish("thing", "2.0")
    folder.write(requirements_txt="thing<2  # the old one\n")
    packages = folder.provide(*LINES[way])
    assert packages is not None
    assert packages.parent == folder.cache
    code = "import thing; print(thing.version)"
    shown = subprocess.check_output([sys.executable, "-c", code], env={"PYTHONPATH": str(packages)}, text=True)
    assert shown == "1.5\n"
    program = subprocess.check_output([packages / "bin" / "thing"], env={"PYTHONPATH": str(packages)}, text=True)
    assert program == "program of thing\n"


def test_progress_is_said_once_and_the_cache_is_used_after_it(folder: Folder) -> None:
    folder.publish("thing", "1")
    first = folder.provide("RUN pip install thing")
    assert folder.said[0] == f"Installing the Python packages of worker/Dockerfile into {folder.cache}, once."
    assert "  Installing collected packages: thing" in folder.said
    folder.said.clear()
    assert folder.provide("RUN pip install thing") == first
    assert folder.said == []


def test_another_requirement_gets_another_folder(folder: Folder) -> None:
    folder.publish("thing", "1")
    folder.publish("other", "1")
    lines = ["COPY . .", "RUN pip install -r requirements.txt"]
    folder.write(requirements_txt="-r more.txt\n", more_txt="thing\n")
    first = folder.provide(*lines)
    folder.write(more_txt="thing\nother\n")
    second = folder.provide(*lines)
    assert first != second
    assert second is not None
    assert (second / "other.py").exists()


SATISFIED = {
    "a range": "pytest>=7",
    "the version that is there": f"pytest=={pytest.__version__}",
    "a marker that does not hold": "nothing-like-it; python_version < '3'",
    "an extra whose packages are there": "moto[sqs]",
    "hashes": f"pytest=={pytest.__version__} \\\n    --hash=sha256:{'0' * 64}",
    "an option and a comment": "--prefer-binary\n# nothing\n\npytest # here",
}


@pytest.mark.parametrize("case", SATISFIED)
def test_nothing_is_installed_where_this_interpreter_has_it_all(folder: Folder, case: str) -> None:
    folder.write(requirements_txt=SATISFIED[case])
    assert folder.provide("COPY . .", "RUN pip install -r requirements.txt") is None
    assert not folder.cache.exists()


@pytest.mark.parametrize(
    ("requirement", "constraint"), [("pytest<1", ""), ("pytest", "pytest<1"), ("no-such-thing", ""), ("!", "")]
)
def test_what_cannot_be_had_is_one_sentence_with_pips_reason(folder: Folder, requirement: str, constraint: str) -> None:
    folder.write(requirements_txt=requirement, limits_txt=constraint)
    with pytest.raises(ImageError) as refused:
        folder.provide("COPY . .", "RUN pip install -c limits.txt -r requirements.txt")
    sentence = str(refused.value)
    assert sentence.startswith("The Python packages of worker/Dockerfile cannot be installed here: ")
    assert "\n" not in sentence
    assert list(folder.cache.glob("packages-*[!k]")) == []


@pytest.mark.parametrize(
    "line",
    [
        "RUN apt-get update && apt-get install --yes --no-install-recommends ffmpeg=7:* && rm -rf /var/lib/apt/lists/*",
        "RUN pip install --upgrade pip setuptools wheel",
        "RUN pip install $(cat packages) `whoami`",
        "RUN for name in a b; do pip install $name; done",
        "RUN pip install -r generated.txt",
        "RUN pip install /wheels/*.whl",
        "RUN pip --version && pip list",
        "RUN uv sync --frozen && poetry install && conda install x",
        "RUN pip install -r",
    ],
)
def test_a_line_that_names_no_package_installs_nothing(folder: Folder, line: str) -> None:
    assert folder.provide(line) is None
