"""What the documented harness needs of the client library, without a cluster: the partition is a list.

Of 50 sends one ends with a time-out, written or not. LOSES=log loses an acknowledged record from the log,
LOSES=delivery does not give it to the group.
"""

import os

LOSES = os.environ.get("LOSES", "")
VICTIM = b"billing-0#77"
log, waiting = [], []


class TopicPartition:
    def __init__(self, topic, partition):
        self.topic, self.partition = topic, partition


class Message:
    def __init__(self, offset, value, error=None):
        self._offset, self._value, self._error = offset, value, error

    def error(self):
        return self._error

    def partition(self):
        return 0

    def offset(self):
        return self._offset

    def value(self):
        return self._value


class Producer:
    def __init__(self, config):
        assert config["acks"] == "all"

    def produce(self, topic, value, on_delivery):
        assert topic == "payments"
        number = int(value.split("#")[1])
        late = number % 50 == 49
        if not late or number % 100 == 99:
            log.append(value.encode())
        error = "_MSG_TIMED_OUT" if late else None
        message = Message(None if late else len(log) - 1, value.encode())
        waiting.append((on_delivery, error, message))

    def poll(self, timeout):
        while len(waiting) > 5:
            self._answer()

    def flush(self):
        while waiting:
            self._answer()

    def _answer(self):
        on_delivery, error, message = waiting.pop(0)
        on_delivery(error, message)


class Consumer:
    def __init__(self, config):
        assert config["enable.auto.commit"] is False
        self.next, self.loses, self.troubled = 0, None, False

    def subscribe(self, topics):
        self.loses = "delivery"

    def assign(self, partitions):
        self.loses = "log"

    def poll(self, timeout):
        if not self.troubled:
            self.troubled = True
            return Message(None, None, error="_TRANSPORT")
        if self.next < len(log) and log[self.next] == VICTIM and LOSES == self.loses:
            self.next += 1
        if self.next == len(log):
            return None
        self.next += 1
        return Message(self.next - 1, log[self.next - 1])

    def commit(self, asynchronous):
        assert asynchronous is False
