"""Encoded-words and dates for the readers: generates them with the codecs of the standard library, and reads them.

Prints one JSON object a line. `generate COUNT SEED` makes fields, `words` and `dates` read what stands in the lines of
the input, JSON strings.
"""

import base64
import email.utils
import json
import random
import sys
from email.header import decode_header

TEXTS = {
    "utf-8": ["Grüße aus Köln", "日本語の件名です", "Ελληνικά", "😀 emoji 👩🏽‍🚀", "naïve café", "한국어 제목"],
    "iso-8859-1": ["Grüße aus Köln", "garçon, façade", "¿Qué tal?"],
    "iso-8859-15": ["10 € für Œuvre"],
    "iso-8859-2": ["Zażółć gęślą jaźń"],
    "windows-1252": ["“quoted” – €"],
    "windows-1251": ["Привет, мир"],
    "koi8-r": ["Привет, мир"],
    "iso-2022-jp": ["日本語の件名です", "会議 ABC 議事録", "テスト", "あいうえおかきくけこ"],
    "shift_jis": ["日本語の件名です", "表示 ソート"],
    "euc-jp": ["日本語の件名です"],
    "gb2312": ["中文邮件标题"],
    "gb18030": ["中文邮件標題 😀"],
    "big5": ["中文郵件標題"],
    "euc-kr": ["한국어 제목"],
    "utf-7": ["Grüße aus Köln"],
    "cp850": ["Grüße aus Köln"],
    "cp437": ["Grüße aus Köln"],
}
SPELLINGS = {
    "utf-8": ["UTF-8", "utf8", "Utf-8", "utf_8"],
    "iso-8859-1": ["ISO-8859-1", "iso_8859-1", "latin1"],
    "shift_jis": ["Shift_JIS", "shift-jis", "sjis"],
    "gb2312": ["GB2312", "gb_2312-80"],
    "euc-kr": ["EUC-KR", "ks_c_5601-1987"],
    "cp850": ["cp850", "CP850", "ibm850"],
}


def encode_q(octets):
    return "".join(
        "_" if o == 32 else chr(o) if chr(o).isalnum() and o < 128 else "=%02X" % o for o in octets
    )


def word(label, encoding, octets):
    payload = base64.b64encode(octets).decode() if encoding in "Bb" else encode_q(octets)
    return "=?%s?%s?%s?=" % (label, encoding, payload)


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def charset(self, only=None):
        charset = self.pick(only or list(TEXTS))
        return charset, self.pick(TEXTS[charset]), self.pick(SPELLINGS.get(charset, [charset, charset.upper()]))

    def pieces(self, items):
        """Two or three pieces, none empty."""
        count = min(len(items), self.pick([2, 3]))
        cuts = sorted(self.random.sample(range(1, len(items)), count - 1))
        return [items[a:b] for a, b in zip([0] + cuts, cuts + [len(items)])]

    def space(self):
        return self.pick([" ", "  ", "\t", "\r\n "])

    def whole(self):
        charset, text, label = self.charset()
        return word(label, self.pick("BQbq"), text.encode(charset)), text

    def among_text(self):
        value, text = self.whole()
        return "Re: %s (end)" % value, "Re: %s (end)" % text

    def split(self):
        charset, text, label = self.charset()
        words = [word(label, self.pick("BQ"), piece.encode(charset)) for piece in self.pieces(text)]
        return self.space().join(words), text

    def cut_character(self):
        charset, text, label = self.charset(["utf-8", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr"])
        encoding = self.pick("BQ")
        return self.space().join(word(label, encoding, p) for p in self.pieces(text.encode(charset))), text

    def cut_state(self):
        charset, text, label = self.charset(["iso-2022-jp"])
        octets = text.encode(charset)
        start = octets.index(b"\x1b$B") + 3
        cut = self.random.randrange(start + 1, octets.index(b"\x1b(B", start))
        return " ".join(word(label, "B", p) for p in (octets[:cut], octets[cut:])), text

    def cut_base64(self):
        charset, text, label = self.charset(["utf-8", "big5", "gb18030"])
        payload = base64.b64encode(text.encode(charset)).decode()
        cut = self.random.randrange(4, len(payload) - 4)
        return "=?%s?B?%s?= =?%s?B?%s?=" % (label, payload[:cut], label, payload[cut:]), text

    def other_spelling(self):
        charset, text, _ = self.charset(list(SPELLINGS))
        pieces = self.pieces(text.encode(charset) if charset in ("utf-8", "euc-kr") else text)
        octets = [p if isinstance(p, bytes) else p.encode(charset) for p in pieces]
        return " ".join(word(self.pick(SPELLINGS[charset]), "B", p) for p in octets), text

    def language(self):
        charset, text, label = self.charset()
        return word(label + "*de", "B", text.encode(charset)), text

    def mixed_charsets(self):
        a, text_a, label_a = self.charset()
        b, text_b, label_b = self.charset()
        return word(label_a, "B", text_a.encode(a)) + " " + word(label_b, "Q", text_b.encode(b)), text_a + text_b

    def wrong_label(self):
        text = self.pick(TEXTS["utf-8"])
        label = self.pick(["us-ascii", "unknown-8bit", "x-unknown", "8bit"])
        return word(label, self.pick("BQ"), text.encode("utf-8")), text

    # What follows is damaged: what it means is not certain, so nothing is expected.

    def no_padding(self):
        charset, text, label = self.charset(["utf-8", "gb18030"])
        return word(label, "B", text.encode(charset)).replace("=?=", "?=").replace("=?=", "?="), text

    def blank_in_q(self):
        return "=?utf-8?Q?Gr=C3=BC=C3=9Fe an %s?=" % self.pick(["alle", "dich", "uns"]), None

    def question_mark(self):
        return "=?utf-8?Q?wie_geht's=%s?= =?utf-8?Q?gut?=" % self.pick(["3F", "3f"]) + "?", None

    def raw_question_mark(self):
        return "=?utf-8?Q?wie=3F_so?_%s?=" % self.pick("abc"), None

    def lower_hex(self):
        return "=?utf-8?q?gr=c3=bc=c3=9fe_%s?=" % self.pick("abc"), None

    def bad_hex(self):
        return "=?utf-8?Q?a=%s_b=C3=BC?=" % self.pick(["ZZ", "4", "=41", "G0"]), None

    def not_ended(self):
        return "=?utf-8?Q?a=C3=BC%s" % self.pick(["", "?", "="]), None

    def not_ended_then_another(self):
        return "=?utf-8?Q?a =?utf-8?Q?%s=C3=BC?=" % self.pick("bcd"), None

    def glued(self):
        return "x=?utf-8?Q?=C3=BC?=%s=?utf-8?B?w7w=?=" % self.pick(["y", ",", ""]), None

    def unknown_encoding(self):
        return "=?utf-8?%s?abc?= tail" % self.pick("XU8"), None

    def empty(self):
        return "a =?utf-8?%s??= b" % self.pick("BQ"), None

    def bad_utf8(self):
        return word("utf-8", self.pick("BQ"), b"a\xfc\xe9" + self.pick([b"b", b""])), None

    def junk_in_base64(self):
        return "=?utf-8?B?R3LD%svMOfZQ==?=" % self.pick(["-", " ", ".", "!"]), None


VALID = """whole among_text split cut_character cut_state cut_base64 other_spelling language mixed_charsets
wrong_label""".split()
DAMAGED = """no_padding blank_in_q question_mark raw_question_mark lower_hex bad_hex not_ended not_ended_then_another
glued unknown_encoding empty bad_utf8 junk_in_base64""".split()


def generate(count, seed):
    generator = Generator(seed)
    for index in range(count):
        kind = (VALID * 3 + DAMAGED)[index % (len(VALID) * 3 + len(DAMAGED))]
        value, text = getattr(generator, kind)()
        print(json.dumps({"kind": kind, "value": value, "text": text if kind in VALID else None}))


def read_word(value):
    try:
        pieces = []
        for piece, charset in decode_header(value.replace("\r\n", "")):
            pieces.append(piece if isinstance(piece, str) else piece.decode(charset or "latin-1", "replace"))
        return {"text": "".join(pieces)}
    except Exception as error:  # noqa: BLE001: a failure is a result here
        return {"error": type(error).__name__}


def read_date(value):
    try:
        parsed = email.utils.parsedate_tz(value)
        return {"seconds": None if parsed is None else email.utils.mktime_tz(parsed), "zone": parsed and parsed[9]}
    except Exception as error:  # noqa: BLE001
        return {"seconds": None, "error": type(error).__name__}


if __name__ == "__main__":
    if sys.argv[1] == "generate":
        generate(int(sys.argv[2]), int(sys.argv[3]))
    else:
        reader = read_word if sys.argv[1] == "words" else read_date
        for line in sys.stdin:
            print(json.dumps(reader(json.loads(line))))
