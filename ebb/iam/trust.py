"""Who may take a role: GitHub's workflows of one repository (GitHub documentation, "OpenID Connect reference")."""

import re

from ebb.errors import UserError
from ebb.iam.document import VERSION, Document
from ebb.iam.place import Place

_ISSUER = "token.actions.githubusercontent.com"
_REPOSITORY = re.compile(r"[^/\s:*?]+/[^/\s:*?]+")


def trust(repository: str, subject: str, place: Place) -> Document:
    """The trust policy for `OWNER/REPOSITORY`. `subject`: such as `pull_request` or `environment:dev`.

    Raises UserError.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise UserError(f"A repository is OWNER/REPOSITORY, such as acme/video, not {repository!r}.")
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": place.everywhere("iam", f"oidc-provider/{_ISSUER}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{_ISSUER}:aud": "sts.amazonaws.com", f"{_ISSUER}:sub": f"repo:{repository}:{subject}"}
        },
    }
    return {"Version": VERSION, "Statement": [statement]}
