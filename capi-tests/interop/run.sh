#!/bin/sh
# run.sh LIB_A LIB_B
# Every pair of socket types (or those of $PAIRS) in two processes, one with the library of folder A and one with that of folder B, in both
# directions of bind and connect, over tcp and ipc; every security mechanism; then streams from A to B. In a Kerberos realm (../realm.sh):
# GSSAPI, and nothing else. B may be libzmq. The program is $PEER_PROGRAM (default: where `make` puts it).
set -u
[ $# -eq 2 ] || { sed -n 2,4p "$0"; exit 2; }
a=$(cd "$1" && pwd) && b=$(cd "$2" && pwd) || exit 2
peer=${PEER_PROGRAM:-${OUT:-/tmp/capi-tests-out}/interop/peer}
[ -x "$peer" ] || { echo "no program at $peer" >&2; exit 2; }
work=$(mktemp -d /tmp/interop-XXXXXX)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# one LIB TYPE (binds) LIB TYPE (connects) ENDPOINT COUNT SIZE NAME
one() {
    rm -f "$work/out" "$work/err"
    PEER=$4 LD_LIBRARY_PATH=$1 timeout -k 2 "${LIMIT:-40}" "$peer" bind "$2" "$5" "$6" "$7" >"$work/out" 2>"$work/err" &
    server=$!
    # Wait for the endpoint, at most ten seconds, without hoping.
    tries=0
    while [ ! -s "$work/out" ] && [ $tries -lt 500 ] && kill -0 $server 2>/dev/null; do
        sleep 0.02
        tries=$((tries + 1))
    done
    where=$(head -1 "$work/out")
    PEER=$2 LD_LIBRARY_PATH=$3 timeout -k 2 "${LIMIT:-40}" "$peer" connect "$4" "$where" "$6" "$7" >"$work/out2" 2>&1
    client=$?
    [ $client -eq 0 ] || kill $server 2>/dev/null
    wait $server
    server=$?
    if [ $client -eq 0 ] && [ $server -eq 0 ]; then
        echo "ok $8"
        passed=$((passed + 1))
    else
        echo "FAILED $8 (bind exit $server, connect exit $client)"
        sed 's/^/    /' "$work/err" "$work/out2"
        sed 1d "$work/out" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}

# endpoint TRANSPORT
endpoint() {
    if [ "$1" = tcp ]; then echo 'tcp://127.0.0.1:*'; else echo "ipc://$work/s"; fi
}

# fault TYPE (binds) TYPE (connects) WHICH (binds) WHICH (connects): libzmq does not manage that as B, not even with itself
fault() {
    case "${SECURITY:-} ${FATE:-} $3$4 $1-$2" in
    # It sends nothing as a REQ or a DISH that binds and is the server of CURVE or GSSAPI.
    "CURVE accepted b"?" dish-"* | GSSAPI*" accepted b"?" dish-"*) ;;
    "CURVE accepted b"?" req-"* | GSSAPI*" accepted b"?" req-"*) ;;
    # As GSSAPI's server it lets everybody in that Kerberos knows, and keeps waiting for those that it does not.
    GSSAPI*" refused b"* | GSSAPI*" enforced b"* | GSSAPI*" mistaken b"*) ;;
    # It loses sealed subscriptions, but for those that an application sends itself while there is a connection.
    "GSSAPI accepted "?"b "*-sub | "GSSAPI accepted b"?" "sub-* | "GSSAPI accepted b"?" "xsub-*) ;;
    *) return 1 ;;
    esac
}

# pair TYPE (binds) TYPE (connects) WHICH (binds) WHICH (connects) TRANSPORT COUNT SIZE WHAT
pair() {
    fault "$1" "$2" "$3" "$4" && return
    if [ "$3" = a ]; then binder=$a; else binder=$b; fi
    if [ "$4" = a ]; then connecter=$a; else connecter=$b; fi
    one "$binder" "$1" "$connecter" "$2" "$(endpoint "$5")" "$6" "$7" "$8$1(bind,$3)-$2($4) $5 $6 x $7"
}

# ways PAIR TRANSPORT COUNT SIZE WHAT: who has which library, and who binds
libraries="ab ba"
ways() {
    left=${1%-*} right=${1#*-}
    for which in $libraries; do
        pair "$left" "$right" "${which%?}" "${which#?}" "$2" "$3" "$4" "$5"
        [ "$left" = "$right" ] || pair "$right" "$left" "${which%?}" "${which#?}" "$2" "$3" "$4" "$5"
    done
}

# fates MECHANISM FATE...: peers that are let in, and those that are not
fates() {
    export SECURITY="$1"
    shift
    for FATE in "$@"; do
        export FATE
        for transport in tcp ipc; do
            for types in router-dealer pull-push; do
                ways $types $transport 200 300 "$SECURITY, $FATE: "
            done
        done
    done
}

# everything MECHANISM TRANSPORT...: every pair of types, sealed or signed in
everything() {
    export SECURITY="$1" FATE=accepted
    shift
    for types in $pairs; do
        [ "$types" = stream-stream ] && continue
        for transport in "$@"; do
            for dimension in "300 200" "60 70000"; do
                ways "$types" "$transport" $dimension "$SECURITY: "
            done
        done
    done
}

finish() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

pairs=${PAIRS:-pair-pair pub-sub xpub-sub pub-xsub xpub-xsub req-rep req-router dealer-rep dealer-router dealer-dealer \
    router-router push-pull stream-stream client-server radio-dish scatter-gather peer-peer channel-channel}
if [ -n "${REALM_HOST:-}" ]; then
    for mechanism in GSSAPI GSSAPI-plaintext; do
        fates $mechanism accepted refused unheard enforced mistaken other
        everything $mechanism tcp ipc
    done
    # What libzmq does not manage, A does.
    libraries=aa pairs="pub-sub xpub-xsub req-rep"
    for mechanism in GSSAPI GSSAPI-plaintext; do
        fates $mechanism refused enforced mistaken
        everything $mechanism tcp
    done
    finish
fi
for types in $pairs; do
    for transport in tcp ipc; do
        [ "$types-$transport" = stream-stream-ipc ] && continue
        for dimension in "400 20" "200 300" "100 70000"; do
            ways "$types" $transport $dimension ""
        done
    done
done
fates NULL accepted refused unheard enforced other
fates PLAIN accepted refused unheard other
fates CURVE accepted refused unheard enforced mistaken other
everything CURVE tcp
unset SECURITY FATE
# A stream whose sender leaves at once, to a reader that is still busy. Not the other way round: libzmq drops what lies
# behind a hang-up while its own queue is full, so whoever sends to it has to wait until it has read all; A does.
for transport in tcp ipc; do
    endpoint=$(endpoint $transport)
    for round in 1 2 3; do
        one "$b" pull "$a" push "$endpoint" 300000 10 "pull(bind,b)-push(a) $transport, left at once, $round"
        for again in 1 2 3; do
            one "$b" pull "$a" push "$endpoint" 600 100000 "pull(bind,b)-push(a) $transport, left at once, large, $round.$again"
        done
    done
done
finish
