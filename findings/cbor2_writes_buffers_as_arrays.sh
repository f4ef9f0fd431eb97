#!/usr/bin/env bash
# cbor2 6.3.0.
# bytes and bytearray are written as a byte string; a memoryview of the same bytes, and an array.array of them, are
# written as an array of integers, without an error or a warning, so the reader gets a list. A decoder with
# allow_duplicate_keys=False refuses a map with the keys 1 and true, which are two keys in CBOR (RFC 8949, 5.6) and one
# in a dict of Python; 1 and "1" it takes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install --quiet --disable-pip-version-check --target "$folder" cbor2==6.3.0

cat >"$folder/look.py" <<'PY'
from array import array
from importlib.metadata import version

import cbor2

print("cbor2", version("cbor2"))
for value in (b"ab", bytearray(b"ab"), memoryview(b"ab"), array("B", b"ab")):
    data = cbor2.dumps(value)
    print(f"{type(value).__name__}: {data.hex()} is read as {cbor2.loads(data)}")
for keys in ("a20101f502", "a20101613102"):
    try:
        print(keys, cbor2.loads(bytes.fromhex(keys), allow_duplicate_keys=False))
    except cbor2.CBORDecodeError as error:
        print(keys, type(error).__name__)
PY
seen=$(PYTHONPATH=$folder "$python" -S "$folder/look.py")
expected="cbor2 6.3.0
bytes: 426162 is read as b'ab'
bytearray: 426162 is read as b'ab'
memoryview: 8218611862 is read as [97, 98]
array: 8218611862 is read as [97, 98]
a20101f502 CBORDecodeError
a20101613102 {1: 1, '1': 2}"
echo "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen on 27 November 2026:\n%s\n' "$expected"; exit 1; }
