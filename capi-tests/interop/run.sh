#!/bin/sh
# run.sh LIB_A LIB_B
# Every pair of socket types (or those of $PAIRS) in two processes, one with the library of folder A and one with that of folder B, in both
# directions of bind and connect, over tcp and ipc; every security mechanism; then streams from A to B. The program is $PEER_PROGRAM (default: where `make` puts it).
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

# libzmq sends nothing as a REQ or a DISH that binds and is CURVE's server, not even to itself; B may be libzmq.
# knows BINDING-TYPE LIBS WHAT
knows() {
    case "$3$1 $2" in
    "CURVE: dish ba" | "CURVE: req ba") return 1 ;;
    esac
}

# ways PAIR TRANSPORT COUNT SIZE WHAT: who has which library, and who binds
ways() {
    left=${1%-*} right=${1#*-} where=$(endpoint "$2")
    for libs in ab ba; do
        if [ $libs = ab ]; then one_lib=$a two_lib=$b; else one_lib=$b two_lib=$a; fi
        side=$(echo $libs | cut -c1)
        if knows "$left" $libs "$5"; then
            one "$one_lib" "$left" "$two_lib" "$right" "$where" "$3" "$4" "$5$left(bind,$side)-$right $2 $3 x $4"
        fi
        if [ "$left" != "$right" ] && knows "$right" $libs "$5"; then
            one "$one_lib" "$right" "$two_lib" "$left" "$where" "$3" "$4" "$5$right(bind,$side)-$left $2 $3 x $4"
        fi
    done
}

pairs=${PAIRS:-pair-pair pub-sub xpub-sub pub-xsub xpub-xsub req-rep req-router dealer-rep dealer-router dealer-dealer \
    router-router push-pull stream-stream client-server radio-dish scatter-gather peer-peer channel-channel}
for pair in $pairs; do
    for transport in tcp ipc; do
        [ "$pair-$transport" = stream-stream-ipc ] && continue
        for dimension in "400 20" "200 300" "100 70000"; do
            ways "$pair" $transport $dimension ""
        done
    done
done
# Every mechanism: peers that are let in, and those that are not. GSSAPI, where there is a Kerberos to ask, is one more row.
for security in "NULL accepted refused unheard enforced other" "PLAIN accepted refused unheard other" \
    "CURVE accepted refused unheard enforced mistaken other"; do
    export SECURITY="${security%% *}"
    for FATE in ${security#* }; do
        export FATE
        for transport in tcp ipc; do
            for pair in router-dealer pull-push; do
                ways $pair $transport 200 300 "$SECURITY, $FATE: "
            done
        done
    done
done
# Everything again, encrypted.
export SECURITY=CURVE FATE=accepted
for pair in $pairs; do
    [ "$pair" = stream-stream ] && continue
    for dimension in "300 200" "60 70000"; do
        ways "$pair" tcp $dimension "CURVE: "
    done
done
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
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
