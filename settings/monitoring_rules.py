"""Rules across the fields of the section `monitoring`."""

from collections.abc import Iterator

from settings.sections import Monitoring


def breaches(monitoring: Monitoring) -> Iterator[tuple[tuple[str, ...], str, object]]:
    """Every rule that the section breaks, in the form of settings/rules.py."""
    m = monitoring
    if m.chatbot is not None and m.chatbot.slack is None and m.chatbot.teams is None:
        yield ("monitoring.chatbot",), "needs a channel: set slack or teams", {}
    if m.budget is not None and not m.notifies:
        yield ("monitoring.budget", "monitoring.emails"), "needs a receiver: set emails, urls or chatbot", m.budget
    if m.budget_tag is not None and m.budget is None:
        yield ("monitoring.budget_tag", "monitoring.budget"), "is what a budget counts: set budget", m.budget_tag
