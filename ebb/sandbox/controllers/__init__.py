"""Run the deployed definitions once per simulated minute: metrics, alarms, scalable targets and schedules."""
