# SPDX-License-Identifier: Apache-2.0
# images, rmi and what an image's configuration means for run.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    local d=$HAKO_TEST_DIR/layouts busybox
    busybox=$(command -v busybox)
    mkimage --out "$d" --ref v1 --config '{"Entrypoint":["/bin/sh","-c"],"Cmd":["echo default-cmd; id -u; pwd"],
        "User":"app","WorkingDir":"/srv/app","Env":["PATH=/bin","FROM_IMAGE=1"],"ExposedPorts":{"80/tcp":{},"53/udp":{}},
        "Volumes":{"/data":{}},"StopSignal":"SIGUSR2","Labels":{"team":"tea"}}' \
        --layer - --add 'd bin 0755' --add "x bin/busybox 0755 $busybox" --add 's bin/sh busybox' --add 's bin/id busybox' \
        --add 's bin/sleep busybox' --add 's bin/cat busybox' --add 's bin/ls busybox' --add 'd etc 0755' --add 'f etc/passwd 0644 app:x:1001:1002::/home/app:/bin/sh' \
        --add 'd data 0755' --add 'f data/seed 0644 from-image'
    mkimage --out "$d" --ref nocmd --config '{}' --layer - --add 'd bin 0755' --add "x bin/busybox 0755 $busybox"
    mkimage --out "$d" --ref linked --config '{"Cmd":["/bin/ls"]}' --layer - --add 'd usr 0755' --add 'd usr/bin 0755' --add 's bin usr/bin' \
        --add "x usr/bin/busybox 0755 $busybox" --add 's usr/bin/ls busybox' --add 's usr/bin/cat busybox' --add 'd var 0755' --add 'd var/etc 0755' --add 's etc usr/../../../../var/etc' \
        --layer - --add 'f usr/bin/marker 0644 second-layer'
    mkimage --out "$d" --ref trap --layer - --add 'd bin 0755' --add "x bin/busybox 0755 $busybox" --add 's proc /dev'
    python3 "$FIXTURES/badregistry.py" "$HAKO_TEST_DIR" >"$HAKO_TEST_DIR/port" 3>&- &
    echo $! >"$HAKO_TEST_DIR/server"
    wait_for 10 test -s "$HAKO_TEST_DIR/port"
    export HOST IMAGE
    HOST=127.0.0.1:$(cat "$HAKO_TEST_DIR/port")
    IMAGE=$HOST/layouts/good
    hako pull -q "$IMAGE:v1"
    hako run --rm box true
}
teardown_file() {
    [ ! -s "$HAKO_TEST_DIR/server" ] || kill "$(cat "$HAKO_TEST_DIR/server")"
    hako_teardown_file
}
setup() {
    needs_root
    hako_setup
}
teardown() { hako_teardown; }

@test "Entrypoint, Cmd, User, WorkingDir, Env of the image" {
    run hako run --rm "$IMAGE:v1"
    is 0
    [ "$output" = $'default-cmd\n1001\n/srv/app' ]
    run hako run --rm "$IMAGE:v1" 'echo $FROM_IMAGE $HOME; id -g'
    [ "$output" = $'1 /home/app\n1002' ]
    run hako run --rm --entrypoint /bin/id "$IMAGE:v1" -u
    [ "$output" = 1001 ]
    run hako run --rm -u 0 -w / -e FROM_IMAGE=2 "$IMAGE:v1" 'id -u; pwd; echo $FROM_IMAGE'
    [ "$output" = $'0\n/\n2' ]
}

@test "Volumes: an anonymous one, filled from the image, gone with --rm" {
    run hako run --rm "$IMAGE:v1" 'cat /data/seed; cat /proc/mounts'
    is 0
    has from-image
    has " /data "
    run sh -c 'ls "$1/volumes" 2>/dev/null | wc -l' sh "$HAKO_ROOT"
    [ "$output" = 0 ]
}

@test "ExposedPorts, StopSignal, Labels" {
    hako run -d --name ii -P "$IMAGE:v1" 'sleep 1000'
    [ "$(field ii .Config.StopSignal)" = SIGUSR2 ]
    [ "$(field ii .Config.Labels.team)" = tea ]
    [ "$(field ii '.NetworkSettings.Ports | keys | join(",")')" = 53/udp,80/tcp ]
    [ "$(field ii '.NetworkSettings.Ports["80/tcp"][0].HostPort')" -gt 0 ]
}

@test "an image without a command needs one" {
    run hako run --rm "$IMAGE:nocmd"
    is 125
    has "no command"
    run hako run --rm "$IMAGE:nocmd" /bin/busybox echo fine
    is 0
    has fine
    hako rmi "$IMAGE:nocmd"
}

@test "an image of links: followed inside, never out" {
    run hako run --rm "$IMAGE:linked" cat /bin/marker
    is 0
    has second-layer
    run hako run --rm "$IMAGE:linked" ls /var/etc
    is 0
    has hosts
    lacks shadow
    hako rmi "$IMAGE:linked"
    run hako run --rm "$IMAGE:trap" /bin/busybox true
    is 125
    has "symbolic link on the way to /proc"
    hako rmi "$IMAGE:trap"
}

@test "images: columns, -q, --digests, --no-trunc, filters, format" {
    run hako images
    is 0
    [[ ${lines[0]} =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE ]]
    [[ $output =~ $HOST/layouts/good\ +v1 ]]
    [[ $output =~ box\ +latest ]]
    run hako images -q
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} =~ ^[0-9a-f]{12}$ ]]
    run hako images -q --no-trunc
    [[ ${lines[0]} =~ ^sha256:[0-9a-f]{64}$ ]]
    run hako images --digests
    has DIGEST
    run hako images box --format '{{.Repository}}|{{.Tag}}|{{.ID}}'
    [[ $output =~ ^box\|latest\|[0-9a-f]{12}$ ]]
    run hako images --filter label=team=tea --format '{{.Tag}}'
    [ "$output" = v1 ]
    run hako images --filter "reference=b*x" --format '{{.Repository}}'
    [ "$output" = box ]
    run hako images nothing-like-this -q
    is 0
    [ -z "$output" ]
}

@test "rmi: refuses what a container uses, takes the rest, -f too" {
    hako create --name user "$IMAGE:v1"
    run hako rmi "$IMAGE:v1"
    is 1
    has "$(field user .Id | cut -c1-12)"
    hako rm user
    run hako rmi "$IMAGE:v1"
    is 0
    has "Untagged: $IMAGE:v1"
    has "Deleted: sha256:"
    run hako rmi "$IMAGE:v1"
    is 1
    has "No such image"
    run hako images -q
    [ "${#lines[@]}" -eq 1 ]
    run hako pull -q "$IMAGE:v1"
    is 0
    local id
    id=$(hako images -q "$IMAGE")
    run hako rmi "$id"
    is 0
    hako pull -q "$IMAGE:v1"
}

@test "rmi gives the disk back" {
    local before
    before=$(du -sk "$HAKO_ROOT" | cut -f1)
    hako pull -q "$IMAGE:linked"
    [ "$(du -sk "$HAKO_ROOT" | cut -f1)" -gt "$before" ]
    hako rmi "$IMAGE:linked"
    [ "$(du -sk "$HAKO_ROOT" | cut -f1)" -le $((before + 64)) ]
}

@test "rmi while a box runs from it: the box is not hurt" {
    hako run -d --name rr "$IMAGE:v1" 'sleep 1000'
    run hako rmi -f "$IMAGE:v1"
    run hako exec rr /bin/cat /data/seed
    is 0
    has from-image
    hako rm -f rr
    hako pull -q "$IMAGE:v1"
}

@test "a tag that moves leaves the old image dangling, rmi takes it" {
    local old
    old=$(hako images -q --no-trunc "$IMAGE:v1")
    mkimage --out "$HAKO_TEST_DIR/layouts" --ref moving --layer - --add 'f one 0644 1'
    hako pull -q "$IMAGE:moving"
    mkimage --out "$HAKO_TEST_DIR/layouts" --ref moving --layer - --add 'f two 0644 2'
    hako pull -q "$IMAGE:moving"
    run hako images --filter dangling=true -q
    [ "${#lines[@]}" -eq 1 ]
    hako rmi "${lines[0]}" "$IMAGE:moving"
    [ "$(hako images -q --no-trunc "$IMAGE:v1")" = "$old" ]
}

@test "image inspect" {
    run sh -c '"$1" inspect "$2" | jq -r ".[0] | .Architecture, .Os, (.RootFS.Layers | length), .Config.WorkingDir, (.RepoTags[0])"' sh "$BUILD/hako" "$IMAGE:v1"
    is 0
    has linux
    has /srv/app
    has "$IMAGE:v1"
}
