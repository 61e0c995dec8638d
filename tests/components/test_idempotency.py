from typing import Any

import pulumi
import pytest

from components.idempotency import IdempotencyStore, IdempotencyStoreArgs
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy

TABLE = "aws:dynamodb/table:Table"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"


def store(kms_key_arn: pulumi.Input[str] | None = None) -> Deployed:
    def program() -> dict[str, Any]:
        made = IdempotencyStore("once", IdempotencyStoreArgs(kms_key_arn=kms_key_arn))
        return {"table_name": made.table_name, "table_arn": made.table_arn}

    return deploy(program)


def test_the_store_is_a_table_of_ids_billed_per_request_whose_items_expire() -> None:
    made = store()
    assert made.names == {(TABLE, "once")}
    assert made.one(TABLE).inputs == {
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "id",
        "attributes": [{"name": "id", "type": "S"}],
        "ttl": {"attributeName": "expires", "enabled": True},
    }
    assert made.one(TABLE).parent_type == "ebb:index:IdempotencyStore"


def test_the_queues_kms_key_encrypts_the_table() -> None:
    assert store(KEY).one(TABLE).inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}


def test_the_component_registers_its_outputs() -> None:
    made = store()
    assert made.result == {"table_name": "once", "table_arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:once"}
    assert made.component_outputs[made.one("ebb:index:IdempotencyStore").urn] == made.result


def test_arguments_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        IdempotencyStoreArgs(KEY)  # type: ignore[call-arg]
