"""The sections of `Pulumi.<stack>.yaml`, one module each. Defaults are here and in no other place."""

from settings.sections.api import Api, Domain
from settings.sections.base import PROJECT, Section
from settings.sections.budgets import Budgets, Load
from settings.sections.data import Data
from settings.sections.iam import Iam
from settings.sections.jobs import Jobs, Webhook
from settings.sections.monitoring import Chatbot, Monitoring
from settings.sections.network import Network
from settings.sections.queue import Queue, Schedule
from settings.sections.scaling import Scaling, Step, WarmHours
from settings.sections.worker import Image, Statement, Worker

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
    "Monitoring",
    "Network",
    "Queue",
    "Scaling",
    "Schedule",
    "Section",
    "Settings",
    "Statement",
    "Step",
    "WarmHours",
    "Webhook",
    "Worker",
]


class Settings(Section):
    """All sections."""

    network: Network = Network()
    queue: Queue = Queue()
    jobs: Jobs = Jobs()
    api: Api = Api()
    worker: Worker = Worker()
    scaling: Scaling = Scaling()
    monitoring: Monitoring = Monitoring()
    iam: Iam = Iam()
    budgets: Budgets = Budgets()
    data: Data = Data()
