"""What runs inside the task: receive a job, keep its lease, run the handler in a child process, settle the message."""
