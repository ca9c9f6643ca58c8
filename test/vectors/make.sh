#!/usr/bin/env bash
# Makes the test vectors of this folder with the openssl command line (3.0 or later) and python3's standard library.
# Random files (key pairs, OAEP ciphertexts) are made only where they are missing; all others are computed to the same
# bytes, so a second run changes nothing. Delete a file to make it anew.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p keys public-keys hellos regcred

# fixed LABEL BYTES: pseudorandom bytes, the same in every run (at most 32). assemble.py computes the same.
fixed() { printf 'xlreg test vector: %s' "$1" | openssl dgst -sha256 -binary | head -c "$2"; }

# --- key pairs, PKCS#8 PEM. For tests only: they are public.
for name in registry-ck registry-sk member-ck member-sk; do
  [ -f "keys/test-$name.pem" ] || openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "keys/test-$name.pem"
done
[ -f keys/test-registry-ck-1024.pem ] ||
  openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out keys/test-registry-ck-1024.pem
chmod 600 keys/*.pem

# --- public keys (SubjectPublicKeyInfo DER) without their private halves
# public NAME ARGS…: runs genpkey with these arguments and keeps the public half
public() {
  [ -f "public-keys/$1.der" ] && return
  openssl genpkey -quiet "${@:2}" | openssl pkey -pubout -outform DER -out "public-keys/$1.der"
}
public rsa-1024 -algorithm RSA -pkeyopt rsa_keygen_bits:1024
public rsa-2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
public rsa-4096 -algorithm RSA -pkeyopt rsa_keygen_bits:4096
public rsa-2048-e3 -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3
public rsa-512 -algorithm RSA -pkeyopt rsa_keygen_bits:512
public rsa-pss-2048 -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048
public ec-p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
public ed25519 -algorithm ED25519
[ -f public-keys/dsa-1024.der ] || openssl genpkey -quiet -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 |
  openssl genpkey -quiet -paramfile /dev/stdin | openssl pkey -pubout -outform DER -out public-keys/dsa-1024.der

# --- Hellos: RSA ciphertexts under a registry's ck
# oaep NAME KEY OPTIONS…: encrypts standard input with OAEP as in a Hello, with these options changed
oaep() {
  local name=$1 key=$2
  shift 2
  [ -f "hellos/$name.bin" ] && cat > /dev/null && return
  local options=(-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1 "$@")
  openssl pkeyutl -encrypt -inkey "keys/test-$key.pem" "${options[@]}" -out "hellos/$name.bin"
}
version1() { printf '\x01\x02\x03\x04'; }
chained() { fixed iv1 16 && fixed key1 32 && fixed salt1 8 && version1; }
prefixed() { fixed key1 32 && fixed salt1 8 && version1; }

chained | oaep chained registry-ck
prefixed | oaep prefixed registry-ck
chained | oaep chained-1024 registry-ck-1024
prefixed | oaep prefixed-1024 registry-ck-1024

# bad Hellos
for length in 0 43 45 59 61 86; do
  printf "%${length}s" '' | oaep "plaintext-$length" registry-ck
done
prefixed | oaep oaep-label registry-ck -pkeyopt rsa_oaep_label:786c726567
prefixed | oaep oaep-sha256 registry-ck -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256
prefixed | oaep oaep-mgf1-sha256 registry-ck -pkeyopt rsa_mgf1_md:sha256
prefixed | oaep pkcs1-v1.5 registry-ck -pkeyopt rsa_padding_mode:pkcs1
prefixed | oaep other-key registry-sk

# --- regcred/*.dat and vectors.json, computed from these files
python3 assemble.py
