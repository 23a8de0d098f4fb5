"""A service: it reads payments, writes each to its database, and commits.

It has a bug. Find it with: ackproof serve --topic payments --processed processed.jsonl --control -- pytest
"""

import json
import os
import signal
import sqlite3
import sys
import time

from confluent_kafka import Consumer, TopicPartition


def told(message):
    """Tells ackproof, if it is there, what is in the database by now."""
    if file := os.environ.get("ACKPROOF_PROCESSED"):
        line = {"group": "ledger", "topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
        with open(file, "a") as out:
            out.write(json.dumps(line) + "\n")


def write(database, message):
    time.sleep(0.003)  # the bank is asked
    place = (message.topic(), message.partition(), message.offset(), message.value().decode())
    with database:
        database.execute("insert or ignore into ledger values (?, ?, ?, ?)", place)
    told(message)


def main(path):
    database = sqlite3.connect(path)
    database.execute("create table if not exists ledger (topic, number, place, payment, primary key (topic, number, place))")
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "client.id": "ledger",
            "group.id": "ledger",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "topic.metadata.refresh.interval.ms": 500,
        }
    )
    consumer.subscribe(["payments"])
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    while not stopped:
        messages = [message for message in consumer.consume(50, timeout=0.2) if not message.error()]
        if messages:
            handle(consumer, database, messages)
    consumer.close()


def handle(consumer, database, messages):
    commit(consumer, messages)
    for message in messages:
        write(database, message)


def commit(consumer, messages):
    offsets = {}
    for message in messages:
        offsets[message.topic(), message.partition()] = message.offset() + 1
    consumer.commit(offsets=[TopicPartition(*place, offset) for place, offset in offsets.items()], asynchronous=False)


if __name__ == "__main__":
    main(sys.argv[1])
