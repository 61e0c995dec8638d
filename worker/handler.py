"""Your job. The worker calls `handle(job)` once for each message of the queue; replace its body with your own code.

- It returns: the job is done, and the worker deletes the message.
- It raises an exception: the attempt failed. The message comes back after a pause, `max_receive_count` times in all.
- It raises `Retry("why", after=60)`: the next attempt starts in 60 seconds.
- It raises `Reject("why")`: the message goes to the dead-letter queue at once.

SQS can deliver a message twice, so a second run must leave the same result. docs/worker.md has the whole contract, and
shows how to run one job without a queue: `python -m worker --once job.json`.
"""

import logging
import re
from collections import Counter

from worker.job import Job, Reject

log = logging.getLogger(__name__)


def handle(job: Job) -> None:
    """Summarize the text in a body such as {"text": "One sentence. Another one."}; the summary goes to the log."""
    order = job.json()
    if not isinstance(order, dict) or not isinstance(order.get("text"), str):
        raise Reject('the body must be JSON like {"text": "..."}')
    log.info("Summary: %s", summary(order["text"]))


def summary(text: str, length: int = 2) -> str:
    """The sentences whose words are the most frequent ones in the text, in their order; at most `length` of them."""
    sentences = re.split(r"(?<=[.!?])\s+", text.strip())
    counts = Counter(word for word in re.findall(r"\w+", text.lower()) if len(word) > 3)

    def score(sentence: str) -> float:
        words = re.findall(r"\w+", sentence.lower())
        return sum(counts[word] for word in words) / max(1, len(words))

    best = sorted(sentences, key=score, reverse=True)[:length]
    return " ".join(sentence for sentence in sentences if sentence in best)
