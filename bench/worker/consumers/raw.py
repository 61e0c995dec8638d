"""What boto3 can do: receive ten, do them, delete them in one call. One thread, no lease kept, nothing logged."""

import os

import boto3

from bench.worker.consumers import handler

QUEUE_URL = os.environ["BENCH_QUEUE_URL"]

sqs = boto3.client("sqs")
while True:
    received = sqs.receive_message(QueueUrl=QUEUE_URL, MaxNumberOfMessages=10, WaitTimeSeconds=20)
    messages = received.get("Messages", [])
    for message in messages:
        handler.handle(message["Body"])
    if messages:
        sqs.delete_message_batch(
            QueueUrl=QUEUE_URL,
            Entries=[{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)],
        )
