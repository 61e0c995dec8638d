"""What the program of all resources takes, and the tests change."""

from typing import Any

Settings = dict[str, Any]
SETTINGS: Settings = {
    "answer": '{"done": true}',
    "api_key_required": True,
    "burst": 50,
    "cooldown": 120,
    "description": "the tasks",
    "encrypted": False,
    "environment": "1",
    "expiry": "expires",
    "health_interval": 60,
    "instance_type": "t4g.nano",
    "kept": 10,
    "last_state": "Succeed",
    "max_capacity": 4,
    "retention": 30,
    "rule": 1,
    "schedule": "rate(1 hour)",
    "threshold": 1,
    "user_data": "#!/bin/sh\necho nat\n",
    "visibility": 300,
    "warm": 1,
}
