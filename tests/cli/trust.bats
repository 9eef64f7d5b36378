# SPDX-License-Identifier: Apache-2.0
# Policy and signatures: GPG (checked against skopeo both ways) and keys in PEM (checked by openssl).
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    registry_start --empty
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$BUILD/box:box" "docker://$REGISTRY/app:1"
    local t=$HAKO_TEST_DIR
    export HOME=$t/home GNUPGHOME=$t/gnupg POLICY=$t/policy.json SIGS=$t/sigs KEYS=$t/keys
    mkdir -p "$HOME/.config/containers/registries.d" "$SIGS" "$KEYS"
    mkdir -m 700 "$GNUPGHOME"
    printf 'docker:\n  "%s":\n    lookaside: file://%s # here\n    use-sigstore-attachments: true\n' \
        "$REGISTRY" "$SIGS" >"$HOME/.config/containers/registries.d/test.yaml"
    gpg --batch --quiet --passphrase '' --quick-gen-key 'one <one@example.org>' rsa2048 sign 1d
    gpg --batch --quiet --passphrase '' --quick-gen-key 'two <two@example.org>' ed25519 sign 1d
    gpg --armor --export one@example.org >"$KEYS/one.asc"
    gpg --export two@example.org >"$KEYS/two.gpg"
    openssl ecparam -name prime256v1 -genkey -noout -out "$KEYS/ec.key" 2>/dev/null
    openssl genrsa -out "$KEYS/rsa.key" 2048 2>/dev/null
    openssl genpkey -algorithm ed25519 -out "$KEYS/ed.key" 2>/dev/null
    for k in ec rsa ed; do openssl pkey -in "$KEYS/$k.key" -pubout -out "$KEYS/$k.pub"; done
    echo "{\"policy\":\"$POLICY\"}" >"$HAKO_CONFIG"
    echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$POLICY"
    hako run --rm box true
}
teardown_file() {
    gpgconf --homedir "$GNUPGHOME" --kill all 2>/dev/null || true
    hako_teardown_file
}
setup() {
    needs_cmd skopeo
    needs_cmd gpg
    needs_cmd gpgv
    rm -rf "${SIGS:?}"/*
    echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$POLICY"
    hako rmi -f "$REGISTRY/app:1" "$REGISTRY/other:1" >/dev/null 2>&1 || true
    hako_setup
}
teardown() { hako_teardown; }

# rules JSON: what the registry's images must fulfil
rules() { printf '{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"%s":[%s]}}}' "$REGISTRY" "$1" >"$POLICY"; }
gpg_rule() { rules "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$1\"${2:+,\"signedIdentity\":$2}}"; }
pem_rule() { rules "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$1\"${2:+,\"signedIdentity\":$2}}"; }
digest() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/app:1"; }

@test "reject: nothing is asked of the registry, nothing runs; the file and the rule are named" {
    hako pull -q "$REGISTRY/app:1"
    rules '{"type":"reject"}'
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "policy $POLICY refuses $REGISTRY/app:1 by its rule transports.docker.\"$REGISTRY\" (reject)"
    run hako run --rm "$REGISTRY/app:1" true
    is 125
    has "(reject)"
    run hako create "$REGISTRY/app:1" true
    is 125
    # nor by its id
    run hako run --rm "$(hako images -q "$REGISTRY/app:1")" true
    is 125
    # the default does for what no scope names
    echo '{"default":[{"type":"reject"}]}' >"$POLICY"
    run hako run --rm box true
    is 125
    has "by its rule default (reject)"
    echo '{"default":[{"type":"reject"}],"transports":{"oci":{"":[{"type":"insecureAcceptAnything"}]}}}' >"$POLICY"
    hako run --rm box true
}

@test "load and import ask for their transport; what was made here for containers-storage" {
    hako pull -q "$REGISTRY/app:1"
    hako save -o "$BATS_TEST_TMPDIR/app.tar" "$REGISTRY/app:1"
    tar -cf "$BATS_TEST_TMPDIR/root.tar" -C "$BATS_TEST_TMPDIR" app.tar
    hako tag "$REGISTRY/app:1" mine:1
    echo '{"default":[{"type":"reject"}]}' >"$POLICY"
    run hako load -i "$BATS_TEST_TMPDIR/app.tar"
    is 1
    has "refuses docker-archive:$BATS_TEST_TMPDIR/app.tar by its rule default (reject)"
    run hako import "$BATS_TEST_TMPDIR/root.tar"
    is 1
    has "refuses tarball:"
    run hako run --rm mine:1 true
    is 125
    printf '{"default":[{"type":"reject"}],"transports":{"docker-archive":{"%s":[{"type":"insecureAcceptAnything"}]},"oci-archive":{"":[{"type":"insecureAcceptAnything"}]},"containers-storage":{"":[{"type":"insecureAcceptAnything"}]}}}' \
        "$BATS_TEST_TMPDIR" >"$POLICY"
    hako load -q -i "$BATS_TEST_TMPDIR/app.tar"
    hako run --rm mine:1 true
    hako rmi mine:1
}

@test "the narrowest scope decides" {
    printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[{"type":"reject"}],"%s/app":[{"type":"insecureAcceptAnything"}]}}}' \
        "$REGISTRY" "$REGISTRY" >"$POLICY"
    hako pull -q "$REGISTRY/app:1"
    printf '{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"%s/app":[{"type":"insecureAcceptAnything"}],"%s/app:1":[{"type":"reject"}]}}}' \
        "$REGISTRY" "$REGISTRY" >"$POLICY"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "transports.docker.\"$REGISTRY/app:1\""
}

@test "GPG: unsigned and foreign signatures are refused; skopeo's are accepted" {
    gpg_rule "$KEYS/one.asc"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "(signedBy): it has no signature in file://$SIGS"
    run hako images -q "$REGISTRY/app:1"
    [ -z "$output" ]
    local dir
    dir=$SIGS/app@$(digest | tr : =)
    mkdir "$dir"
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app:1" >"$BATS_TEST_TMPDIR/m.json"
    fpr() { gpg --list-keys --with-colons "$1" | awk -F: '/^fpr/ { print $10; exit }'; }
    skopeo standalone-sign "$BATS_TEST_TMPDIR/m.json" "$REGISTRY/app:1" "$(fpr two@example.org)" -o "$dir/signature-1"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "by none of the policy's keys"
    # a second signature beside the first
    skopeo standalone-sign "$BATS_TEST_TMPDIR/m.json" "$REGISTRY/app:1" "$(fpr one@example.org)" -o "$dir/signature-2"
    hako pull -q "$REGISTRY/app:1"
    [ "$(hako run --rm "$REGISTRY/app:1" echo yes)" = yes ]
    # other keys from now on: what is here was not verified by them
    gpg_rule "$KEYS/two.gpg"
    run hako run --rm "$REGISTRY/app:1" true
    is 125
    has "was not verified by these keys"
    hako pull -q "$REGISTRY/app:1"
    hako run --rm "$REGISTRY/app:1" true
    # spoiled
    printf X | dd of="$dir/signature-1" bs=1 seek=60 conv=notrunc status=none
    rm "$dir/signature-2"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    # for another name
    skopeo standalone-sign "$BATS_TEST_TMPDIR/m.json" "$REGISTRY/other:1" "$(fpr two@example.org)" -o "$dir/signature-1"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "which signedIdentity does not accept"
    gpg_rule "$KEYS/two.gpg" "{\"type\":\"exactReference\",\"dockerReference\":\"$REGISTRY/other:1\"}"
    hako pull -q "$REGISTRY/app:1"
    # for another image
    echo '{"schemaVersion":2}' >"$BATS_TEST_TMPDIR/m.json"
    skopeo standalone-sign "$BATS_TEST_TMPDIR/m.json" "$REGISTRY/app:1" "$(fpr two@example.org)" -o "$dir/signature-1"
    gpg_rule "$KEYS/two.gpg"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "is for another image"
}

@test "image sign by GPG: skopeo accepts it by the same policy" {
    hako image sign --sign-by one@example.org "$REGISTRY/app:1"
    gpg_rule "$KEYS/one.asc"
    hako pull -q "$REGISTRY/app:1"
    skopeo --policy "$POLICY" --registries.d "$HOME/.config/containers/registries.d" copy -q \
        --src-tls-verify=false "docker://$REGISTRY/app:1" "dir:$BATS_TEST_TMPDIR/out"
    run skopeo standalone-verify "$BATS_TEST_TMPDIR/out/manifest.json" "$REGISTRY/app:1" \
        "$(gpg --list-keys --with-colons one@example.org | awk -F: '/^fpr/ { print $10; exit }')" "$SIGS"/*/signature-1
    is 0
    run hako image sign --sign-by nobody@example.org "$REGISTRY/app:1"
    is 1
    has "gpg does not sign as nobody@example.org"
}

@test "image sign by a key in PEM: ECDSA, RSA, Ed25519; openssl agrees; signatures add up" {
    local k
    for k in ec rsa ed; do
        pem_rule "$KEYS/$k.pub"
        run hako pull -q "$REGISTRY/app:1"
        is 1
        has "(sigstoreSigned)"
        hako image sign --sign-by-sigstore-private-key "$KEYS/$k.key" "$REGISTRY/app:1"
        hako pull -q "$REGISTRY/app:1"
        hako run --rm "$REGISTRY/app:1" true
    done
    pem_rule "$KEYS/ec.pub"
    hako pull -q "$REGISTRY/app:1"
    local base=http://$REGISTRY/v2/app
    curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$base/manifests/$(digest | tr : -).sig" >"$BATS_TEST_TMPDIR/sig.json"
    [ "$(jq '.layers | length' "$BATS_TEST_TMPDIR/sig.json")" = 3 ]
    curl -fsS "$base/blobs/$(jq -r '.layers[0].digest' "$BATS_TEST_TMPDIR/sig.json")" >"$BATS_TEST_TMPDIR/payload"
    jq -r '.layers[0].annotations["dev.cosignproject.cosign/signature"]' "$BATS_TEST_TMPDIR/sig.json" | base64 -d >"$BATS_TEST_TMPDIR/sig"
    openssl dgst -sha256 -verify "$KEYS/ec.pub" -signature "$BATS_TEST_TMPDIR/sig" "$BATS_TEST_TMPDIR/payload"
    [ "$(jq -r '.critical.image["docker-manifest-digest"]' "$BATS_TEST_TMPDIR/payload")" = "$(digest)" ]
    pem_rule "$KEYS/ec.pub" '{"type":"exactRepository","dockerRepository":"quay.io/no"}'
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "signedIdentity"
    # every requirement of a list
    rules "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$KEYS/ec.pub\"},{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$KEYS/one.asc\"}"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "(signedBy)"
    hako image sign --sign-by one@example.org "$REGISTRY/app:1"
    hako pull -q "$REGISTRY/app:1"
}

@test "image sign: passphrases, bad input" {
    openssl ec -aes128 -passout pass:secret -in "$KEYS/ec.key" -out "$BATS_TEST_TMPDIR/enc.key" 2>/dev/null
    echo secret >"$BATS_TEST_TMPDIR/good"
    echo wrong >"$BATS_TEST_TMPDIR/bad"
    hako image sign --sign-by-sigstore-private-key "$BATS_TEST_TMPDIR/enc.key" --sign-passphrase-file "$BATS_TEST_TMPDIR/good" "$REGISTRY/app:1"
    for args in "--sign-by-sigstore-private-key $BATS_TEST_TMPDIR/enc.key --sign-passphrase-file $BATS_TEST_TMPDIR/bad" \
        "--sign-by-sigstore-private-key $KEYS/one.asc" "--sign-by-sigstore-private-key /nowhere" "" \
        "--sign-by one@example.org --sign-by-sigstore-private-key $KEYS/ec.key"; do
        # shellcheck disable=SC2086
        run hako image sign $args "$REGISTRY/app:1" </dev/null
        is 1
    done
    run hako image sign --sign-by one@example.org "$REGISTRY/nothere:1"
    is 1
    has "not found"
}

@test "image trust: set and show" {
    hako image trust set -f "$KEYS/one.asc" "$REGISTRY/app"
    hako image trust set -t sigstoreSigned -f "$KEYS/ec.pub" quay.example
    hako image trust set -t reject default
    run hako image trust show
    is 0
    [[ ${lines[1]} =~ ^all\ +default\ +reject$ ]]
    [[ $output =~ docker\ +$REGISTRY/app\ +signedBy\ +$KEYS/one.asc ]]
    run hako image trust show quay.example
    [ "${#lines[@]}" = 2 ]
    [ "$(hako image trust show --json | jq -r '.transports.docker["quay.example"][0].signedIdentity.type')" = matchRepository ]
    run hako image trust set -t bogus x
    is 1
    has 'unknown type "bogus"'
    run hako image trust set x
    is 1
    has "signedBy needs a key"
    run hako image trust set -f relative.asc x
    is 1
    has "absolute path"
    run hako image trust set -t reject -f "$KEYS/one.asc" x
    is 1
    run hako image trust nope
    is 1
    has "expected show or set"
}

@test "a policy that is not understood allows nothing" {
    for text in '' '{}' '{"default":[]}' '{"default":[{"type":"allow"}]}' '{"Default":[{"type":"reject"}]}' \
        '{"default":[{"type":"reject","extra":1}]}' '{"default":[{"type":"signedBy"}]}' \
        '{"default":[{"type":"signedBy","keyType":"X509","keyPath":"/k"}]}' \
        '{"default":[{"type":"sigstoreSigned","fulcio":{}}]}' \
        '{"default":[{"type":"insecureAcceptAnything"}],"transports":[]}' \
        '{"default":[{"type":"insecureAcceptAnything"}],"more":1}'; do
        echo "$text" >"$POLICY"
        run hako pull -q "$REGISTRY/app:1"
        is 1
        has "$POLICY"
        run hako run --rm box true
        is 125
    done
    gpg_rule /nowhere.asc
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has /nowhere.asc
    rm "$POLICY"
    run hako pull -q "$REGISTRY/app:1"
    is 1
    has "policy $POLICY"
}
