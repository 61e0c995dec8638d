"""AWS's models of its services, as botocore has them."""

from functools import cache

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel, StructureShape

#: The shape of an input or output that a model does not have.
NOTHING = StructureShape("Nothing", {"type": "structure", "members": {}})


@cache
def service_model(name: str) -> ServiceModel | None:
    """The model of a service by botocore's name; None if there is no such service."""
    try:
        return botocore.session.get_session().get_service_model(name)
    except UnknownServiceError:
        return None
