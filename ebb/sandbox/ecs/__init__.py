"""ECS: services and tasks as local processes, with agent, secrets, health checks and logs."""
