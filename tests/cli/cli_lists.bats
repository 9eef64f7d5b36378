# SPDX-License-Identifier: Apache-2.0
# ps, images, inspect, info: columns, keys, filters, templates, on containers that never run.
load helpers
bats_require_minimum_version 1.5.0

setup_file() {
    hako_setup_file
    hako create -q --name web -p 8080:80 -l tier=front -v data:/d box sleep 1000 >/dev/null
    hako create --name old --network none box sh -c 'echo "quoted text that is long"' >/dev/null
    hako create --name db -l tier=back -l a=b box true >/dev/null
}
teardown_file() { hako_teardown_file; }

@test "ps: only what runs; -a all, newest first; docker's columns" {
    run hako ps
    is 0
    [ "$output" = "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES" ]
    run hako ps -a
    [[ ${lines[0]} =~ ^'CONTAINER ID   IMAGE     COMMAND'\ +'CREATED'\ +'STATUS    PORTS     NAMES'$ ]]
    [[ ${lines[1]} =~ ^[0-9a-f]{12}\ +'box       "true"'\ .*ago\ +Created\ +db$ ]]
    [[ ${lines[2]} =~ '"sh -c echo \"quoted …"'.*old$ ]]
    [[ ${lines[3]} =~ web$ ]]
    [ ${#lines[@]} = 4 ]
}

@test "ps: -q, --no-trunc, -n, -l" {
    run hako ps -aq
    [ ${#lines[@]} = 3 ]
    [ ${#lines[0]} = 12 ]
    run hako ps -aq --no-trunc
    [ ${#lines[0]} = 64 ]
    run hako ps -a --no-trunc
    has '"sh -c echo \"quoted text that is long\""'
    run hako ps -q -n 2
    [ ${#lines[@]} = 2 ]
    [ "$(hako ps -l --format '{{.Names}}')" = db ]
}

@test "ps: templates, tables of them, json" {
    run hako ps -a --format '{{.Names}}\t{{.State}}|{{.Label "tier"}}|{{.Networks}}|{{.Mounts}}'
    [ "${lines[0]}" = $'db\tcreated|back|bridge|' ]
    [ "${lines[1]}" = $'old\tcreated||none|' ]
    [ "${lines[2]}" = $'web\tcreated|front|bridge|data' ]
    run hako ps -a --format 'table {{.Names}}\t{{upper .State}}\t{{.Label "tier"}}'
    [ "${lines[0]}" = 'NAMES     STATE     TIER' ]
    [ "${lines[1]}" = 'db        CREATED   back' ]
    hako ps -a --format json | jq -e . >/dev/null
    keys='Command CreatedAt ID Image Labels LocalVolumes Mounts Names Networks Ports RunningFor Size State Status'
    [ "$(hako ps -l --format json | jq -r 'keys_unsorted | join(" ")')" = "$keys" ]
    [ "$(hako ps -l --format '{{json .Names}}')" = '"db"' ]
    for k in $keys; do
        run hako ps -l --format "{{.$k}}"
        is 0
    done
    run hako ps -a --format '{{.Nope}}'
    is 1
    has 'map has no entry for key "Nope"'
    run hako ps --format '{{.ID'
    is 1
    has 'template parsing error: template: :1: unclosed action'
}

@test "ps: filters" {
    names() { hako ps -a --format '{{.Names}}' "$@" | paste -sd' '; }
    [ "$(names -f name=d)" = 'db old' ]
    [ "$(names -f name='^d')" = db ]
    [ "$(names -f label=tier)" = 'db web' ]
    [ "$(names -f label=tier=back -f label=a=b)" = db ]
    [ "$(names --filter status=created)" = 'db old web' ]
    [ "$(hako ps -f status=created --format x | wc -l)" = 3 ]
    [ "$(names -f status=running)" = '' ]
    [ "$(names -f ancestor=box)" = 'db old web' ]
    [ "$(names -f ancestor=debian)" = '' ]
    [ "$(names -f network=none)" = old ]
    [ "$(names -f volume=data)" = web ]
    [ "$(names -f before=old)" = web ]
    [ "$(names -f since=old)" = db ]
    [ "$(names -f id="$(hako inspect -f '{{.Id}}' old)")" = old ]
    run hako ps -f foo=bar
    is 1
    has "invalid filter 'foo'"
    run hako ps -f since=nobody
    is 1
    has 'No such container: nobody'
}

@test "images: columns, digests, keys, filters" {
    run hako images
    is 0
    [[ ${lines[0]} =~ ^'REPOSITORY   TAG       IMAGE ID'\ +CREATED\ +SIZE$ ]]
    [[ ${lines[1]} =~ ^'box          latest    '[0-9a-f]{12}\ +.*MB$ ]]
    [ ${#lines[@]} = 2 ]
    run hako images --digests --no-trunc
    [[ ${lines[1]} =~ sha256:[0-9a-f]{64}\ +sha256:[0-9a-f]{64} ]]
    [ "$(hako images -q)" = "$(hako inspect -f '{{slice .Id 7 19}}' box)" ]
    [ "$(hako images --format json | jq -r '.Repository + ":" + .Tag')" = box:latest ]
    run hako images --format 'table {{.Repository}}\t{{.Tag}}\t{{.CreatedSince}}\t{{.CreatedAt}}'
    [ "${lines[0]}" = 'REPOSITORY   TAG       CREATED   CREATED AT' ]
    [ "$(hako images box:latest -q | wc -l)" = 1 ]
    [ "$(hako images box:other -q | wc -l)" = 0 ]
    [ "$(hako images -q -f dangling=true | wc -l)" = 0 ]
    [ "$(hako images -q -f 'reference=b?x' | wc -l)" = 1 ]
    [ "$(hako images -q -f 'reference=c*' | wc -l)" = 0 ]
    run hako images -f status=running
    is 1
    has "invalid filter 'status'"
}

@test "inspect: containers and images, several, templates, what is missing" {
    run hako inspect web box
    is 0
    [ "$(jq -r '.[0].Name, .[1].RepoTags[0]' <<<"$output" | paste -sd' ')" = '/web box:latest' ]
    run --separate-stderr hako inspect nope web
    is 1
    [ "$(jq -r '.[].Name' <<<"$output")" = /web ]
    [ "$stderr" = 'hako: No such object: nope' ]
    run --separate-stderr hako inspect nope
    is 1
    [ "$output" = '[]' ]
    run hako inspect --type image web
    is 1
    has 'No such image: web'
    run hako container inspect box
    is 1
    has 'No such container: box'
    [ "$(hako image inspect -f '{{.Os}}' box)" = linux ]
    [ "$(hako inspect -f '{{.State.Status}} {{json .Config.Cmd}}' web)" = 'created ["sleep","1000"]' ]
    [ "$(hako inspect -f '{{.ID}}' web)" = "$(hako inspect -f '{{.Id}}' web)" ]
    [ "$(hako inspect -f '{{range .Mounts}}{{.Destination}}{{end}}' web)" = /d ]
    [ "$(hako inspect -f '{{(index (index .HostConfig.PortBindings "80/tcp") 0).HostPort}}' web)" = 8080 ]
    [ "$(hako inspect -f json web | jq -r .Name)" = /web ]
    run --separate-stderr hako inspect -f '{{.Nope}}' web
    is 1
    [ -z "$output" ]
    [[ $stderr = *'template parsing error: template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'* ]]
    id=$(hako inspect -f '{{.Id}}' web)
    [ "$(hako inspect -f '{{.Name}}' "${id:0:12}")" = /web ]
}

@test "info: counts and json" {
    run hako info
    is 0
    has ' Containers: 3'
    has ' Storage Driver: overlay'
    [ "$(hako info -f '{{.Containers}} {{.Images}}')" = '3 1' ]
    hako info --format json | jq -e .KernelVersion >/dev/null
}

@test "the group forms do the same" {
    [ "$(hako container ls -aq)" = "$(hako ps -aq)" ]
    [ "$(hako container list -aq)" = "$(hako ps -aq)" ]
    [ "$(hako image ls -q)" = "$(hako images -q)" ]
    run hako container create --name grouped box true
    is 0
    run hako container rename grouped renamed
    is 0
    run hako container rm renamed
    is 0
    [ "$output" = renamed ]
}

@test "names given are printed; the missing are told apart and do not stop the rest" {
    hako create --name one box true
    hako create --name two box true
    run --separate-stderr hako rm one nobody two
    is 1
    [ "$output" = $'one\ntwo' ]
    [ "$stderr" = 'hako: No such container: nobody' ]
    run hako rm -f nobody
    is 0
    run hako rmi nothing:here
    is 1
    run hako rmi box
    is 1
    has 'container'
}
