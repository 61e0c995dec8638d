"""Jobs in child processes: slots, the handler's process, commands and payloads."""
