# SPDX-License-Identifier: Apache-2.0
# What is done with images that are here: names, history, layers, mounts, changes, room.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    hako pull -q box
    hako run --rm box true
}
teardown_file() { hako_teardown_file; }
setup() { hako_setup; }
teardown() { hako_teardown; }

@test "tag, untag: names come and go, the image stays" {
    hako tag box one:1 two:2
    run hako images -q
    [ "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" = 1 ]
    run hako untag one:1 one:1
    is 0
    run hako image exists one:1
    is 1
    run hako image exists two:2
    is 0
    run hako untag two:2 nope:1
    is 1
    has "nope:1 is no name of image"
    run hako tag nope:1 x:1
    is 1
    has "No such image: nope:1"
    run hako tag box 'UPPER:1'
    is 1
    has "invalid reference format"
    run hako tag box "x@sha256:$(printf '%064d' 0)"
    is 1
    has "digest reference"
    hako rmi two:2
    run hako image tag box
    is 1
    has "requires at least 2 arguments"
}

@test "history: docker's columns, template, json, ids, platform" {
    run hako history box
    is 0
    [[ ${lines[0]} =~ ^IMAGE\ +CREATED\ +CREATED\ BY\ +SIZE\ +COMMENT$ ]]
    [[ ${lines[1]} =~ mkbox ]]
    run hako history -q --no-trunc box
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    [ "$(hako history --format '{{.CreatedBy}}' box)" = "mkbox: busybox-static" ]
    hako history --format json box | jq -e '.Size and .ID' >/dev/null
    run hako history -H=false box
    [[ ${lines[1]} =~ [0-9]{7} ]]
    run hako history --platform linux/s390x box
    is 1
    has "not for linux/s390x"
    run hako image history nope
    is 1
    has "No such image"
}

@test "commit: files, configuration, history; diff of container and image" {
    hako run --name made box sh -c 'mkdir /data; echo hi >/data/f; rm /etc/passwd; echo x >>/etc/group'
    run hako diff made
    is 0
    [ "$output" = $'A /data\nA /data/f\nC /etc\nC /etc/group\nD /etc/passwd' ]
    [ "$(hako container diff --format json made | jq -c '[.added,.deleted]')" = '[["/data","/data/f"],["/etc/passwd"]]' ]
    run hako commit -a 'Ann <a@x>' -m why -c 'CMD ["cat","/data/f"]' -c 'ENV A=b' -c 'LABEL k=v' made my:1
    is 0
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    [ "$(hako run --rm my:1)" = hi ]
    [ "$(hako run --rm my:1 sh -c 'echo $A; [ -e /etc/passwd ] || echo gone')" = $'b\ngone' ]
    [ "$(hako inspect my:1 | jq -r '.[0] | .Author, .Config.Labels.k, (.RootFS.Layers | length)')" = $'Ann <a@x>\nv\n2' ]
    run hako history my:1
    [[ ${lines[1]} =~ why$ ]]
    [ "${#lines[@]}" = 3 ]
    run hako image diff my:1
    has "A /data/f"
    has "D /etc/passwd"
    run hako image tree my:1
    has "Top Layer of: [my:1]"
    run hako image tree --whatrequires box
    has "[my:1]"
    run hako commit --squash --iidfile "$BATS_TEST_TMPDIR/iid" made flat:1
    is 0
    [ "$(cat "$BATS_TEST_TMPDIR/iid")" = "$output" ]
    [ "$(hako inspect flat:1 | jq '.[0].RootFS.Layers | length')" = 1 ]
    [ "$(hako run --rm flat:1 cat /data/f)" = hi ]
    run hako commit made 'BAD:1'
    is 1
    run hako commit -c 'NOPE x' made
    is 1
    has NOPE
    run hako commit nope
    is 1
    has "No such container: nope"
    run hako diff nope
    is 1
    has "No such container or image: nope"
    hako rm made
    hako rmi my:1 flat:1
}

@test "commit of a running container: without pausing it goes on" {
    hako run -d --name up box sleep 1000
    run hako commit -p=false up same:1
    is 0
    [ "$(hako inspect same:1 | jq -r '.[0].RootFS.Layers[0]')" = "$(hako inspect box | jq -r '.[0].RootFS.Layers[0]')" ]
    [ "$(field up .State.Status)" = running ]
    hako rm -f up
    hako rmi same:1
}

@test "image mount: read-only, listed, holds the image; a user is told why not" {
    needs_root
    run hako image mount box
    is 0
    local path=$output
    [ -x "$path/bin/busybox" ]
    run touch "$path/x"
    [ "$status" -ne 0 ]
    [ "$(hako image mount box)" = "$path" ]
    [ "$(hako image mount --format json | jq -r '.[0].mountpoint')" = "$path" ]
    hako image mount | grep -q "^box:latest "
    run hako rmi box
    is 1
    has "image box is mounted"
    hako image unmount --all
    [ ! -e "$path" ]
    run hako image unmount box
    is 1
    has "is not mounted"
    run hako image mount nope
    is 1
    run hako image unmount
    is 1
    needs_user
    as_user hako pull -q box
    run as_user hako image mount box
    is 1
    has "image mount needs root"
}

@test "image prune: dangling ones; all; by label and age; what a container uses stays" {
    hako create --name keeper box true
    hako commit -c 'LABEL keep=yes' keeper
    hako commit -c 'LABEL keep=no' keeper
    run hako images -f dangling=true -q
    [ "${#lines[@]}" = 2 ]
    run hako image prune -f --filter until=1h
    is 0
    run hako images -f dangling=true -q
    [ "${#lines[@]}" = 2 ]
    run hako image prune -f --filter 'label!=keep=yes'
    has "Deleted: sha256:"
    run hako images -f dangling=true -q
    [ "${#lines[@]}" = 1 ]
    run sh -c 'echo n | "$1" image prune' sh "$BUILD/hako"
    is 1
    run hako images -f dangling=true -q
    [ "${#lines[@]}" = 1 ]
    run sh -c 'echo y | "$1" image prune 2>/dev/null' sh "$BUILD/hako"
    is 0
    run hako images -f dangling=true -q
    [ -z "$output" ]
    hako tag box other:1
    hako image prune -af >/dev/null
    hako image exists box
    run hako image prune -f --filter nope=1
    is 1
    has "invalid filter 'nope'"
    run hako image prune -f --filter until=yesterday
    is 1
    hako rm keeper
    hako system prune -af >/dev/null
    run hako images -q
    [ -z "$output" ]
    hako pull -q box
}

@test "system df: sums, template, json, verbose" {
    hako run --name used box sh -c 'head -c 100000 /dev/zero >/f'
    run hako system df
    is 0
    [[ ${lines[0]} =~ ^TYPE\ +TOTAL\ +ACTIVE\ +SIZE\ +RECLAIMABLE$ ]]
    [[ ${lines[1]} =~ ^Images\ +1\ +1\ .*MB\ +0B\ \(0%\)$ ]]
    [[ ${lines[2]} =~ ^Containers\ +1\ +0\ +100kB\ +100kB\ \(100%\)$ ]]
    [ "$(hako system df --format '{{.Type}}={{.TotalCount}}' | head -1)" = Images=1 ]
    hako system df --format json | jq -es 'length == 4' >/dev/null
    run hako system df -v
    has "Images space usage:"
    has "SHARED SIZE"
    hako rm used
}

@test "system check: a good store; a damaged one, repaired" {
    run hako system check
    is 0
    has "0 findings"
    echo broken >"$(find "$HAKO_ROOT/store/layers" -path '*/fs/bin/busybox' | head -1)"
    run hako system check --json
    is 1
    printf '%s\n' "${lines[0]}" | jq -e '.kind and .what' >/dev/null
    hako system check --repair || true
    hako pull -q box
    run hako system check
    is 0
}
