# SPDX-License-Identifier: Apache-2.0
# Lock files: the same name stays the same image.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    registry_start --empty
    local d=$HAKO_TEST_DIR/layouts busybox
    busybox=$(command -v busybox)
    for v in one two; do
        mkimage --out "$d" --ref $v --config '{"Cmd":["/bin/cat","/v"]}' --layer - --add 'd bin 0755' \
            --add "x bin/busybox 0755 $busybox" --add 's bin/cat busybox' --add "f v 0644 $v"
    done
    hako run --rm box true
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_cmd docker-registry
    needs_cmd skopeo
    cd "$BATS_TEST_TMPDIR" || return 1
    put one
    hako_setup
}
teardown() {
    hako rmi -f "$REGISTRY/app:1" >/dev/null 2>&1 || true
    hako_teardown
}
put() {
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$HAKO_TEST_DIR/layouts:$1" "docker://$REGISTRY/app:1"
}

@test "pull --lock writes name, platform and digest; later runs obey although the tag has moved" {
    hako pull -q --lock "$REGISTRY/app:1"
    [ "$(jq -r ".images[\"$REGISTRY/app:1\"][\"linux/$(dpkg --print-architecture)\"]" hako.lock)" = \
        "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/app:1")" ]
    put two
    [ "$(hako run --rm "$REGISTRY/app:1")" = one ]
    hako rmi "$REGISTRY/app:1" >/dev/null
    [ "$(hako run --rm "$REGISTRY/app:1" 2>/dev/null)" = one ]
    hako rmi "$REGISTRY/app:1" >/dev/null
    run hako pull -q "$REGISTRY/app:1"
    is 0
    [ "$(hako run --rm "$REGISTRY/app:1")" = one ]
    # taken anew
    hako pull -q --lock "$REGISTRY/app:1"
    [ "$(hako run --rm "$REGISTRY/app:1")" = two ]
}

@test "another image under the name is exchanged for the locked one" {
    hako pull -q --lock=my.lock "$REGISTRY/app:1"
    put two
    hako pull -q "$REGISTRY/app:1"
    [ "$(hako run --rm "$REGISTRY/app:1")" = two ]
    [ "$(hako run --rm --lock my.lock "$REGISTRY/app:1" 2>/dev/null)" = one ]
    hako pull -q "$REGISTRY/app:1"
    run hako run --rm --pull never --lock=my.lock "$REGISTRY/app:1"
    is 125
    has "another image than lock file my.lock says"
}

@test "what is not in the lock does not run; ids, the image of hako and --lock= do" {
    hako pull -q --lock "$REGISTRY/app:1"
    id=$(hako images -q "$REGISTRY/app:1")
    echo '{"version":1,"images":{}}' >hako.lock
    run hako run --rm "$REGISTRY/app:1"
    is 125
    has "$REGISTRY/app:1 is not in lock file hako.lock"
    has "hako pull --lock=hako.lock"
    run hako create "$REGISTRY/app:1"
    is 125
    [ "$(hako run --rm "$id")" = one ]
    [ "$(hako run --rm --lock= "$REGISTRY/app:1")" = one ]
    [ "$(hako run --rm box echo yes)" = yes ]
    echo "{\"version\":1,\"images\":{\"$REGISTRY/app:1\":{\"linux/s390x\":\"sha256:$(printf '%064d' 0)\"}}}" >hako.lock
    run hako run --rm "$REGISTRY/app:1"
    is 125
    has "has no digest of $REGISTRY/app:1 for linux/"
}

@test "configuration names a lock file; a digest that the registry lacks; several names, sorted" {
    put one
    hako pull -q --lock=/"$BATS_TEST_TMPDIR"/c.lock "$REGISTRY/app:1"
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$HAKO_TEST_DIR/layouts:two" "docker://$REGISTRY/aaa:9"
    hako pull -q --lock=c.lock "$REGISTRY/aaa:9"
    [ "$(jq -r '.images | keys_unsorted | join(" ")' c.lock)" = "$REGISTRY/aaa:9 $REGISTRY/app:1" ]
    echo "{\"lock\":\"$BATS_TEST_TMPDIR/c.lock\"}" >cfg.json
    put two
    [ "$(HAKO_CONFIG=$BATS_TEST_TMPDIR/cfg.json hako run --rm "$REGISTRY/app:1")" = one ]
    sed -i "s/sha256:[0-9a-f]*/sha256:$(printf '%064d' 7)/" c.lock
    run hako run --rm --lock=c.lock "$REGISTRY/app:1"
    is 125
    hako rmi "$REGISTRY/aaa:9" >/dev/null
}

@test "bad lock files" {
    for text in '' 'no json' '[]' '{"version":2,"images":{}}' '{"version":1}' '{"version":1,"images":{"debian":{}}}' \
        '{"version":1,"images":{"docker.io/library/x:1":[]}}' \
        '{"version":1,"images":{"docker.io/library/x:1":{"linux/amd64":"sha256:zz"}}}'; do
        echo "$text" >bad.lock
        run hako run --rm --lock=bad.lock "$REGISTRY/app:1"
        is 125
        has bad.lock
    done
    run hako run --rm --lock=none.lock "$REGISTRY/app:1"
    is 125
    has "lock file none.lock"
}
