# SPDX-License-Identifier: Apache-2.0
# login, logout: against a registry with TLS and passwords, into docker's and podman's files, and by
# a credential helper.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    registry_start --empty --tls --auth 'ann:s3cret:x y'
    export HOME=$HAKO_TEST_DIR/home
    mkdir -p "$HOME" "$HAKO_TEST_DIR/bin"
    export PATH=$HAKO_TEST_DIR/bin:$PATH
    # A helper that keeps one secret and says by which words it was called.
    cat >"$HAKO_TEST_DIR/bin/docker-credential-fake" <<'END'
#!/bin/sh
d=$(dirname "$0")/../cred
echo "$*" >>"$d.log"
case $1 in
store) cat >"$d" ;;
get) read -r s; [ -s "$d" ] && grep -qF "\"$s\"" "$d" && cat "$d" || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) read -r s; rm -f "$d" ;;
esac
END
    cat >"$HAKO_TEST_DIR/bin/docker-credential-broken" <<'END'
#!/bin/sh
echo 'keychain is locked: top-secret-no'
exit 3
END
    chmod +x "$HAKO_TEST_DIR"/bin/*
}
teardown_file() { hako_teardown_file; }
setup() {
    unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR XDG_CONFIG_HOME
    rm -rf "$HOME/.docker" "$HOME/.config" "$HAKO_TEST_DIR/cred" "$HAKO_TEST_DIR/cred.log"
    hako_setup
}
teardown() { hako_teardown; }

login() { printf '%s' "${2-s3cret:x y}" | hako login -u "${1-ann}" --password-stdin "${@:3}" "$REGISTRY"; }

@test "login: the registry is asked; the file is docker's, private, and keeps what it holds" {
    mkdir "$HOME/.docker"
    echo '{"HttpHeaders":{"a":"b"},"psFormat":"x"}' >"$HOME/.docker/config.json"
    chmod 644 "$HOME/.docker/config.json"
    run --separate-stderr login
    is 0
    [ "$output" = "Login Succeeded" ]
    [ "$(stat -c %a "$HOME/.docker/config.json")" = 600 ]
    [ "$(jq -r ".auths[\"$REGISTRY\"].auth" "$HOME/.docker/config.json" | base64 -d)" = 'ann:s3cret:x y' ]
    [ "$(jq -r .HttpHeaders.a "$HOME/.docker/config.json")" = b ]
    [ "$(hako login --get-login "$REGISTRY")" = ann ]
    # and pull uses it
    run hako pull "$REGISTRY/nope:1"
    is 1
    has "not found"
    # skopeo reads it as well
    run skopeo list-tags --tls-verify=false --authfile "$HOME/.docker/config.json" "docker://$REGISTRY/nope"
    lacks "unauthorized"
}

@test "login: a wrong password is refused, not kept, and not repeated" {
    run login ann wrong-password
    is 1
    has "refuses this user name and password"
    lacks wrong-password
    [ ! -e "$HOME/.docker/config.json" ]
    run hako login --get-login "$REGISTRY"
    is 1
    has "not logged into"
    run hako pull "$REGISTRY/nope:1"
    is 1
    has "denied"
}

@test "logout: this registry; all; what is not there" {
    login
    run hako logout "$REGISTRY"
    is 0
    has "Removing login credentials for $REGISTRY"
    run hako logout "$REGISTRY"
    has "Not logged in"
    login
    mkdir -p "$HOME/.config/containers"
    echo '{"auths":{"quay.example":{"auth":"YTpi"}}}' >"$HOME/.config/containers/auth.json"
    hako logout --all
    [ "$(jq -c .auths "$HOME/.config/containers/auth.json")" = '{}' ]
    [ "$(jq -c .auths "$HOME/.docker/config.json")" = '{}' ]
    run hako logout --all "$REGISTRY"
    is 1
}

@test "authfile: --authfile, REGISTRY_AUTH_FILE, DOCKER_CONFIG, podman's places are read" {
    login ann 's3cret:x y' --authfile "$BATS_TEST_TMPDIR/a.json"
    [ ! -e "$HOME/.docker" ]
    [ "$(hako login --get-login --authfile "$BATS_TEST_TMPDIR/a.json" "$REGISTRY")" = ann ]
    [ "$(REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/a.json hako login --get-login "$REGISTRY")" = ann ]
    DOCKER_CONFIG=$BATS_TEST_TMPDIR/d login
    [ -s "$BATS_TEST_TMPDIR/d/config.json" ]
    mkdir -p "$BATS_TEST_TMPDIR/run/containers"
    cp "$BATS_TEST_TMPDIR/a.json" "$BATS_TEST_TMPDIR/run/containers/auth.json"
    [ "$(XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run hako login --get-login "$REGISTRY")" = ann ]
    # a link stays a link
    mkdir "$HOME/.docker"
    echo '{}' >"$BATS_TEST_TMPDIR/real.json"
    ln -s "$BATS_TEST_TMPDIR/real.json" "$HOME/.docker/config.json"
    login
    [ -L "$HOME/.docker/config.json" ]
    [ "$(stat -c %a "$BATS_TEST_TMPDIR/real.json")" = 600 ]
}

@test "credential helper: store, get, erase; the secret is in no file and on no command line" {
    mkdir "$HOME/.docker"
    echo '{"credsStore":"fake"}' >"$HOME/.docker/config.json"
    run login
    is 0
    lacks WARNING
    run grep s3cret "$HOME/.docker/config.json"
    is 1
    [ "$(jq -c ".auths[\"$REGISTRY\"]" "$HOME/.docker/config.json")" = '{}' ]
    jq -e '.Username == "ann" and .Secret == "s3cret:x y"' "$HAKO_TEST_DIR/cred" >/dev/null
    [ "$(hako login --get-login "$REGISTRY")" = ann ]
    run hako pull "$REGISTRY/nope:1"
    has "not found"
    hako logout "$REGISTRY"
    [ ! -e "$HAKO_TEST_DIR/cred" ]
    [ "$(sort -u "$HAKO_TEST_DIR/cred.log" | tr '\n' ' ')" = "erase get store " ]
    # for one registry only
    echo "{\"credHelpers\":{\"$REGISTRY\":\"fake\"}}" >"$HOME/.docker/config.json"
    login
    [ -s "$HAKO_TEST_DIR/cred" ]
}

@test "credential helper: missing, failing, of a bad name" {
    mkdir "$HOME/.docker"
    echo '{"credsStore":"nothere"}' >"$HOME/.docker/config.json"
    run hako pull "$REGISTRY/nope:1"
    is 1
    has "docker-credential-nothere is not installed"
    echo '{"credsStore":"broken"}' >"$HOME/.docker/config.json"
    run hako pull "$REGISTRY/nope:1"
    is 1
    has "docker-credential-broken get failed with status 3"
    echo '{"credsStore":"../../bin/sh"}' >"$HOME/.docker/config.json"
    run hako pull "$REGISTRY/nope:1"
    is 1
    has "no name of a credential helper"
    echo 'no json' >"$HOME/.docker/config.json"
    run login
    is 1
    has "config.json"
}

@test "login: bad input" {
    run hako login -u ann -p x --password-stdin "$REGISTRY" </dev/null
    is 1
    has "mutually exclusive"
    run hako login --password-stdin "$REGISTRY" </dev/null
    is 1
    has "--username"
    run hako login "$REGISTRY" </dev/null
    is 1
    has "non TTY device"
    run hako login -u ann --password-stdin "$REGISTRY" </dev/null
    is 1
    has "password is empty"
    run hako login -u a:b -p x "$REGISTRY"
    is 1
    has 'without ":"'
    run hako login -u ann -p x 'bad host'
    is 1
    has "no address of a registry"
    run hako login -u ann -p x "127.0.0.1:$(free_port)"
    is 1
    has "cannot connect"
    run hako login --tls-verify=true -u ann -p 's3cret:x y' "$REGISTRY"
    is 1
    has "certificate"
}

@test "search: the catalogue of a registry; filters; bad input" {
    login
    skopeo --insecure-policy copy -q --dest-tls-verify=false --dest-authfile "$HOME/.docker/config.json" \
        "oci:$BUILD/box:box" "docker://$REGISTRY/team/app:1"
    skopeo --insecure-policy copy -q --dest-tls-verify=false --dest-authfile "$HOME/.docker/config.json" \
        "oci:$BUILD/box:box" "docker://$REGISTRY/team/app:2"
    [ "$(hako search --format '{{.Name}}' "$REGISTRY/ap")" = "$REGISTRY/team/app" ]
    run hako search "$REGISTRY/zzz"
    is 0
    [[ $output =~ ^NAME\ +DESCRIPTION\ +STARS\ +OFFICIAL$ ]]
    run hako search -f stars=1 --format '{{.Name}}' "$REGISTRY/app"
    [ -z "$output" ]
    run hako search --list-tags --format '{{.Tag}}' "$REGISTRY/team/app"
    is 0
    [ "$(sort <<<"$output")" = $'1\n2' ]
    run hako search -f stars=x "$REGISTRY/app"
    is 1
    has "invalid filter 'stars=x'"
    run hako search -f nope=1 "$REGISTRY/app"
    is 1
    run hako search --limit 101 "$REGISTRY/app"
    is 1
}
