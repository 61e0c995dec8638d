"""What is simulated: a scenario, and how a stack's settings become one."""
