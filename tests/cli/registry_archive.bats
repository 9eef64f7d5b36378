# SPDX-License-Identifier: Apache-2.0
# save, load, import, export, image scp; archives exchanged with skopeo and podman both ways.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    registry_start
    hako pull -q "$REGISTRY/debian:oci" >/dev/null
    hako tag "$REGISTRY/debian:oci" deb:1
    hako pull -q "$REGISTRY/tiny:latest" >/dev/null
    hako tag "$REGISTRY/tiny:latest" tiny:1
    ID=$(hako images -q --no-trunc deb)
    export ID
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_root
    needs_cmd docker-registry
    needs_cmd skopeo
    needs_cmd jq
    T=$BATS_TEST_TMPDIR
    hako_setup
}
teardown() { hako_teardown; }

# A store of its own, empty.
fresh() { HAKO_ROOT=$T/fresh HAKO_RUN=$T/fresh-run hako "$@"; }
podman_() { podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs "$@"; }

@test "docker-archive: two images, three names, read by skopeo and podman" {
    hako tag deb:1 other/deb:2
    run hako save -o "$T/a.tar" deb:1 other/deb:2 tiny:1
    is 0
    [ "$(tar xOf "$T/a.tar" manifest.json | jq -c '[.[].RepoTags]')" = '[["deb:1","other/deb:2"],["tiny:1"]]' ]
    skopeo copy -q "docker-archive:$T/a.tar:other/deb:2" "dir:$T/d"
    [ "sha256:$(sha256sum <"$T/d/${ID#sha256:}" | cut -d' ' -f1)" = "$ID" ]
    skopeo copy -q "oci-archive:$T/a.tar:tiny:1" "dir:$T/d2" || true # two names: skopeo may want one
    needs_cmd podman
    run podman_ load -q -i "$T/a.tar"
    is 0
    run podman_ images -q --no-trunc deb
    has "$ID"
}

@test "every form comes back as the same image" {
    local form
    for form in docker-archive oci-archive oci-dir docker-dir; do
        hako save --format $form -o "$T/$form" deb:1
        run fresh load -i "$T/$form"
        is 0
        has "Loaded image"
        [ "$(fresh images -q --no-trunc)" = "$ID" ]
        fresh rmi -f "$ID" >/dev/null
    done
    hako save --format docker-dir --compress -o "$T/z" deb:1
    fresh load -q -i "$T/z"
    hako save --format oci-archive --uncompressed deb:1 | fresh load
    [ "$(fresh images -q --no-trunc)" = "$ID" ]
}

@test "the same image gives the same archive" {
    hako save deb:1 | sha256sum >"$T/one"
    hako save deb:1 | sha256sum >"$T/two"
    cmp "$T/one" "$T/two"
}

@test "through pipes, compressed from outside" {
    needs_cmd xz
    needs_cmd zstd
    hako save tiny:1 | gzip | fresh load
    hako save tiny:1 | zstd -q | fresh load
    hako save tiny:1 | xz -0 | fresh load
    [ "$(fresh images --format '{{.Repository}}:{{.Tag}}')" = tiny:1 ]
}

@test "what skopeo wrote" {
    local what
    for what in "docker-archive:$T/s.tar:some/name:3" "oci-archive:$T/so.tar:3" "oci:$T/soci:3" "dir:$T/sdir"; do
        skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/debian:oci" "$what"
    done
    run fresh load -i "$T/s.tar"
    is 0
    has "Loaded image: some/name:3"
    fresh load -i "$T/so.tar"
    fresh load -i "$T/soci"
    fresh load -i "$T/sdir"
    [ "$(fresh images -q --no-trunc deb localhost/3 | sort -u | wc -l)" -le 1 ]
    run fresh pull -q "oci:$T/soci:3"
    is 0
    run fresh pull "docker-archive:$T/s.tar:nosuch:1"
    is 1
    has "has no image"
}

@test "what podman wrote" {
    needs_cmd podman
    podman_ pull -q --tls-verify=false "$REGISTRY/debian:oci"
    podman_ save -q --format docker-archive -o "$T/pd.tar" "$REGISTRY/debian:oci"
    podman_ save -q --format oci-archive -o "$T/po.tar" "$REGISTRY/debian:oci"
    podman_ save -q --format oci-dir -o "$T/podir" "$REGISTRY/debian:oci"
    podman_ save -q --format docker-dir -o "$T/pddir" "$REGISTRY/debian:oci"
    local f
    for f in pd.tar po.tar podir pddir; do
        run fresh load -i "$T/$f"
        is 0
        fresh run --rm --network none "$(fresh images -q | head -1)" cat /opt/full/new
        fresh rmi -f "$(fresh images -q | head -1)" >/dev/null
    done
}

@test "push to places" {
    hako push "$REGISTRY/tiny:latest" "oci-archive:$T/t.tar:tiny:5"
    hako push "$REGISTRY/tiny:latest" "docker-archive:$T/td.tar:tiny:6"
    hako push "$REGISTRY/tiny:latest" "oci:$T/toci:tiny:7"
    hako push "$REGISTRY/tiny:latest" "dir:$T/tdir"
    skopeo inspect "oci-archive:$T/t.tar" >/dev/null
    skopeo inspect "docker-archive:$T/td.tar:tiny:6" >/dev/null
    skopeo inspect "oci:$T/toci" >/dev/null
    skopeo inspect "dir:$T/tdir" >/dev/null
}

@test "a file that cannot be written leaves nothing half" {
    run hako save -o "$T/no/such/dir.tar" deb:1
    is 1
    run hako save -o "$T" deb:1
    is 1
    has "is a directory"
    if [ -c /dev/full ]; then
        run hako save -o /dev/full deb:1
        is 1
    fi
    run hako save --format zip deb:1
    is 1
    has "unknown format"
    run hako save --compress deb:1
    is 1
    run hako save nosuch
    is 1
    has "No such image"
    [ -z "$(find "$T" -name '*.part')" ]
}

@test "export and import: a container's files become an image" {
    hako run --name exp --network none -v /data deb:1 sh -c 'echo made >/root/made; rm /etc/issue; ln /root/made /root/hard; mknod /root/null c 1 3'
    hako export -o "$T/e.tar" exp
    [ "$(tar xOf "$T/e.tar" root/hard)" = made ]
    run ! tar tf "$T/e.tar" etc/issue
    run hako import -c 'CMD ["cat", "/root/hard"]' -c 'ENV A=b' -c 'WORKDIR /opt' -c 'LABEL x="y z"' -m hello "$T/e.tar" imp:1
    is 0
    [[ $output = sha256:* ]]
    run hako run --rm --network none imp:1
    [ "$output" = made ]
    run hako run --rm --network none imp:1 sh -c 'echo $A $PWD; stat -c %t,%T /root/null'
    [ "${lines[0]}" = "b /opt" ]
    [ "${lines[1]}" = 1,3 ]
    [ "$(hako inspect -f '{{.Config.Labels.x}}' imp:1)" = "y z" ]
    hako export exp | gzip | hako import - imp:2
    [ "$(hako inspect -f '{{json .RootFS.Layers}}' imp:1)" = "$(hako inspect -f '{{json .RootFS.Layers}}' imp:2)" ]
    run hako import -c 'FROM x' "$T/e.tar"
    is 1
    has "invalid change"
    run hako import "$T/nosuch.tar"
    is 1
    hako rmi -f imp:1 imp:2 >/dev/null
}

@test "export of a running container" {
    hako run --name live -d --network none deb:1 sleep 1000
    hako exec live sh -c 'echo now >/root/now'
    [ "$(hako export live | tar xO root/now)" = now ]
    [ "$(hako inspect -f '{{.State.Running}}' live)" = true ]
}

@test "import from a URL" {
    needs_cmd python3
    mkdir "$T/www"
    tar cf "$T/www/x.tar" -C "$T" --files-from /dev/null
    (cd "$T/www" && exec python3 -c '
import http.server, socketserver, sys
class Q(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
s = socketserver.TCPServer(("127.0.0.1", 0), Q)
print(s.server_address[1], flush=True)
for _ in range(2): s.handle_request()') >"$T/port" 3>&- &
    local pid=$! i
    for ((i = 0; i < 100; i++)); do
        [ -s "$T/port" ] && break
        sleep 0.1
    done
    run hako import "http://127.0.0.1:$(cat "$T/port")/x.tar" url:1
    is 0
    run hako import "http://127.0.0.1:$(cat "$T/port")/nosuch" url:2
    is 1
    has "status 404"
    wait $pid
    hako rmi url:1
}

@test "image scp to and from another hako" {
    cat >"$T/ssh" <<'XX'
#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
HAKO_ROOT=$FAR/root HAKO_RUN=$FAR/run PATH=$BUILD:$PATH sh -c "$*"
XX
    chmod +x "$T/ssh"
    mkdir "$T/far"
    export FAR=$T/far HAKO_SSH=$T/ssh
    run hako image scp tiny:1 someone@far::
    is 0
    has "Loaded image: tiny:1"
    HAKO_ROOT=$FAR/root HAKO_RUN=$FAR/run hako tag tiny:1 back:1
    run hako image scp far::back:1
    is 0
    hako rmi back:1
    run hako image scp far::nosuch:1
    is 1
    run hako image scp tiny:1 'far::x;reboot'
    is 1
    run hako image scp 'far::x;reboot'
    is 1
    run hako image scp -- tiny:1 '-oProxyCommand=reboot::'
    is 1
}

@test "loads of no image say so" {
    run hako load -i /etc
    is 1
    has "is no image"
    run hako load </dev/null
    is 1
    has empty
    head -c 100000 /dev/urandom >"$T/noise"
    run hako load -i "$T/noise"
    is 1
    run hako load -i "$T/nosuch"
    is 1
    has "No such file"
}

@test "rootless: save, load, push, import" {
    needs_user
    T=$HAKO_TEST_DIR # others may enter it
    mkdir -p "$T/u"
    hako save deb:1 >"$T/u/in.tar"
    chmod 644 "$T/u/in.tar"
    run as_user hako load -i "$T/u/in.tar"
    is 0
    run as_user hako push deb:1 "$REGISTRY/user/deb:1"
    is 0
    run as_user sh -c "hako save deb:1 | sha256sum; sha256sum <$T/u/in.tar"
    [ "${lines[0]}" = "${lines[1]}" ]
    run as_user sh -c "hako run --name uu --network none deb:1 sh -c 'echo hi >/root/hi; chown 5:6 /root/hi'; hako export uu | tar tvf - root/hi; hako rm -f uu"
    has "5/6"
    as_user hako rmi -f deb:1
}
