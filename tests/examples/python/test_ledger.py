"""Every payment that was acknowledged reaches the ledger, whatever is killed meanwhile.

LEDGER names the service: ledger, or ledger_fixed.
"""

import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import time
import urllib.request

from confluent_kafka import Producer

HERE = pathlib.Path(__file__).parent
SERVICE = HERE / (os.environ.get("LEDGER", "ledger") + ".py")


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["ACKPROOF_CONTROL"] + path, data, method=method)
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.load(answer)


def start(database):
    return subprocess.Popen([sys.executable, str(SERVICE), str(database)])


def pay(numbers):
    failures = []
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "client.id": "till",
            "enable.idempotence": True,
            "topic.metadata.refresh.interval.ms": 500,
        }
    )
    for number in numbers:
        producer.produce("payments", f"payment {number}", on_delivery=lambda error, _: error and failures.append(error))
    assert producer.flush(60) == 0 and not failures


def rows(path):
    try:
        with sqlite3.connect(path) as database:
            return {payment for (payment,) in database.execute("select payment from ledger")}
    except sqlite3.OperationalError:
        return set()


def test_every_payment_reaches_the_ledger(tmp_path):
    database = tmp_path / "ledger.db"
    service = start(database)
    pay(range(200))
    # The service is killed in the middle of its work ...
    deadline = time.monotonic() + 60
    while len(rows(database)) < 60:
        assert time.monotonic() < deadline, "the service works"
        time.sleep(0.001)
    service.kill()
    service.wait()
    # ... and the leader while it is away.
    leader = control("GET", "/state")["partitions"]["payments-0"]["leader"]
    fault = control("POST", "/faults", {"crash": leader})
    control("POST", "/wait", {"leader": "payments-0", "not": leader, "timeout": "30s"})
    service = start(database)
    pay(range(200, 300))
    control("DELETE", f"/faults/{fault['id']}")
    control("POST", "/wait", {"group": "ledger", "lag": 0, "timeout": "60s"})
    # What is committed is not yet written, with the bug.
    time.sleep(1)
    service.terminate()
    service.wait()
    missing = {f"payment {number}" for number in range(300)} - rows(database)
    assert not missing, f"{len(missing)} payments are in no ledger, such as {min(missing)}"
