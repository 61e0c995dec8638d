"""AWS Budgets: a budget with its notifications. The emulator has neither UpdateBudget nor tags."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, only, pick, send

_NOTIFICATION = ("comparisonOperator", "notificationType", "threshold", "thresholdType")
_SAME = ("budgetType", "timeUnit")


def _budget(props: Props) -> Call:
    budget = {
        **pick(props, *_SAME, budgetName="name"),
        "budgetLimit": {"amount": props.get("limitAmount"), "unit": props.get("limitUnit")},
    }
    if filters := props.get("costFilters"):
        budget["costFilters"] = {each["name"]: each["values"] for each in filters}
    notifications = [_notification(each) for each in props.get("notifications") or []]
    given = {"accountId": props.get("accountId", "0" * 12), "budget": budget}
    return "budgets", "create_budget", given | {"notificationsWithSubscribers": notifications}


def _notification(props: Props) -> Props:
    given = only(props, "notifications", *_NOTIFICATION, "subscriberSnsTopicArns")
    subscribers = [{"subscriptionType": "SNS", "address": arn} for arn in given.pop("subscriberSnsTopicArns", [])]
    return {"notification": given, "subscribers": subscribers}


def _create(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _budget({**props, "accountId": aws.account}))
    arn = f"arn:aws:budgets::{aws.account}:budget/{props['name']}"
    return f"{aws.account}:{props['name']}", {"accountId": aws.account, "arn": arn}


def _read(aws: Aws, identifier: str, outputs: Props) -> Props | None:
    """The notifications are those of the last outputs: the emulator does not show their receivers."""
    account, _, name = identifier.partition(":")
    found = aws.find("budgets", "describe_budget", accountId=account, budgetName=name)
    if found is None:
        return None
    budget = found["Budget"]
    filters = [{"name": key, "values": values} for key, values in budget.get("CostFilters", {}).items()]
    return {
        "name": name,
        "budgetType": budget["BudgetType"],
        "timeUnit": budget["TimeUnit"],
        "limitAmount": budget["BudgetLimit"]["Amount"],
        "limitUnit": budget["BudgetLimit"]["Unit"],
        **({"costFilters": filters} if filters else {}),
        **pick(outputs, "notifications", "arn", "accountId"),
    }


def _update(aws: Aws, identifier: str, _: Props, new: Props) -> Props:
    _delete(aws, identifier, new)
    return _create(aws, new)[1]


def _delete(aws: Aws, identifier: str, __: Props) -> None:
    account, _, name = identifier.partition(":")
    aws.find("budgets", "delete_budget", accountId=account, budgetName=name)


ROWS = (
    Row(
        type="aws:budgets/budget:Budget",
        inputs=frozenset({*_SAME, "name", "limitAmount", "limitUnit", "costFilters", "notifications"}),
        required=frozenset(_SAME),
        replaces=frozenset({"name"}),
        autoname=("name", 100),
        request=_budget,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
)
