# SPDX-License-Identifier: Apache-2.0
# A real registry and a real Debian image, in every form, pulled and run.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    registry_start
    hako run --rm box true
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_root
    needs_cmd docker-registry
    needs_cmd mmdebstrap
    needs_cmd skopeo
    hako_setup
}
teardown() {
    hako_teardown
}

# What the image must look like, whatever form it came in.
whole() {
    hako pull -q "$@"
    run hako run --rm ${NETWORK:+--network $NETWORK} "$@" bash -c '
        . /etc/os-release; echo "$ID $VERSION_ID $HAKO_FIXTURE"
        cat /opt/fixture/one; [ -e /opt/fixture/gone ] && echo NOT-GONE; cat /opt/fixture/hard /opt/fixture/soft
        ls /opt/full; stat -c "%h" /opt/fixture/one; stat -c "%a" /tmp /usr/bin/su; dpkg --verify coreutils >/dev/null 2>&1; find / -xdev -type f | wc -l'
    is 0
    [ "${lines[0]}" = "debian 12 debian" ]
    [ "${lines[1]}" = firstfirstfirstnew ]
    has "1777"
    has "4755"
    [ "${lines[-1]}" -gt 2000 ]
}

@test "OCI with gzip" {
    run hako pull "$REGISTRY/debian:oci"
    is 0
    has "Digest: sha256:"
    has "Downloaded newer image"
    whole "$REGISTRY/debian:oci"
}

@test "OCI with zstd, docker schema 2, a manifest list" {
    whole "$REGISTRY/debian:zstd"
    whole "$REGISTRY/debian:v2s2"
    whole "$REGISTRY/debian:multi"
}

@test "the three forms are one image of the same layers" {
    hako pull -q "$REGISTRY/debian:oci"
    local before after
    before=$(du -sk "$HAKO_ROOT" | cut -f1)
    hako pull -q "$REGISTRY/debian:zstd"
    hako pull -q "$REGISTRY/debian:multi"
    after=$(du -sk "$HAKO_ROOT" | cut -f1)
    [ $((after - before)) -lt 5000 ]
}

@test "pull prints the reference alone with -q, and is up to date the second time" {
    hako pull "$REGISTRY/debian:oci"
    run --separate-stderr hako pull -q "$REGISTRY/debian:oci"
    is 0
    [ "$output" = "$REGISTRY/debian:oci" ]
    run hako pull "$REGISTRY/debian:oci"
    is 0
    has "up to date"
}

@test "by digest: of the manifest, and of the list" {
    local digest list
    digest=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/debian:oci" | sha256sum | cut -d' ' -f1)
    list=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/debian:multi" | sha256sum | cut -d' ' -f1)
    whole "$REGISTRY/debian@sha256:$digest"
    whole "$REGISTRY/debian@sha256:$list"
    run hako pull "$REGISTRY/debian:oci@sha256:$list"
    is 0
    run hako images --digests
    has "sha256:$digest"
}

@test "--platform chooses from the list; what is not there is refused" {
    run hako pull --platform linux/arm64 "$REGISTRY/debian:multi"
    is 0
    [ "$(hako inspect "$REGISTRY/debian:multi" | jq -r '.[0].Architecture')" = arm64 ]
    run hako pull --platform linux/s390x "$REGISTRY/debian:multi"
    is 1
    has s390x
    hako pull -q "$REGISTRY/debian:multi"
    [ "$(hako inspect "$REGISTRY/debian:multi" | jq -r '.[0].Architecture')" = "$(case $(uname -m) in x86_64) echo amd64 ;; *) echo arm64 ;; esac)" ]
}

@test "run pulls what is missing, and tells progress on stderr only" {
    hako rmi -f "$REGISTRY/tiny:latest" >/dev/null 2>&1 || true
    run --separate-stderr hako run --rm "$REGISTRY/tiny" echo out
    is 0
    [ "$output" = out ]
    # shellcheck disable=SC2154
    [[ $stderr == *"Unable to find image"* || $stderr == *Pull* || $stderr == *pull* ]]
    run --separate-stderr hako run --rm "$REGISTRY/tiny" echo again
    [ "$output" = again ]
    [ -z "$stderr" ]
}

@test "mirrors: tried first, and left when they fail" {
    echo "{\"registries\": {\"docker.io\": {\"mirrors\": [\"127.0.0.1:1\", \"$REGISTRY\"], \"insecure\": true}}}" \
        >"$BATS_TEST_TMPDIR/c.json"
    export HAKO_CONFIG=$BATS_TEST_TMPDIR/c.json
    # docker.io/library/… is asked of the mirror under the same name.
    skopeo --insecure-policy copy -q --dest-tls-verify=false --src-tls-verify=false \
        "docker://$REGISTRY/tiny:latest" "docker://$REGISTRY/library/mirrored:latest"
    run hako run --rm mirrored echo through-the-mirror
    is 0
    has through-the-mirror
    run hako images --format '{{.Repository}}:{{.Tag}}'
    has "mirrored:latest"
    hako rmi mirrored
}

@test "a registry with a password: refused without, open with docker's config.json" {
    registry_auth
    run hako pull "$AUTH/debian:oci"
    is 1
    has "denied"
    mkdir "$BATS_TEST_TMPDIR/docker"
    printf '{"auths": {"%s": {"auth": "%s"}}}' "$AUTH" "$(printf 'user:pass' | base64)" >"$BATS_TEST_TMPDIR/docker/config.json"
    DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker run hako pull "$AUTH/tiny:latest"
    "$FIXTURES/registry.sh" stop "$AUTH_PID" "$AUTH_DIR"
    is 0
}
registry_auth() {
    local out
    out=$("$FIXTURES/registry.sh" start --auth user:pass 3>&-)
    read -r AUTH AUTH_PID AUTH_DIR <<<"$out"
    AUTH=127.0.0.1:$AUTH
}

@test "a registry with a certificate nobody knows: refused, or insecure by configuration" {
    local out port pid dir
    out=$("$FIXTURES/registry.sh" start --tls 3>&-)
    read -r port pid dir <<<"$out"
    # A name, because for loopback addresses plain and unverified are allowed anyway.
    local host=$(hostname):$port
    echo '{"registries": {"127.0.0.1:'"$port"'": {"insecure": true}}}' >"$BATS_TEST_TMPDIR/c.json"
    HAKO_CONFIG=$BATS_TEST_TMPDIR/c.json run hako pull "127.0.0.1:$port/tiny:latest"
    local status_insecure=$status
    SSL_CERT_FILE=$dir/cert.pem run hako pull "localhost:$port/tiny:latest"
    "$FIXTURES/registry.sh" stop "$pid" "$dir"
    [ $status_insecure -eq 0 ]
    is 0
}

@test "pulling the same image three times at once works, and stores it once" {
    export HAKO_ROOT=$BATS_TEST_TMPDIR/root
    local i pids=()
    for i in 1 2 3; do
        hako pull -q "$REGISTRY/debian:oci" >"$BATS_TEST_TMPDIR/o.$i" 2>&1 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [ "$(hako images -q | wc -l)" -eq 1 ]
    [ "$(find "$HAKO_ROOT/store/tmp" -mindepth 1 | wc -l)" -eq 0 ]
    run hako run --rm --network none "$REGISTRY/debian:oci" bash -c 'echo $BASH_VERSION'
    is 0
}

@test "killed in the middle, the next pull finishes" {
    export HAKO_ROOT=$BATS_TEST_TMPDIR/root
    local i
    for i in 0.05 0.1 0.2 0.3 0.5; do
        "$BUILD/hako" pull -q "$REGISTRY/debian:oci" >/dev/null 2>&1 3>&- &
        local pid=$!
        sleep $i
        kill -KILL $pid 2>/dev/null || true
        wait $pid || true
    done
    run hako pull -q "$REGISTRY/debian:oci"
    is 0
    NETWORK=none whole "$REGISTRY/debian:oci"
    run find "$HAKO_ROOT/store/tmp" -mindepth 1
    [ -z "$output" ]
}
