"""Makes vectors.json and regcred/ from the files of make.sh. Protobuf and DER are assembled by hand, so that the vectors
are independent of the project's libraries; AES and signatures come from openssl."""

import base64
import hashlib
import json
import pathlib
import struct
import subprocess


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, capture_output=True, check=True).stdout


def fixed(label, count):
    """Pseudorandom bytes of any length, the same in every run; make.sh computes the same first 32."""
    digest = hashlib.sha256(f"xlreg test vector: {label}".encode()).digest()
    out = digest
    while len(out) < count:
        digest = hashlib.sha256(digest).digest()
        out += digest
    return out[:count]


def read(path):
    return pathlib.Path(path).read_bytes()


# --- protobuf

def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


MESSAGE = {"Op": 1, "AesIV": 2, "AesKey": 3, "Salt1": 4, "Salt2": 5, "Version": 6, "ClientName": 8, "ClientID": 9,
           "ClientAttrs": 10, "ClientSpecs": 11, "ClusterID": 13, "ClusterName": 14, "ClusterSize": 15,
           "ClusterAttrs": 16, "EndPointCount": 17, "Which": 20, "Tokens": 21, "DigSig": 22, "ErrDesc": 23}
TOKEN = {"Name": 1, "Attrs": 2, "ID": 3, "CommsKey": 4, "SigKey": 5, "MyEnds": 6, "DigSig": 7}


def encode(fields, numbers=MESSAGE):
    """Encodes fields in the order of the dictionary, which is that of their numbers."""
    out = b""
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int):
                out += number(numbers[name], one)
            else:
                out += data(numbers[name], encode(one, TOKEN) if isinstance(one, dict) else one)
    return out


# --- DER

def tlv(tag, *contents):
    body = b"".join(contents)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(length)]) + length + body


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


RSA_OID = bytes.fromhex("06092a864886f70d010101")
NULL = bytes.fromhex("0500")


def spki_of(pkcs1, algorithm=RSA_OID + NULL, unused_bits=b"\0"):
    return tlv(0x30, tlv(0x30, algorithm), tlv(3, unused_bits, pkcs1))


def rsa_spki(modulus, exponent=65537):
    return spki_of(tlv(0x30, integer(modulus), integer(exponent)))


def some_modulus(bits, label="modulus"):
    """An odd number of exactly this many bits, of unknown factors."""
    value = int.from_bytes(fixed(f"{label} {bits}", (bits + 7) // 8), "big")
    return (value & (1 << bits) - 1) | 1 << bits - 1 | 1


def numbers_of(spki):
    """Modulus and exponent, as openssl prints them."""
    text = openssl("rsa", "-pubin", "-inform", "DER", "-text", "-noout", stdin=spki).decode()
    body = text.split("Modulus:")[1].split("Exponent:")
    return int("".join(body[0].split()).replace(":", ""), 16), int(body[1].split()[0])


# --- keys

def ssh_blob(spki):
    modulus, exponent = numbers_of(spki)
    parts = [b"ssh-rsa"] + [value.to_bytes(value.bit_length() // 8 + 1, "big") for value in (exponent, modulus)]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def key_pair(name):
    spki = openssl("pkey", "-in", f"keys/{name}.pem", "-pubout", "-outform", "DER")
    blob = ssh_blob(spki)
    return {
        "privateKeyFile": f"keys/{name}.pem",
        "modulusBits": numbers_of(spki)[0].bit_length(),
        "spki": spki,
        "ssh": "ssh-rsa " + base64.b64encode(blob).decode(),
        "fingerprint": "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("="),
    }


KEYS = {short: key_pair(f"test-{name}") for short, name in {
    "registryCk": "registry-ck", "registrySk": "registry-sk", "memberCk": "member-ck", "memberSk": "member-sk",
    "registryCk1024": "registry-ck-1024"}.items()}


def sign(signed, key):
    return openssl("dgst", "-sha1", "-sign", f"keys/test-{key}.pem", stdin=signed)


# --- Hello and HelloReply

VERSION1 = bytes([1, 2, 3, 4])
VERSION2 = bytes([5, 6, 7, 8])
IV1, KEY1, SALT1 = fixed("iv1", 16), fixed("key1", 32), fixed("salt1", 8)
IV2, KEY2, SALT2 = fixed("iv2", 16), fixed("key2", 32), fixed("salt2", 8)
REPLY_IV = fixed("HelloReply iv", 16)


def aes(key, iv, plain):
    return openssl("enc", "-aes-256-cbc", "-K", key.hex(), "-iv", iv.hex(), stdin=plain)


def hello(dialect, key, file):
    plaintext = (IV1 if dialect == "chained" else b"") + KEY1 + SALT1 + VERSION1
    fields = {"iv1": IV1} if dialect == "chained" else {}
    return {"dialect": dialect, "key": key, **fields, "key1": KEY1, "salt1": SALT1, "version1": VERSION1,
            "plaintext": plaintext, "ciphertext": read(f"hellos/{file}.bin")}


HELLOS = [hello("chained", "registryCk", "chained"), hello("prefixed", "registryCk", "prefixed"),
          hello("chained", "registryCk1024", "chained-1024"), hello("prefixed", "registryCk1024", "prefixed-1024")]

CHAINED_REPLY = IV2 + KEY2 + SALT2 + SALT1 + VERSION2
PREFIXED_REPLY = KEY2 + SALT2 + VERSION2
HELLO_REPLIES = [
    {"dialect": "chained", "key1": KEY1, "iv1": IV1, "iv2": IV2, "key2": KEY2, "salt2": SALT2, "salt1": SALT1,
     "version2": VERSION2, "plaintext": CHAINED_REPLY, "wire": aes(KEY1, IV1, CHAINED_REPLY)},
    {"dialect": "prefixed", "key1": KEY1, "iv": REPLY_IV, "key2": KEY2, "salt2": SALT2, "version2": VERSION2,
     "plaintext": PREFIXED_REPLY, "wire": REPLY_IV + aes(KEY1, REPLY_IV, PREFIXED_REPLY)},
]

CK_MODULUS = numbers_of(KEYS["registryCk"]["spki"])[0]
HOSTILE_HELLOS = [
    *({"reason": f"decrypts to {n} bytes, which is no dialect", "bytes": read(f"hellos/plaintext-{n}.bin")}
      for n in (0, 43, 45, 59, 61, 86)),
    {"reason": "OAEP with a label", "bytes": read("hellos/oaep-label.bin")},
    {"reason": "OAEP with SHA-256", "bytes": read("hellos/oaep-sha256.bin")},
    {"reason": "OAEP with SHA-1 and MGF1 with SHA-256", "bytes": read("hellos/oaep-mgf1-sha256.bin")},
    {"reason": "PKCS#1 v1.5 padding", "bytes": read("hellos/pkcs1-v1.5.bin")},
    {"reason": "under another key (it may or may not be below the modulus)", "bytes": read("hellos/other-key.bin")},
    {"reason": "random bytes below the modulus", "bytes": b"\0" + fixed("random Hello", 255)},
    {"reason": "the number 0", "bytes": bytes(256)},
    {"reason": "the number 1", "bytes": (1).to_bytes(256, "big")},
    {"reason": "the modulus less 1", "bytes": (CK_MODULUS - 1).to_bytes(256, "big")},
    {"reason": "the modulus", "bytes": CK_MODULUS.to_bytes(256, "big")},
    {"reason": "the greatest number of 256 bytes", "bytes": b"\xff" * 256},
    {"reason": "a byte missing", "bytes": HELLOS[1]["ciphertext"][:-1]},
    {"reason": "a byte too many", "bytes": HELLOS[1]["ciphertext"] + b"\0"},
]

# --- tokens

NODE_ID = fixed("node ID", 32)
CLUSTER_ID = fixed("cluster ID", 32)
REGISTRY_ID = fixed("registry ID", 32)


def signed_bytes(token, with_id=False):
    attrs = struct.pack("<Q", token.get("Attrs", 0))
    node_id = token.get("ID", b"") if with_id else b""
    return b"".join([token["Name"].encode(), attrs, node_id, token["CommsKey"], token["SigKey"],
                     *(end.encode() for end in token.get("MyEnds", []))])


def token(name, reading="without ID", key="member-sk", comms="memberCk", sig="memberSk", **fields):
    unsigned = {"Name": name, "Attrs": fields.get("attrs"), "ID": fields.get("id"), "CommsKey": KEYS[comms]["spki"],
                "SigKey": KEYS[sig]["spki"], "MyEnds": fields.get("ends") or None}
    unsigned = {field: value for field, value in unsigned.items() if value is not None}
    signed = signed_bytes(unsigned, reading == "with ID")
    return {"signed": signed, "fields": {**unsigned, "DigSig": sign(signed, key)}}


ENDS = ["10.0.0.1:4001", "10.0.0.2:4002"]
MEMBER = token("node-1", attrs=2, ends=ENDS)
RESPLIT = {**MEMBER["fields"], "MyEnds": ["10.0.0.1:40011", "0.0.0.2:4002"]}
BIG_ATTRS = 2**64 - 1
TOKENS = [
    {"name": "no ID", **MEMBER},
    {"name": "no attrs, no end points", **token("admin")},
    {"name": "attrs of 64 bits", **token("node-1", attrs=BIG_ATTRS, ends=ENDS)},
    {"name": "ID of 32 bytes, signed without it", **token("node-1", attrs=2, id=NODE_ID, ends=ENDS)},
    {"name": "ID of 32 bytes, signed with it", **token("node-1", "with ID", attrs=2, id=NODE_ID, ends=ENDS)},
    {"name": "ID of 20 bytes, signed without it", **token("node-1", attrs=2, id=NODE_ID[:20], ends=ENDS)},
    {"name": "ID of 20 bytes, signed with it", **token("node-1", "with ID", attrs=2, id=NODE_ID[:20], ends=ENDS)},
    {"name": "four end points of every kind", **token("node.2_x", attrs=1, ends=[
        "node1.example:1", "[::]:4001", "127.0.0.1:65535", "TcpEndPoint: 10.0.0.1:1"])},
    {"name": "the signature of 'no ID' over other end points of the same bytes", "signed": MEMBER["signed"],
     "fields": RESPLIT},
    {"name": "the registry's own", **token("xlReg", key="registry-sk", comms="registryCk", sig="registrySk",
                                          id=REGISTRY_ID, ends=["50.18.104.7:56789"])},
]

GOOD = MEMBER["fields"]["DigSig"]
BAD_SIGNATURES = [
    {"reason": "empty", "digSig": b""},
    {"reason": "a byte missing", "digSig": GOOD[:-1]},
    {"reason": "a byte too many", "digSig": GOOD + b"\0"},
    {"reason": "all ones", "digSig": b"\xff" * 256},
    {"reason": "all zeros", "digSig": bytes(256)},
    {"reason": "a bit flipped", "digSig": GOOD[:100] + bytes([GOOD[100] ^ 1]) + GOOD[101:]},
    {"reason": "by another key", "digSig": sign(MEMBER["signed"], "member-ck")},
    {"reason": "over other attrs", "digSig": sign(signed_bytes({**MEMBER["fields"], "Attrs": 3}), "member-sk")},
    {"reason": "over attrs in big-endian order", "digSig": sign(
        signed_bytes({**MEMBER["fields"], "Attrs": 2 << 56}), "member-sk")},
    {"reason": "over end points in the other order", "digSig": sign(
        signed_bytes({**MEMBER["fields"], "MyEnds": ENDS[::-1]}), "member-sk")},
    {"reason": "with SHA-256", "digSig": openssl(
        "dgst", "-sha256", "-sign", "keys/test-member-sk.pem", stdin=MEMBER["signed"])},
    {"reason": "with PSS padding", "digSig": openssl(
        "dgst", "-sha1", "-sign", "keys/test-member-sk.pem", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
        "rsa_pss_saltlen:0", stdin=MEMBER["signed"])},
]
CLIENT_BY_ID = {"clientId": NODE_ID, "salt2": SALT2, "signed": NODE_ID + SALT2,
                "digSig": sign(NODE_ID + SALT2, "member-sk"),
                "digSigOverSalt1": sign(NODE_ID + SALT1, "member-sk"),
                "digSigOverIdAlone": sign(NODE_ID, "member-sk")}

# --- messages

ROSTER_TOKEN = {"Name": "node-1", "Attrs": 2, "ID": NODE_ID, **{
    field: MEMBER["fields"][field] for field in ("CommsKey", "SigKey", "MyEnds")}}
FIELDS = {
    "RegCredRequest": {"Op": 1},
    "RegCredReply": {"Op": 2, "Version": 0x08070605, "ClientSpecs": TOKENS[-1]["fields"]},
    "Client": {"Op": 3, "ClientSpecs": MEMBER["fields"]},
    "Client by ID": {"Op": 3, "ClientID": NODE_ID, "DigSig": CLIENT_BY_ID["digSig"]},
    "ClientOK": {"Op": 4, "ClientID": NODE_ID, "ClientAttrs": 2},
    "Create": {"Op": 5, "ClusterName": "cluster-1", "ClusterSize": 3, "EndPointCount": 2},
    "Create, all fields": {"Op": 5, "ClusterName": "cluster-1", "ClusterSize": 3, "ClusterAttrs": 1,
                           "EndPointCount": 0},
    "Create, greatest numbers": {"Op": 5, "ClusterName": "__proto__", "ClusterSize": 2**32 - 1,
                                 "ClusterAttrs": 2**64 - 1, "EndPointCount": 2**32 - 1},
    "CreateReply": {"Op": 6, "ClusterID": CLUSTER_ID, "ClusterSize": 3, "ClusterAttrs": 0, "EndPointCount": 2},
    "Join": {"Op": 7, "ClusterName": "cluster-1"},
    "Join by ID": {"Op": 7, "ClusterID": CLUSTER_ID},
    "Join, neither": {"Op": 7},
    "JoinReply": {"Op": 8, "ClusterID": CLUSTER_ID, "ClusterSize": 3, "ClusterAttrs": 0, "EndPointCount": 2},
    "GetCluster": {"Op": 9, "ClusterID": CLUSTER_ID},
    "GetCluster, all bits": {"Op": 9, "ClusterID": CLUSTER_ID, "Which": 2**64 - 1},
    "GetCluster, no bits": {"Op": 9, "ClusterID": CLUSTER_ID, "Which": 0},
    "GetCluster, bit 53 and bit 0": {"Op": 9, "ClusterName": "cluster-1", "Which": 2**53 + 1},
    "ClusterMembers": {"Op": 10, "ClusterID": CLUSTER_ID, "ClusterSize": 3, "Which": 1, "Tokens": [ROSTER_TOKEN]},
    "ClusterMembers, none": {"Op": 10, "ClusterID": CLUSTER_ID, "ClusterSize": 3, "Which": 0},
    "Bye": {"Op": 11},
    "Ack": {"Op": 12},
    "Error": {"Op": 13, "ErrDesc": "cluster is full"},
}
MESSAGES = [{"name": name, "fields": fields, "encoded": encode(fields)} for name, fields in FIELDS.items()]
ENCODED = {message["name"]: message["encoded"] for message in MESSAGES}

BYE = ENCODED["Bye"]
UNUSUAL = [
    {"reason": "Op twice, the last counts", "op": 11, "encoded": bytes.fromhex("0803080b")},
    {"reason": "Op in an overlong varint", "op": 11, "encoded": bytes.fromhex("088b00")},
    {"reason": "Op behind other fields", "op": 11, "encoded": data(14, "cluster-1") + BYE},
    {"reason": "Op in a varint of ten bytes", "op": 11, "encoded": bytes.fromhex("088b808080808080808000")},
    {"reason": "tag in an overlong varint", "op": 11, "encoded": bytes.fromhex("88000b")},
    {"reason": "16 unknown fields, of wire types 0, 1, 2 and 5", "op": 11, "encoded": BYE + (
        number(7, 1) + varint(12 << 3 | 1) + bytes(8) + data(18, b"\xff\0") + varint(19 << 3 | 5) + bytes(4)) * 4},
    {"reason": "an unknown field of the greatest number", "op": 11, "encoded": BYE + number(2**29 - 1, 0)},
    {"reason": "known fields that the Op does not use", "op": 11, "encoded": BYE + data(14, "x") + number(15, 7)},
    {"reason": "64 empty Tokens", "op": 11, "encoded": BYE + data(21, b"") * 64},
    {"reason": "64 MyEnds", "op": 3, "encoded": number(1, 3) + data(11, data(6, "a:1") * 64)},
]
OPS_OUT_OF_RANGE = [{"op": str(op), "encoded": b"\x08" + varint(op)} for op in (
    0, 14, 99, 2**31 - 1, 2**31, 2**32 + 3, 2**64 - 1, 2**64 - 2**31)]
NOT_MESSAGES = [{"reason": reason, "bytes": value} for reason, value in [
    ("empty", b""),
    ("no Op", data(14, "cluster-1")),
    ("Op with wire type 1", b"\x09" + bytes(8)),
    ("Op with wire type 2", bytes.fromhex("0a010b")),
    ("Op with wire type 5", b"\x0d" + bytes(4)),
    ("ClusterName with wire type 0", BYE + number(14, 1)),
    ("ClusterSize with wire type 5", BYE + varint(15 << 3 | 5) + bytes(4)),
    ("Which with wire type 1", BYE + varint(20 << 3 | 1) + bytes(8)),
    ("Token's Attrs with wire type 2", number(1, 3) + data(11, data(2, b"\1"))),
    ("tag alone", BYE + b"\x72"),
    ("length beyond the end", BYE + bytes.fromhex("720561")),
    ("length of 2^31", BYE + b"\x72" + varint(2**31)),
    ("length of 2^63", BYE + b"\x72" + varint(2**63)),
    ("length of 2^64-1", BYE + b"\x72" + varint(2**64 - 1)),
    ("length in a Token beyond its end", number(1, 3) + data(11, bytes.fromhex("0a05")) + bytes(5)),
    ("Token that ends within a tag", number(1, 3) + data(11, b"\x80")),
    ("varint without an end", BYE + b"\x78" + b"\x80" * 9),
    ("varint of 11 bytes", BYE + b"\xa0\x01" + b"\x80" * 10 + b"\0"),
    ("varint of 65 bits", BYE + b"\xa0\x01" + b"\xff" * 9 + b"\x02"),
    ("uint32 field of 2^32", BYE + number(15, 2**32)),
    ("field number 0", BYE + b"\0\0"),
    ("field number 2^29", BYE + number(2**29, 0)),
    ("wire type 6", BYE + b"\x3e"),
    ("wire type 7", BYE + b"\x3f"),
    ("unknown group", BYE + bytes.fromhex("3b3c")),
    ("end of a group that never began", BYE + b"\x3c"),
    ("500 groups, one in the other", BYE + b"\x3b" * 500 + b"\x3c" * 500),
    ("17 unknown fields", BYE + number(7, 1) * 17),
    ("17 unknown fields in a Token", number(1, 3) + data(11, number(8, 1) * 17)),
    ("9 unknown fields in a Token and 8 beside it", number(1, 3) + data(11, number(8, 1) * 9) + number(7, 1) * 8),
    ("ClientSpecs twice", number(1, 3) + data(11, b"") * 2),
    ("65 Tokens", BYE + data(21, b"") * 65),
    ("65 MyEnds", number(1, 3) + data(11, data(6, "a:1") * 65)),
    ("name with a lone continuation byte", BYE + data(14, b"a\x80")),
    ("name with an overlong form", BYE + data(14, b"\xc0\x80")),
    ("name with a surrogate", BYE + data(14, b"\xed\xa0\x80")),
    ("name with a code point above U+10FFFF", BYE + data(14, b"\xf4\x90\x80\x80")),
    ("name that ends within a character", BYE + data(14, b"a\xe2\x82")),
    ("name with NUL", BYE + data(14, b"a\0b")),
    ("end point with bad UTF-8", number(1, 3) + data(11, data(6, b"\xff:1"))),
    ("ErrDesc with bad UTF-8", BYE + data(23, b"\xff")),
]]

# --- conversations: bytes on the wire after the HelloReplies above

TO_REGISTRY = ["Client", "Create", "Join", "GetCluster", "Bye"]
TO_CLIENT = ["ClientOK", "CreateReply", "JoinReply", "ClusterMembers", "Ack"]


def chained_direction(names):
    iv, out = IV2, []
    for name in names:
        wire = aes(KEY2, iv, ENCODED[name])
        out.append({"message": name, "iv": iv, "wire": wire})
        iv = wire[-16:]
    return out


def prefixed_direction(names):
    out = []
    for name in names:
        iv = fixed(f"{name} iv", 16)
        out.append({"message": name, "iv": iv, "wire": iv + aes(KEY2, iv, ENCODED[name])})
    return out


CONVERSATIONS = [{"dialect": dialect, "key2": KEY2, "toRegistry": direction(TO_REGISTRY),
                  "toClient": direction(TO_CLIENT)}
                 for dialect, direction in (("chained", chained_direction), ("prefixed", prefixed_direction))]

# --- public keys without private halves

def sample(name):
    return read(f"public-keys/{name}.der")


RSA = sample("rsa-2048")
MODULUS, EXPONENT = numbers_of(RSA)
PKCS1 = tlv(0x30, integer(MODULUS), integer(EXPONENT))
assert spki_of(PKCS1) == RSA
N, E = integer(MODULUS), integer(EXPONENT)


def good_key(name, spki):
    modulus, exponent = numbers_of(spki)
    return {"name": name, "bits": modulus.bit_length(), "exponent": str(exponent), "modulus": f"{modulus:x}",
            "spki": spki}


GOOD_KEYS = [good_key(name, sample(name)) for name in ("rsa-1024", "rsa-2048", "rsa-4096", "rsa-2048-e3")]
ODD_KEYS = [{"reason": reason, "spki": spki} for reason, spki in [
    ("modulus 2^2048-1", rsa_spki(2**2048 - 1)),
    ("modulus divisible by 3", rsa_spki(3 * some_modulus(2047))),
    ("exponent 2^31-1", rsa_spki(MODULUS, 2**31 - 1)),
]]
HOSTILE_KEYS = [{"reason": reason, "spki": spki} for reason, spki in [
    ("empty", b""),
    ("random bytes", fixed("random key", 294)),
    ("EC, P-256", sample("ec-p256")),
    ("Ed25519", sample("ed25519")),
    ("DSA", sample("dsa-1024")),
    ("RSA-PSS", sample("rsa-pss-2048")),
    ("RSA of 512 bits", sample("rsa-512")),
    ("RSA of 1023 bits", rsa_spki(some_modulus(1023))),
    ("RSA of 4097 bits", rsa_spki(some_modulus(4097))),
    ("RSA of 16384 bits", rsa_spki(some_modulus(16384))),
    ("RSA of 32768 bits", rsa_spki(some_modulus(32768))),
    ("a byte behind it", RSA + b"\0"),
    ("last byte missing", RSA[:-1]),
    ("first half", RSA[:147]),
    ("PKCS#1, not SPKI", PKCS1),
    ("PEM text", openssl("pkey", "-pubin", "-inform", "DER", "-pubout", stdin=RSA)),
    ("OpenSSH text", b"ssh-rsa " + base64.b64encode(ssh_blob(RSA))),
    ("NULL parameters missing", spki_of(PKCS1, RSA_OID)),
    ("parameters that are not NULL", spki_of(PKCS1, RSA_OID + tlv(2, b"\0"))),
    ("NULL with a non-minimal length", spki_of(PKCS1, RSA_OID + bytes.fromhex("058100"))),
    ("sha1WithRSAEncryption for an algorithm", spki_of(PKCS1, bytes.fromhex("06092a864886f70d010105") + NULL)),
    ("outer length non-minimal", b"\x30\x83\0" + RSA[2:]),
    ("outer length indefinite", b"\x30\x80" + RSA[4:] + b"\0\0"),
    ("modulus length non-minimal", spki_of(tlv(0x30, b"\x02\x83\0" + N[2:], E))),
    ("exponent length non-minimal", spki_of(tlv(0x30, N, b"\x02\x81\x03" + E[2:]))),
    ("bit string with unused bits", spki_of(PKCS1, unused_bits=b"\1")),
    ("bit string without the byte for unused bits", spki_of(PKCS1, unused_bits=b"")),
    ("a byte behind the PKCS#1 key, in the bit string", spki_of(PKCS1 + b"\0")),
    ("a third number in the key", spki_of(tlv(0x30, N, E, integer(3)))),
    ("exponent missing", spki_of(tlv(0x30, N))),
    ("a NULL behind the bit string", tlv(0x30, RSA[4:], NULL)),
    ("modulus with a zero byte too many", spki_of(tlv(0x30, tlv(2, b"\0", N[4:]), E))),
    ("exponent with a zero byte too many", spki_of(tlv(0x30, N, tlv(2, b"\0\1\0\1")))),
    ("modulus negative, for want of a zero byte", spki_of(tlv(0x30, tlv(2, N[5:]), E))),
    ("modulus zero", rsa_spki(0)),
    ("modulus an empty INTEGER", spki_of(tlv(0x30, tlv(2), E))),
    ("modulus even", rsa_spki(MODULUS - 1)),
    ("exponent 0", rsa_spki(MODULUS, 0)),
    ("exponent 1", rsa_spki(MODULUS, 1)),
    ("exponent 2", rsa_spki(MODULUS, 2)),
    ("exponent 65536", rsa_spki(MODULUS, 65536)),
    ("exponent -3", rsa_spki(MODULUS, -3)),
    ("exponent 2^31+1 without a zero byte, so negative", spki_of(tlv(0x30, N, tlv(2, bytes.fromhex("80000001"))))),
    ("exponent 2^32+1", rsa_spki(MODULUS, 2**32 + 1)),
    ("exponent of 3071 bits", rsa_spki(some_modulus(3072), some_modulus(3071, "exponent"))),
    ("exponent an empty INTEGER", spki_of(tlv(0x30, N, tlv(2)))),
    ("OCTET STRING in place of the modulus", spki_of(tlv(0x30, b"\x04" + N[1:], E))),
]]

# --- versions

VERSIONS = [{"text": text, "number": int.from_bytes(value, "little"), "bytes": value} for text, value in [
    ("0.0", bytes(4)), ("1.0", bytes([1, 0, 0, 0])), ("0.1", bytes([0, 1, 0, 0])), ("1.2", bytes([1, 2, 0, 0])),
    ("1.2.3", bytes([1, 2, 3, 0])), ("0.4.3", bytes([0, 4, 3, 0])), ("1.2.3.4", bytes([1, 2, 3, 4])),
    ("1.0.0.4", bytes([1, 0, 0, 4])), ("5.6.7.8", bytes([5, 6, 7, 8])), ("255.255.255.255", b"\xff" * 4)]]
NOT_VERSIONS = ["", "1", "1.", ".1", "1.2.3.4.5", "1.256", "-1.0", "1.x", "1. 2", "v1.0", "1..2"]

# --- regCred files

def reg_cred(end_points, end="\r\n", behind_key=None):
    behind_key = end if behind_key is None else behind_key
    return "".join([
        f"regCred {{{end}", f"    Name: xlReg{end}", f"    ID: {REGISTRY_ID.hex()}{end}",
        f"    CommsPubKey: {KEYS['registryCk']['ssh']}{behind_key}",
        f"    SigPubKey: {KEYS['registrySk']['ssh']}{behind_key}", f"    EndPoints {{{end}",
        *(f"         TcpEndPoint: {point}{end}" for point in end_points),
        f"    }}{end}", f"    Version: 0.4.3{end}", f"}}{end}"])


ONE, TWO = ["50.18.104.7:56789"], ["50.18.104.7:56789", "[2001:db8::7]:56790"]
REG_CREDS = []
for file, end_points, how, style in [
    ("as-written", ONE, "as this registry writes it", {}),
    ("field", ONE, "as the field's writer does: LF behind each key and then an empty line", {"behind_key": "\n\r\n"}),
    ("empty-lines", ONE, "CRLF throughout, an empty line behind each key", {"behind_key": "\r\n\r\n"}),
    ("lf", ONE, "LF for CRLF", {"end": "\n"}),
    ("two-end-points", TWO, "two end points", {}),
    ("no-end-points", [], "no end points", {}),
]:
    pathlib.Path(f"regcred/{file}.dat").write_bytes(reg_cred(end_points, **style).encode("ascii"))
    REG_CREDS.append({"file": f"regcred/{file}.dat", "how": how, "name": "xlReg", "id": REGISTRY_ID,
                      "commsKey": "registryCk", "sigKey": "registrySk", "endPoints": end_points, "version": "0.4.3"})

# --- vectors.json: bytes in hex, numbers of more than 32 bits as decimal text

WIDE = {"Attrs", "ClientAttrs", "ClusterAttrs", "Which"}


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: str(one) if key in WIDE else plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


VECTORS = {
    "keys": KEYS, "versions": VERSIONS, "notVersions": NOT_VERSIONS, "regCreds": REG_CREDS, "hellos": HELLOS,
    "hostileHellos": HOSTILE_HELLOS, "helloReplies": HELLO_REPLIES, "messages": MESSAGES, "unusualMessages": UNUSUAL,
    "opsOutOfRange": OPS_OUT_OF_RANGE, "notMessages": NOT_MESSAGES, "tokens": TOKENS,
    "badSignatures": BAD_SIGNATURES, "clientById": CLIENT_BY_ID, "conversations": CONVERSATIONS,
    "publicKeys": {"good": GOOD_KEYS, "odd": ODD_KEYS, "hostile": HOSTILE_KEYS},
}
pathlib.Path("vectors.json").write_text(json.dumps(plain(VECTORS), indent=1) + "\n")
