"""What runs once per simulated minute: metrics, alarms, scalable targets and schedules."""
