"""Writes docs/openapi.yaml: the API with a job table, `auth: iam`, and a standard queue."""

import json
import sys
from pathlib import Path

import yaml

from components.rest_api import openapi
from components.rest_api.job_routes import job_routes
from components.rest_api.templates import sqs

PAGE = Path(__file__).parents[1] / "docs" / "openapi.yaml"
HEAD = """# Written by `python -m tools.openapi_docs`: the API with jobs.keep_days and the defaults of ebb:api.
# A deployed API describes itself at GET /openapi.json.
"""
SERVER = {
    "url": "https://{api}.execute-api.{region}.amazonaws.com/run",
    "variables": {"api": {"default": "abcde12345"}, "region": {"default": "us-east-1"}},
}


def text() -> str:
    """The page."""
    found, job = job_routes(fifo=False, get_endpoint=False), json.loads(sqs.JOB_SCHEMA)
    routes = [*found, openapi.route(found, auth="iam", job=job)]
    document = openapi.document(routes, auth="iam", job=job, server=SERVER)
    return HEAD + yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False, width=120, allow_unicode=True)


def main(arguments: list[str]) -> int:
    """Writes the page, or with --check says whether it is up to date."""
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text()
        if not current:
            sys.stderr.write("docs/openapi.yaml does not match components/: run make docs.\n")
        return not current
    PAGE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
