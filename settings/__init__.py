"""The stack's configuration: the sections of `Pulumi.<stack>.yaml` as frozen pydantic models.

`read()` and `warnings()` are pure. `settings.loading` reads Pulumi's configuration; only that module imports pulumi.
"""

from settings.advice import warnings
from settings.location import Location
from settings.reading import SettingsError, check_location, read
from settings.sections import (
    PROJECT,
    Api,
    Budgets,
    Chatbot,
    Data,
    Domain,
    Iam,
    Image,
    Jobs,
    Load,
    Monitoring,
    Network,
    Queue,
    Scaling,
    Schedule,
    Section,
    Settings,
    Statement,
    Step,
    WarmHours,
    Webhook,
    Worker,
)

__all__ = [
    "PROJECT",
    "Api",
    "Budgets",
    "Chatbot",
    "Data",
    "Domain",
    "Iam",
    "Image",
    "Jobs",
    "Load",
    "Location",
    "Monitoring",
    "Network",
    "Queue",
    "Scaling",
    "Schedule",
    "Section",
    "Settings",
    "SettingsError",
    "Statement",
    "Step",
    "WarmHours",
    "Webhook",
    "Worker",
    "check_location",
    "read",
    "warnings",
]
