"""What the worker decides: events and the time in, calls out. No clock, no boto3, no threads."""
