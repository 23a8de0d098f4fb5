"""The same service without the bug: what is committed is in the database."""

import sys

import ledger


def handle(consumer, database, messages):
    for message in messages:
        ledger.write(database, message)
    ledger.commit(consumer, messages)


ledger.handle = handle

if __name__ == "__main__":
    ledger.main(sys.argv[1])
