"""The worker's calls to SQS, DynamoDB and ECS."""
