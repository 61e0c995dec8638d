"""A job's body to begin with: in the curl line of `make up`, and in the form of the page."""

from typing import Any

from settings.sections.worker import Worker

#: What the demo's handler understands, and what the example in worker/handler.py does.
DEMO_HANDLER, DEMO_JOB = "worker.demo:handle", {"sleep": 5}
EXAMPLE_JOB = {"text": "The first sentence of a text. The second sentence. The last sentence of the text."}


def does(worker: Worker) -> str:
    """The command or the handler that gets the body."""
    return " ".join(worker.command) or worker.handler


def example(worker: Worker) -> dict[str, Any]:
    """The body: for another handler than ours it is only an example."""
    return DEMO_JOB if does(worker) == DEMO_HANDLER else EXAMPLE_JOB
