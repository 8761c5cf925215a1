"""Reads address fields, one JSON string a line, with both readers of Python's email package.

Prints one JSON array a line: the addresses by email.utils.getaddresses, lenient, and by the policy parser.
"""

import email.policy
import email.utils
import json
import sys


def lenient(field):
    try:
        pairs = email.utils.getaddresses([field], strict=False)
    except TypeError:  # older releases have only this reader
        pairs = email.utils.getaddresses([field])
    return [address for _, address in pairs if "@" in address]


def policy(field):
    header = email.policy.default.header_factory("To", field)
    return [f"{a.username}@{a.domain}" for a in header.addresses if a.domain]


def attempt(reader, field):
    try:
        return reader(field)
    except Exception:  # noqa: BLE001: a crash of the reader is a result here
        return None


for line in sys.stdin:
    given = json.loads(line)
    print(json.dumps([attempt(lenient, given), attempt(policy, given)]))
