"""Signs and verifies with dkimpy: one JSON request a line on standard input, one JSON answer a line on standard output.

{"do": "verify" | "arc-verify", "message": base64, "zone": {name: record}}            -> {"result": "pass" | why}
{"do": "sign", "message", "domain", "selector", "key", "canon": [h, b], "ed25519": bool} -> {"result": base64 of fields}
{"do": "arc-sign", "message", "domain", "selector", "key", "authserv"}                   -> {"result": base64 of fields}

dkimpy takes the result of the chain so far from the message's own Authentication-Results field by "authserv".
"""
import base64
import json
import sys

import dkim


def dns_of(zone):
    def txt(name, timeout=5):
        return zone.get(name.decode().rstrip(".").lower(), "").encode() or None

    return txt


def verify(request, message):
    """Every signature has to verify, not only the first."""
    txt = dns_of(request["zone"])
    count = len([1 for name, _ in dkim.rfc822_parse(message)[0] if name.lower() == b"dkim-signature"])
    for index in range(count):
        if not dkim.DKIM(message, minkey=1024).verify(idx=index, dnsfunc=txt):
            return "signature %d fails" % index
    return "pass" if count else "none"


def arc_verify(request, message):
    cv, _, reason = dkim.ARC(message).verify(dnsfunc=dns_of(request["zone"]))
    return "pass" if cv == dkim.CV_Pass else "%s %s" % (cv, reason)


def sign(request, message):
    signer = dkim.DKIM(message, signature_algorithm=b"ed25519-sha256" if request["ed25519"] else b"rsa-sha256")
    field = signer.sign(
        request["selector"].encode(),
        request["domain"].encode(),
        request["key"].encode(),
        canonicalize=tuple(one.encode() for one in request["canon"]),
    )
    return base64.b64encode(field).decode()


def arc_sign(request, message):
    fields = dkim.arc_sign(
        message,
        request["selector"].encode(),
        request["domain"].encode(),
        request["key"].encode(),
        request["authserv"].encode(),
    )
    return base64.b64encode(b"".join(fields)).decode()


actions = {"verify": verify, "arc-verify": arc_verify, "sign": sign, "arc-sign": arc_sign}
for line in sys.stdin:
    request = json.loads(line)
    try:
        result = actions[request["do"]](request, base64.b64decode(request["message"]))
    except Exception as error:
        result = "error: %r" % error
    print(json.dumps({"result": result}), flush=True)
