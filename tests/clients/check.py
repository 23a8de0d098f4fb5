"""Python clients against the brokers in KAFKA_BOOTSTRAP_SERVERS: a line for each client and feature, and status 1 if one fails.

Each client writes and reads 1000 records with keys and headers, in every compression, in a group of two that
commits, leaves and comes again.
"""

import asyncio
import os
import sys
import time

SERVERS = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
RECORDS = 1000
COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]
PATIENCE = 30


def expected(compression):
    return {(f"k{n % 7}", f"{compression} {n}", n.to_bytes(4, "big")) for n in range(RECORDS)}


def records(compression):
    for n in range(RECORDS):
        yield f"k{n % 7}".encode(), f"{compression} {n}".encode(), [("number", n.to_bytes(4, "big"))]


class Librdkafka:
    name = "confluent-kafka"

    def write(self, topic, compression):
        import confluent_kafka

        failures = []
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": SERVERS,
                "client.id": "librdkafka-writer",
                "enable.idempotence": True,
                "compression.type": compression,
            }
        )
        for key, value, headers in records(compression):
            producer.produce(
                topic, key=key, value=value, headers=headers, on_delivery=lambda error, _: error and failures.append(error)
            )
            producer.poll(0)
        left = producer.flush(PATIENCE)
        assert not failures and not left, (failures[:1], left)

    def read(self, topic, group, count):
        import confluent_kafka

        consumers = [
            confluent_kafka.Consumer(
                {
                    "bootstrap.servers": SERVERS,
                    "client.id": f"librdkafka-{group}-{number}",
                    "group.id": group,
                    "auto.offset.reset": "earliest",
                    "enable.auto.commit": False,
                    "group.protocol": "consumer" if group.endswith("-consumer") else "classic",
                }
            )
            for number in range(2)
        ]
        seen, until = [], time.time() + PATIENCE
        for consumer in consumers:
            consumer.subscribe([topic])
        while len(seen) < count and time.time() < until:
            for consumer in consumers:
                for message in consumer.consume(500, 0.1):
                    assert not message.error(), message.error()
                    seen.append((message.key().decode(), message.value().decode(), message.headers()[0][1]))
        for consumer in consumers:
            if consumer.assignment():
                consumer.commit(asynchronous=False)
        # Whoever leaves makes the others join again.
        for consumer in consumers:
            consumer.close()
        return seen


class KafkaPython:
    name = "kafka-python"

    def write(self, topic, compression):
        import kafka

        kind = None if compression == "none" else compression
        producer = kafka.KafkaProducer(
            bootstrap_servers=SERVERS.split(","), client_id="kafka-python-writer", acks="all", compression_type=kind
        )
        sends = [producer.send(topic, key=key, value=value, headers=headers) for key, value, headers in records(compression)]
        producer.flush(PATIENCE)
        for send in sends:
            send.get(PATIENCE)
        producer.close()

    def read(self, topic, group, count):
        import kafka
        import threading

        seen, lock, until = [], threading.Lock(), time.time() + PATIENCE
        both = threading.Barrier(2, timeout=PATIENCE)

        def one(number):
            consumer = kafka.KafkaConsumer(
                topic,
                bootstrap_servers=SERVERS.split(","),
                client_id=f"kafka-python-{group}-{number}",
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
            while time.time() < until:
                with lock:
                    if len(seen) >= count:
                        break
                for all_of_one in consumer.poll(200).values():
                    with lock:
                        seen.extend((one.key.decode(), one.value.decode(), one.headers[0][1]) for one in all_of_one)
            consumer.commit()
            both.wait()
            consumer.close()

        threads = [threading.Thread(target=one, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return seen


class AioKafka:
    name = "aiokafka"

    def write(self, topic, compression):
        import aiokafka

        async def write():
            kind = None if compression == "none" else compression
            producer = aiokafka.AIOKafkaProducer(
                bootstrap_servers=SERVERS, client_id="aiokafka-writer", acks="all", compression_type=kind
            )
            await producer.start()
            sends = [
                await producer.send(topic, key=key, value=value, headers=headers)
                for key, value, headers in records(compression)
            ]
            await asyncio.wait_for(asyncio.gather(*sends), PATIENCE)
            await producer.stop()

        asyncio.run(write())

    def read(self, topic, group, count):
        import aiokafka

        seen, until = [], time.time() + PATIENCE

        async def one(number):
            consumer = aiokafka.AIOKafkaConsumer(
                topic,
                bootstrap_servers=SERVERS,
                client_id=f"aiokafka-{group}-{number}",
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
            await consumer.start()
            while len(seen) < count and time.time() < until:
                for all_of_one in (await consumer.getmany(timeout_ms=200)).values():
                    seen.extend((one.key.decode(), one.value.decode(), one.headers[0][1]) for one in all_of_one)
            await consumer.commit()
            return consumer

        async def both():
            for consumer in await asyncio.gather(one(0), one(1)):
                await consumer.stop()

        asyncio.run(both())
        return seen


def check(client, topic, compression, group):
    client.write(topic, compression)
    seen = client.read(topic, group, RECORDS)
    missing = expected(compression) - set(seen)
    assert len(seen) == RECORDS and not missing, f"{len(seen)} records, {len(missing)} are missing"


def main():
    failed = False
    for client in (Librdkafka(), KafkaPython(), AioKafka()):
        if sys.argv[1:] and client.name not in sys.argv[1:]:
            continue
        features = {compression: (compression, "") for compression in COMPRESSIONS}
        features["resume"] = ("none", "")
        for feature, (compression, end) in features.items():
            topic = f"{client.name}-{compression}"
            try:
                check(client, topic, compression, topic + end)
                print(f"{client.name}\t{feature}\tok", flush=True)
            except Exception as error:  # a table tells of every client
                failed = True
                print(f"{client.name}\t{feature}\tFAILED", flush=True)
                print(f"{client.name}: {feature}: {type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(failed)


main()
