"""Reads messages with Python's email package and prints one JSON object a line.

Input: for each message its length in octets, a line break, and its octets.
"""

import base64
import email
import email.policy
import email.utils
import hashlib
import json
import re
import sys
from email.header import decode_header


def decoded(text):
    """The text of a header value with encoded-words, as the older interface of the package reads it."""
    pieces = []
    for piece, charset in decode_header(text):
        pieces.append(piece if isinstance(piece, str) else piece.decode(charset or "ascii", "replace"))
    return "".join(pieces)


def unfold(text):
    return text.replace("\r\n", "").replace("\n", "")


def addresses(message, name):
    found = []
    for value in message.get_all(name, []):
        for display, address in email.utils.getaddresses([unfold(str(value))]):
            found.append([decoded(display), address])
    return found


def leaf(part):
    content = part.get_payload(decode=True) if part.get_content_type() != "message/rfc822" else b""
    return {
        "type": part.get_content_type(),
        "filename": part.get_filename(),
        "cid": part.get("Content-ID"),
        "disposition": part.get_content_disposition(),
        "sha": hashlib.sha256(content or b"").hexdigest(),
        "words": [word.decode("ascii") for word in re.findall(rb"w\d+x", content or b"")],
    }


def leaves(part):
    if part.get_content_type() == "message/rfc822" or not part.is_multipart():
        yield leaf(part)
        return
    for child in part.get_payload():
        yield from leaves(child)


def filename_parts(message, modern):
    """File names by the newer interface, which decodes RFC 2231 itself."""
    for part, new in zip(message, modern):
        part["filename"] = new
    return message


def modern_names(part):
    if part.get_content_type() == "message/rfc822" or not part.is_multipart():
        yield part.get_filename()
        return
    for child in part.get_payload():
        yield from modern_names(child)


def defects(part):
    names = [type(one).__name__ for one in part.defects]
    if part.is_multipart():
        for child in part.get_payload():
            names.extend(defects(child))
    return names


def report(octets):
    old = email.message_from_bytes(octets)
    new = email.message_from_bytes(octets, policy=email.policy.default)
    subject = old.get("Subject")
    return {
        "subject": None if subject is None else decoded(unfold(str(subject))),
        "from": addresses(old, "From"),
        "to": addresses(old, "To"),
        "parts": filename_parts(list(leaves(old)), list(modern_names(new))),
        "date": email.utils.parsedate_to_datetime(old["Date"]).timestamp(),
        "messageId": old["Message-ID"],
        "fields": len(old.keys()),
        "defects": defects(new),
    }


def encodings():
    """Decodes base64 and quoted-printable lines given as JSON, with the codecs of the standard library."""
    import quopri

    for line in sys.stdin:
        given = json.loads(line)
        octets = base64.b64decode(given["octets"])
        print(
            json.dumps(
                {
                    "quoted": hashlib.sha256(quopri.decodestring(given["quoted"].encode("ascii"))).hexdigest(),
                    "base64": hashlib.sha256(base64.b64decode(given["base64"])).hexdigest(),
                    # Its encoder takes line breaks for text, so that they do not come back exactly.
                    "quotedByPython": base64.b64encode(
                        quopri.encodestring(octets.translate(None, b"\r\n"))
                    ).decode("ascii"),
                    "base64ByPython": base64.encodebytes(octets).decode("ascii"),
                }
            )
        )


def messages():
    source = sys.stdin.buffer
    while True:
        length = source.readline()
        if not length:
            return
        octets = source.read(int(length))
        try:
            result = report(octets)
        except Exception as error:  # noqa: BLE001: a crash of the reader is a result here
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result, ensure_ascii=True))


if __name__ == "__main__":
    encodings() if sys.argv[1:] == ["encodings"] else messages()
