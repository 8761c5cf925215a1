"""Checks the cases on standard input with pyspf; one result a line on standard output."""

import json
import socket
import sys

import spf

zone = {}


def look_up(name, qtype, tcpfallback=True, timeout=30, level=0):
    """Replaces pyspf's DNS: answers from the case's zone, aliases included."""
    labels = [label for label in name.split('.') if label]
    if any(len(label) > 63 for label in labels):
        raise spf.TempError('label too long')
    records = zone.get('.'.join(labels).lower())
    if records is None:
        return []
    if records.get('fail'):
        raise spf.TempError('failing name')
    found = []
    for value in records.get(qtype, []):
        if qtype == 'AAAA':
            value = bytes(socket.inet_pton(socket.AF_INET6, value))
        elif qtype == 'TXT':
            value = (value.encode('latin-1'),)
        elif qtype == 'MX':
            value = (value[0], value[1])
        found.append(((name, qtype), value))
    return found


spf.DNSLookup = look_up

for line in sys.stdin:
    case = json.loads(line)
    zone = case['zone']
    try:
        query = spf.query(case['ip'], case['sender'], case['helo'], receiver='unknown', strict=True)
        result, _, explanation = query.check()
    except Exception as error:
        result, explanation = 'error', repr(error)
    print(json.dumps({'result': result, 'detail': str(explanation)}), flush=False)
