"""docs/howto/: its image, programs and requests work. Its settings are in test_readme.py, its links in test_site.py."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from ebb.sandbox.emulators.dockerfile import instructions
from tests.docs import aws_cli, emulator
from tests.docs.pages import ROOT, SITE
from tests.helpers.waiting import LIMIT
from worker.job import Job

PAGES = {page.stem: page.read_text(encoding="utf-8") for page in SITE if page.parent.name == "howto"}


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def test_the_image_has_what_the_page_says_that_an_image_must_have() -> None:
    (text,) = blocks("own-image", "dockerfile")
    found = [(each.name, each.rest) for each in instructions(text)]
    assert found[-1] == ("ENTRYPOINT", json.dumps(["python", "-m", "worker"]))
    names = [name for name, _ in found]
    assert names.index("VOLUME") < names.index("USER")
    assert ("COPY", ". /app/worker") in found


def test_the_program_in_shell_does_a_job_with_the_command_of_the_page(tmp_path: Path) -> None:
    program, command = blocks("other-languages", "sh")
    (tmp_path / "encode.sh").write_text(program)
    ran = subprocess.run(
        ["sh", "-c", command.replace("python", sys.executable, 1)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert '{"bytes": 26, "attempt": 1}' in ran.stderr


def test_the_requests_to_aws_are_accepted_and_the_handler_of_files_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "BUCKET": "company-videos",
        "TMPDIR": str(tmp_path),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with emulator.account() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        session: Any = boto3.Session()
        session.client("s3").create_bucket(Bucket="company-videos")
        lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
        requests = [shlex.split(line)[1:] for line in lines if line.startswith("aws ")]
        assert len(requests) == 3
        for words in requests:
            aws_cli.main(*words)
        parameter = session.client("ssm").get_parameter(Name="/company/encoder/database-url", WithDecryption=True)
        assert parameter["Parameter"]["Value"] == "$NEW_URL"
        (handler,) = blocks("big-files", "python")
        names = dict[str, Any]()
        exec(compile(handler, "big-files.md", "exec"), names)
        assert names["handle"](Job(id="1", body='{"film": "in/film.mov"}')) == {"film": "out/film.mov"}
        assert session.client("s3").get_object(Bucket="company-videos", Key="out/film.mov")["ContentLength"] > 0
