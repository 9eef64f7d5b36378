# SPDX-License-Identifier: Apache-2.0
# push, tag lists, manifest lists: with a real registry, without and with TLS and auth.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    registry_start
    SECURE=$("$FIXTURES/registry.sh" start --empty --tls --auth u:secret 3>&-)
    read -r SECURE_PORT SECURE_PID SECURE_DIR <<<"$SECURE"
    export SECURE_PORT SECURE_PID SECURE_DIR SECURE=127.0.0.1:$SECURE_PORT
    hako pull -q "$REGISTRY/debian:oci" >/dev/null
    hako pull -q "$REGISTRY/tiny:latest" >/dev/null
}
teardown_file() {
    "$FIXTURES/registry.sh" stop "$SECURE_PID" "$SECURE_DIR"
    hako_teardown_file
}
setup() {
    needs_root
    needs_cmd docker-registry
    needs_cmd skopeo
    needs_cmd jq
    hako_setup
}
teardown() { hako_teardown; }

raw() { skopeo inspect --raw --tls-verify=false "docker://$1"; }
# The image that others see is whole, and has these layers' contents: skopeo checks every digest.
whole() {
    rm -rf "$BATS_TEST_TMPDIR/copy"
    skopeo copy -q --src-tls-verify=false "$@" "dir:$BATS_TEST_TMPDIR/copy"
}

@test "what came from a repository goes back without a byte" {
    run hako push "$REGISTRY/debian:oci"
    is 0
    has "The push refers to repository [$REGISTRY/debian]"
    has "Layer already exists"
    lacks Pushed
    has "oci: digest: sha256:"
}

@test "another repository of the registry: mounted; the manifest is the same" {
    local before
    before=$(raw "$REGISTRY/debian:oci" | sha256sum)
    run hako push "$REGISTRY/debian:oci" "$REGISTRY/mounted/deb:1"
    is 0
    has Mounted
    lacks Pushed
    [ "$(raw "$REGISTRY/mounted/deb:1" | sha256sum)" = "$before" ]
}

@test "zstd, gzip, uncompressed: others read them; the second push sends nothing" {
    local kind
    for kind in zstd gzip uncompressed; do
        run hako push --compression-format $kind --force-compression --digestfile "$BATS_TEST_TMPDIR/digest" \
            "$REGISTRY/debian:oci" "docker://$REGISTRY/kinds/deb:$kind"
        is 0
        [ "$(cat "$BATS_TEST_TMPDIR/digest")" = "sha256:$(raw "$REGISTRY/kinds/deb:$kind" | sha256sum | cut -d' ' -f1)" ]
        whole "docker://$REGISTRY/kinds/deb:$kind"
        run hako push --compression-format $kind --force-compression "$REGISTRY/debian:oci" "$REGISTRY/kinds/deb:$kind"
        is 0
        lacks Pushed
    done
    [[ $(raw "$REGISTRY/kinds/deb:zstd") = *tar+zstd* ]]
}

@test "docker's manifest, and no zstd in it" {
    run hako push --format v2s2 "$REGISTRY/debian:oci" "$REGISTRY/kinds/deb:v2s2"
    is 0
    [ "$(raw "$REGISTRY/kinds/deb:v2s2" | jq -r .mediaType)" = application/vnd.docker.distribution.manifest.v2+json ]
    whole "docker://$REGISTRY/kinds/deb:v2s2"
    run hako push --format v2s2 --compression-format zstd "$REGISTRY/debian:oci" "$REGISTRY/kinds/deb:no"
    is 1
    has "has no word for zstd"
}

@test "an image that was never in a registry; all its tags" {
    hako run --name src --network none "$REGISTRY/tiny:latest" true
    hako export src | hako import -c 'CMD ["sh"]' - "$REGISTRY/made:1"
    hako tag "$REGISTRY/made:1" "$REGISTRY/made:2"
    run hako push -a "$REGISTRY/made"
    is 0
    has "1: digest:"
    has "2: digest:"
    whole "docker://$REGISTRY/made:2"
    run hako push -a "$REGISTRY/nothing"
    is 1
    has "does not exist locally"
    run hako push -a "$REGISTRY/made:1"
    is 1
}

@test "podman reads what was pushed" {
    needs_cmd podman
    hako push -q "$REGISTRY/tiny:latest" "$REGISTRY/forpodman:1"
    run podman --root "$BATS_TEST_TMPDIR/p" --runroot "$BATS_TEST_TMPDIR/pr" --storage-driver vfs \
        pull -q --tls-verify=false "$REGISTRY/forpodman:1"
    is 0
}

@test "TLS and credentials: typed, stored, wrong, none; an authority of one's own" {
    run hako push --tls-verify=false --creds u:secret "$REGISTRY/tiny:latest" "$SECURE/tiny:1"
    is 0
    run hako push --tls-verify=false --creds u:wrong "$REGISTRY/tiny:latest" "$SECURE/tiny:2"
    is 1
    has "push access denied"
    run hako push --tls-verify=false "$REGISTRY/tiny:latest" "$SECURE/tiny:2"
    is 1
    has "hako login"
    run hako push --tls-verify=true --creds u:secret "$REGISTRY/tiny:latest" "$SECURE/tiny:2"
    is 1
    has "is not trusted"
    mkdir -p "$BATS_TEST_TMPDIR/certs"
    cp "$SECURE_DIR/cert.pem" "$BATS_TEST_TMPDIR/certs/ca.crt"
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$SECURE" "$(printf u:secret | base64)" >"$BATS_TEST_TMPDIR/auth.json"
    run hako push --tls-verify=true --cert-dir "$BATS_TEST_TMPDIR/certs" --authfile "$BATS_TEST_TMPDIR/auth.json" \
        "$REGISTRY/tiny:latest" "$SECURE/tiny:2"
    is 0
    run hako pull --tls-verify=true --cert-dir "$BATS_TEST_TMPDIR/certs" --creds u:secret "$SECURE/tiny:2"
    is 0
}

@test "bad words" {
    run hako push --compression-format lzma "$REGISTRY/tiny:latest"
    is 1
    has "expected gzip, zstd or uncompressed"
    run hako push --compression-level 12 --compression-format gzip "$REGISTRY/tiny:latest"
    is 1
    run hako push nosuch:1
    is 1
    has "No such image: nosuch:1"
    run hako push --platform linux/arm64 "$REGISTRY/debian:oci"
    is 1
    has "does not provide the platform"
    run hako push "$REGISTRY/debian:oci" containers-storage:x
    is 1
    has "podman's own store"
}

@test "pull: all tags, all platforms, JSON, policies" {
    run hako pull -a -q "$REGISTRY/debian"
    is 0
    [ "${#lines[@]}" -ge 4 ]
    run hako pull -q --all-platforms "$REGISTRY/debian:multi"
    is 0
    run hako pull --json "$REGISTRY/debian:zstd"
    is 0
    [ "$(jq -r .id <<<"${lines[0]}" | wc -c)" = 13 ]
    run hako pull --policy never nosuch:1
    is 1
    run hako pull --policy missing "$REGISTRY/debian:oci"
    is 0
    run hako pull --policy sometimes "$REGISTRY/debian:oci"
    is 1
}

@test "manifest lists: created, annotated, pushed; images of two places come along" {
    hako pull -q "$REGISTRY/tiny:latest"
    run hako manifest create my/list:1 "docker://$REGISTRY/debian:oci"
    is 0
    run hako manifest create my/list:1
    is 1
    has amend
    run hako manifest add --arch arm64 --variant v8 --annotation a=b my/list:1 "$REGISTRY/tiny:latest"
    is 0
    hako manifest annotate --os-features x,y my/list:1 "$REGISTRY/tiny:latest"
    run hako manifest inspect my/list:1
    [ "$(jq -r '.manifests[1].platform.architecture + .manifests[1].annotations.a + .manifests[1].platform["os.features"][1]' <<<"$output")" = arm64by ]
    lacks _from
    run hako manifest push my/list:1 "docker://$REGISTRY/lists/one:1"
    is 0
    [ "$output" = "sha256:$(raw "$REGISTRY/lists/one:1" | sha256sum | cut -d' ' -f1)" ]
    whole --all "docker://$REGISTRY/lists/one:1"
    [ "$(hako manifest inspect "docker://$REGISTRY/lists/one:1" | jq '.manifests | length')" = 2 ]
    # another registry: the blobs come along
    run hako manifest push --tls-verify=false --creds u:secret --format v2s2 --purge my/list:1 "$SECURE/lists/one:1"
    is 0
    run ! hako manifest exists my/list:1
    whole --all --src-creds u:secret "docker://$SECURE/lists/one:1"
}

@test "manifest lists: entries go, lists go, missing ones are said" {
    hako manifest create gone:1 "docker://$REGISTRY/debian:multi"
    local digest
    digest=$(hako manifest inspect gone:1 | jq -r '.manifests[0].digest')
    hako manifest remove gone:1 "$digest"
    [ "$(hako manifest inspect gone:1 | jq '.manifests | length')" = 0 ]
    hako manifest add --all gone:1 "docker://$REGISTRY/debian:multi"
    [ "$(hako manifest inspect gone:1 | jq '.manifests | length')" -ge 2 ]
    hako manifest rm gone:1
    run hako manifest rm gone:1
    is 1
    has "no such manifest list: gone:1"
    hako manifest rm --ignore gone:1
    run hako manifest annotate gone:1 x
    is 1
}
