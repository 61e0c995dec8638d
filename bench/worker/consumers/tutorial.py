"""The loop that tutorials teach: receive one, do it, delete it."""

import os

import boto3

from bench.worker.consumers import handler

QUEUE_URL = os.environ["BENCH_QUEUE_URL"]

sqs = boto3.client("sqs")
while True:
    for message in sqs.receive_message(QueueUrl=QUEUE_URL, WaitTimeSeconds=20).get("Messages", []):
        handler.handle(message["Body"])
        sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
