#!/bin/sh
# Makes explain.txt, the signatures that Explain has to see through. openssl signs and
# Python re-writes, so that no expected value comes from igloo:
#
#   sh explain.sh > explain.txt
#
# A line "body NAME BASE64" is a body as somebody has it. Every other line is a case:
# body, secret, codes and the digest, where a "-" stands for an empty text.
set -eu
exec python3 - <<'PYTHON'
import base64, json, re, subprocess, urllib.parse

keys = {  # the same as in explain_test.go
    "instagram": b"0123456789abcdef0123456789abcdef",
    "meta": b"fedcba9876543210fedcba9876543210",
    "#3": b"aa55aa55bb66bb66cc77cc77dd88dd88",
    "development": b"00112233445566778899aabbccddeeff",
    "verify-token": b"vt_8f2c1b77d0a94e63",
    "access-token": b"IGAAexampleTokenZDZD",
}

def digest(key, text, name="sha256"):
    # An HMAC pads its key with zero bytes, so one of them is the empty key.
    command = ["openssl", "dgst", "-" + name, "-mac", "HMAC", "-macopt", "hexkey:" + (key or b"\0").hex()]
    out = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    return out.split()[-1].decode()

def plain(text, name="sha256"):
    out = subprocess.run(["openssl", "dgst", "-" + name], input=text, capture_output=True, check=True).stdout
    return out.split()[-1].decode()

# The writers. Python writes JSON as PHP and JavaScript do once it is told the separators.
def dumps(value, **options): return json.dumps(value, **options).encode()
tight = (",", ":")
def slashes(text): return text.replace(b"/", b"\\/")
def upper(text): return re.sub(rb"\\u[0-9a-f]{4}", lambda m: b"\\u" + m[0][2:].upper(), text)
def hide(text, characters, caps=False):
    for c in characters:
        code = "\\u%04x" % ord(c)
        text = text.replace(c, "\\u" + code[2:].upper() if caps else code)
    return text

changes = json.loads(r'''{"entry": [{"id": "1", "time": 1790000123, "changes": [{"value": {"from": {"id": "2", "username": "a"}, "media": {"id": "3", "media_product_type": "FEED"}, "id": "4", "text": "Qu\u00e9 <b>24/7</b> \ud83e\udd50"}, "field": "comments"}]}], "object": "instagram"}''')
test = json.loads(r'''{"entry": [{"id": "0", "time": 1790000123, "changes": [{"field": "comments", "value": {"from": {"id": "2", "username": "t"}, "media": {"id": "3", "media_product_type": "FEED"}, "id": "4", "parent_id": "5", "text": "An example."}}]}], "object": "instagram"}''')
message = json.loads(r'''{"object":"instagram","entry":[{"time":1790000124367,"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1790000123456,"message":{"mid":"m","text":"\u00e9 <b>@a 5% & it's 1+1=2 \"q\" 24\/7\n\ud83d\udc4b"}}]}]}''')
plainly = json.loads(r'''{"object":"instagram","entry":[{"time":1790000124367,"id":"1","messaging":[{"timestamp":1790000123456,"message":{"mid":"m","text":"ascii only"}}]}]}''')

meta_changes, meta_test = dumps(changes), dumps(test)
meta_message, meta_plainly = slashes(dumps(message, separators=tight)), slashes(dumps(plainly, separators=tight))

def rewritten(value):
    """What the writers make of a value: (codes, text), the rare ones apart."""
    js = json.dumps(value, ensure_ascii=False, separators=tight)
    ascii_ = json.dumps(value, separators=tight)
    go = hide(js, "<>&")
    go_sorted = hide(json.dumps(value, ensure_ascii=False, separators=tight, sort_keys=True), "<>&")
    # .NET writes a quote as \u0022 too.
    dotnet = hide(upper(ascii_.encode()).decode().replace('\\"', "\\u0022"), "&'+<>`", caps=True)
    common = [
        ("json-stringify", js.encode()),
        ("json-encode", slashes(ascii_.encode())),
        ("json-dumps", dumps(value)),
        ("json-encode-slashes", ascii_.encode()),
        ("json-encode-unicode", slashes(js.encode())),
        ("json-dumps-utf8", dumps(value, ensure_ascii=False)),
        ("messenger-escapes", hide(slashes(ascii_.encode()).decode(), "<@%", caps=True).encode()),
        ("go-marshal", go.encode()),
        ("go-marshal+keys-sorted", go_sorted.encode()),
        ("gson", hide(js, "<>&='").encode()),
        ("dotnet-json", dotnet.encode()),
        ("json-dumps+keys-sorted", dumps(value, sort_keys=True)),
        ("json-stringify+keys-sorted", json.dumps(value, ensure_ascii=False, separators=tight, sort_keys=True).encode()),
        ("json-encode+keys-sorted", slashes(dumps(value, separators=tight, sort_keys=True))),
        ("json-encode-slashes+keys-sorted", dumps(value, separators=tight, sort_keys=True)),
        ("dict-repr", str(value).encode()),
    ]
    rare = []
    for codes, text in common[:-1]:
        rare += [(codes + "+newline-missing", text + b"\n"), (codes + "+newline-missing", text + b"\r\n")]
    for indent in (2, 4, "\t"):
        for codes, text in [
            ("pretty-printed+slashes-plain", dumps(value, indent=indent)),
            ("pretty-printed+unicode-plain", slashes(dumps(value, indent=indent, ensure_ascii=False))),
            ("pretty-printed+slashes-plain+unicode-plain", dumps(value, indent=indent, ensure_ascii=False)),
            ("pretty-printed+unicode-upper-hex", upper(slashes(dumps(value, indent=indent)))),
            ("pretty-printed+slashes-plain+unicode-upper-hex", upper(dumps(value, indent=indent))),
        ]:
            rare += [(codes, text), (codes + "+newline-missing", text + b"\n")]
        for codes, text in [
            ("pretty-printed", slashes(dumps(value, indent=indent))),
            ("pretty-printed+slashes-plain", dumps(value, indent=indent)),
            ("pretty-printed+slashes-plain+unicode-plain", dumps(value, indent=indent, ensure_ascii=False)),
        ]:
            text = text.replace(b"\n", b"\r\n")
            rare += [(codes + "+crlf-missing", text), (codes + "+crlf-missing+newline-missing", text + b"\r\n")]
    rare += [
        ("spaced+unicode-plain", slashes(dumps(value, ensure_ascii=False))),
        ("spaced+unicode-upper-hex", upper(slashes(dumps(value)))),
        ("spaced+slashes-plain+unicode-upper-hex", upper(dumps(value))),
        ("slashes-plain+unicode-upper-hex", upper(dumps(value, separators=tight))),
    ]
    return common, rare

common, rare = rewritten(message)
common = [c for c in common if c[1] != meta_message]  # json-encode is what Meta does
rare = [(codes.replace("json-encode+newline-missing", "newline-missing"), text) for codes, text in rare]
textual = [
    ("-", meta_message),
    ("newline-missing", meta_message + b"\n"),
    ("newline-missing", meta_message + b"\r\n"),
    ("bom-missing", b"\xef\xbb\xbf" + meta_message),
    ("empty-signed", b""),
    ("placeholder-signed", b"[object Object]"),
    ("placeholder-signed", b"{}"),
    ("placeholder-signed", b"null"),
    ("placeholder-signed", b"undefined"),
    ("placeholder-signed", b"None"),
    ("form-signed", b"payload=" + urllib.parse.quote_plus(meta_message).encode()),
    ("base64-signed", base64.b64encode(meta_message)),
    ("quoted-signed", json.dumps(meta_message.decode()).encode()),
    ("bytes-repr", str(meta_message).encode()),
    ("spaced", slashes(dumps(message))),
    ("pretty-printed", slashes(dumps(message, indent=2))),
    ("pretty-printed", slashes(dumps(message, indent=4))),
    ("pretty-printed", slashes(dumps(message, indent="\t"))),
    ("unicode-upper-hex", upper(meta_message)),
]

def spoilt(key):
    """Every way to spoil a key: (code, key)."""
    out = [
        ("-", key),
        ("secret-newline", key + b"\n"), ("secret-newline", key + b"\r\n"), ("secret-newline", key + b"\r"),
        ("secret-space", key + b" "), ("secret-space", b" " + key),
        ("secret-quotes", b'"' + key + b'"'), ("secret-quotes", b"'" + key + b"'"),
    ]
    if re.fullmatch(rb"([0-9a-f]{2})+", key):
        out += [("secret-hex-decoded", bytes.fromhex(key.decode())), ("secret-case", key.upper())]
    return out

def codes(*parts):
    return "+".join(p for p in parts if p != "-") or "verified"

def kind(name):
    return name if name.endswith("-token") else "-"

def body(name, text):
    print("body", name, base64.b64encode(text).decode() or "-")

def case(given, secret, code, value):
    print(given, secret, code, value)

print("# Made by explain.sh. Don't edit.")
body("message", meta_message)
for name in ("instagram", "meta", "verify-token", "access-token"):
    for key_code, key in spoilt(keys[name]):
        for body_code, text in textual + common:
            case("message", name, codes(kind(name), key_code, body_code), digest(key, text))
for name in keys:
    for body_code, text in textual + common + rare:
        if name in ("#3", "development") or (body_code, text) in rare:
            case("message", name, codes(kind(name), body_code), digest(keys[name], text))
    if name in ("#3", "development"):
        for key_code, key in spoilt(keys[name])[1:]:
            case("message", name, key_code, digest(key, meta_message))
for key in (b"", b"undefined", b"null", b"None"):
    for body_code, text in textual + common:
        case("message", "-", codes("secret-missing", body_code), digest(key, text))

# No HMAC, or one with its arguments swapped.
case("message", "-", "not-hmac", plain(meta_message))
for name, key in keys.items():
    case("message", name, "not-hmac", plain(key + meta_message))
    case("message", name, "not-hmac", plain(meta_message + key))
    case("message", name, "swapped-arguments", digest(meta_message, key))

# The same the other way round: Meta signed its bytes, and somebody has others.
def kept(name, text, signed, code):
    body(name, text)
    for secret in ("instagram", "meta"):
        case(name, secret, code, digest(keys[secret], signed))

number = 0
for value, signed in ((changes, meta_changes), (test, meta_test), (message, meta_message)):
    for some in rewritten(value)[:2 if value is message else 1]:
        for _, text in some:
            if text != signed and not text.startswith(b"{'"):  # Python's str is not JSON
                number += 1
                kept("rewritten%d" % number, text, signed, {
                    signed + b"\n": "newline-added", signed + b"\r\n": "newline-added",
                }.get(text, "reserialized"))
for name, text, code in (
    ("newline", meta_message + b"\n", "newline-added"),
    ("crlf", meta_message + b"\r\n", "newline-added"),
    ("bom", b"\xef\xbb\xbf" + meta_message, "bom-added"),
    ("space", b"  " + meta_message + b" ", "space-added"),
    ("bom-newline", b"\xef\xbb\xbf" + meta_message + b"\n", "bom-added+space-added"),
    ("base64", base64.b64encode(meta_message), "base64-body"),
    ("form", b"a=b&payload=" + urllib.parse.quote_plus(meta_message).encode(), "form-body"),
    ("form-name", urllib.parse.quote_plus(meta_message).encode() + b"=", "form-body"),
    ("base64-newline", base64.b64encode(meta_message) + b"\n", "base64-body"),
    ("quoted", json.dumps(meta_message.decode()).encode(), "quoted-body"),
):
    kept(name, text, meta_message, code)

# Line ends within the text, and single changes of the spelling.
lines = dumps(message, indent=2)
body("lf", lines)
case("lf", "instagram", "crlf-missing", digest(keys["instagram"], lines.replace(b"\n", b"\r\n")))
body("crlf-lines", lines.replace(b"\n", b"\r\n"))
case("crlf-lines", "instagram", "crlf-added", digest(keys["instagram"], lines))
case("crlf-lines", "instagram", "reserialized", digest(keys["instagram"], meta_message))
mixed = meta_message.replace(b"<b>", b"<b>\\/ /").replace(b"1+1", b"\\u00E9 \xc3\xa8")
body("mixed", mixed)
for code, text in (
    ("spaced", mixed.replace(b",", b", ").replace(b":", b": ")),
    ("slashes-plain", mixed.replace(b"\\/", b"/")),
    ("slashes-escaped", mixed.replace(b"\\/", b"/").replace(b"/", b"\\/")),
    ("unicode-plain", re.sub(rb"\\ud83d\\udc4b", "\U0001F44B".encode(), re.sub(rb"\\u00[eE]9", "é".encode(), mixed))),
    ("unicode-escaped", mixed.replace(b"\\u00E9", b"\\u00e9").replace("è".encode(), b"\\u00e8")),
    ("unicode-upper-hex", upper(mixed.replace(b"\\u00E9", b"\\u00e9").replace("è".encode(), b"\\u00e8"))),
):
    case("mixed", "meta", code, digest(keys["meta"], text))
airy = meta_plainly.replace(b":", b" : ").replace(b",", b" , ")
body("airy", airy)
case("airy", "meta", "reserialized", digest(keys["meta"], meta_plainly))
body("no-payload", b'{ "a": [ 1, {} ], "b": "\\u00e9" }')
for code, text in (
    ("json-stringify", '{"a":[1,{}],"b":"é"}'.encode()),
    ("json-encode", b'{"a":[1,{}],"b":"\\u00e9"}'),
    ("json-dumps", b'{"a": [1, {}], "b": "\\u00e9"}'),
):
    case("no-payload", "meta", code, digest(keys["meta"], text))
PYTHON
