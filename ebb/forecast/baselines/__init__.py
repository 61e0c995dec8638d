"""Known ways to scale Fargate tasks by a queue, to compare with."""
