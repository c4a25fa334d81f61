"""Prints pinning.json: hashes and slots of flows, worked out by the definitions and with none of this project's code.

HalfSipHash-2-4 after Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), and its variant for 32-bit words
(github.com/veorq/SipHash, whose published vectors for 32 bits of output are in the first list). All secrets are for
tests.
"""

import ipaddress
import json

MASK = 0xFFFFFFFF


def rotate(value, bits):
    return ((value << bits) | (value >> (32 - bits))) & MASK


def half_siphash_24(message, secret):
    k0 = int.from_bytes(secret[:4], "little")
    k1 = int.from_bytes(secret[4:], "little")
    v = [k0, k1, 0x6C796765 ^ k0, 0x74656462 ^ k1]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotate(v[1], 5) ^ v[0]
            v[0] = rotate(v[0], 16)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotate(v[3], 8) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotate(v[3], 7) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotate(v[1], 13) ^ v[2]
            v[2] = rotate(v[2], 16)

    padded = message + bytes(-(len(message) + 1) % 4) + bytes([len(message) & 0xFF])
    for at in range(0, len(padded), 4):
        block = int.from_bytes(padded[at : at + 4], "little")
        v[3] ^= block
        rounds(2)
        v[0] ^= block
    v[2] ^= 0xFF
    rounds(4)
    return v[1] ^ v[3]


def address_of(text):
    """An IPv4 address for a v4-mapped one; scopes are no part of it."""
    address = ipaddress.ip_address(text.split("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def as_ipv6(address):
    return address if address.version == 6 else ipaddress.ip_address(f"::ffff:{address}")


def key_of(affinity, client, local):
    (client_text, client_port), (local_text, local_port) = client, local
    client_address, local_address = address_of(client_text), address_of(local_text)
    if affinity == "client-ip":
        return client_address.packed
    if affinity == "client-ip-port":
        return client_address.packed + client_port.to_bytes(2, "big")
    if client_address.version != local_address.version:
        client_address, local_address = as_ipv6(client_address), as_ipv6(local_address)
    client_bytes = client_address.packed + client_port.to_bytes(2, "big")
    return client_bytes + local_address.packed + local_port.to_bytes(2, "big")


COUNTING = bytes(range(8))
SECRETS = [COUNTING, bytes(8), bytes([0xFF] * 8), bytes.fromhex("80000000deadbeef")]
SIZES = [1, 2, 7, 256, 4093, 65521, 65536, 65537, 655373, 1048576]
FLOWS = [
    (("203.0.113.2", 40695), ("198.51.100.2", 60002)),
    (("0.0.0.0", 0), ("0.0.0.0", 0)),
    (("255.255.255.255", 65535), ("255.255.255.255", 65535)),
    (("128.0.0.1", 32768), ("127.0.0.2", 53)),
    (("::ffff:203.0.113.2", 40695), ("198.51.100.2", 60002)),
    (("::ffff:203.0.113.2", 40695), ("::ffff:198.51.100.2", 60002)),
    (("2001:db8::2", 40695), ("2001:db8:1:2:3:4:5:6", 60002)),
    (("2001:db8::2", 40695), ("198.51.100.2", 60002)),
    (("203.0.113.2", 40695), ("2001:db8:1:2:3:4:5:6", 60002)),
    (("fe80::1%eth0", 546), ("ff02::1:2", 547)),
    (("::", 0), ("::", 0)),
    (("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 1)),
]

published = [
    {"length": length, "output": half_siphash_24(bytes(range(length)), COUNTING).to_bytes(4, "little").hex()}
    for length in range(64)
]
assert published[12]["output"] == "57f0872f" and published[36]["output"] == "e75cc6ec"

flows = []
for number, (client, local) in enumerate(FLOWS):
    for affinity in ("client-ip", "client-ip-port", "flow"):
        secret = SECRETS[number % len(SECRETS)]
        key = key_of(affinity, client, local)
        value = half_siphash_24(key, secret)
        flows.append(
            {
                "client": {"address": client[0], "port": client[1]},
                "local": {"address": local[0], "port": local[1]},
                "affinity": affinity,
                "secret": secret.hex(),
                "key": key.hex(),
                "hash": value,
                "slots": {str(size): value * size >> 32 for size in SIZES},
            }
        )

print("{")
print('  "about": "Written by pinning.py: see there.",')
print('  "halfSipHash24": {')
print('    "about": "Secret 00 01 … 07, input 00 01 … of each length; the output as it lies in memory, little-endian.",')
print('    "vectors": [')
print(",\n".join("      " + json.dumps(vector) for vector in published))
print("    ]\n  },")
print('  "flows": [')
print(",\n".join("    " + json.dumps(flow) for flow in flows))
print("  ]\n}")
