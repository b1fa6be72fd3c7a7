#!/bin/sh
# run.sh LIB_A LIB_B
# Every pair of socket types (or those of $PAIRS) in two processes, one with the library of folder A and one with that of folder B, in both
# directions of bind and connect, over tcp and ipc; PLAIN; then streams from A to B. The program is $PEER_PROGRAM (default: where `make` puts it).
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

# SECURITY=gssapi: Kerberos alone, with a libzmq in B. It loses sealed subscriptions, but for those that an application
# sends itself while there is a connection, and its REQ asks nothing as a server; A is free of that.
if [ "${SECURITY:-}" = gssapi ]; then
    pairs="pair-pair router-dealer dealer-router req-rep rep-req push-pull pull-push pub-xsub xsub-pub xpub-xsub xsub-xpub"
    for SECURITY in gssapi gssapi-plaintext gssapi-refused; do
        export SECURITY
        for transport in tcp ipc; do
            if [ $transport = tcp ]; then endpoint='tcp://127.0.0.1:*'; else endpoint="ipc://$work/s"; fi
            for dimension in "200 300" "50 70000"; do
                number=${dimension% *} bytes=${dimension#* }
                if [ $SECURITY = gssapi-refused ]; then
                    # B lets in whom its handler refuses.
                    one "$a" pull "$b" push "$endpoint" "$number" "$bytes" "$SECURITY: pull(bind,a)-push(b) $transport"
                    one "$a" pull "$a" push "$endpoint" "$number" "$bytes" "$SECURITY: pull(bind,a)-push(a) $transport"
                    continue
                fi
                one "$b" pub "$a" sub "$endpoint" "$number" "$bytes" "$SECURITY: pub(bind,b)-sub(a) $transport $number x $bytes"
                one "$a" sub "$b" pub "$endpoint" "$number" "$bytes" "$SECURITY: sub(bind,a)-pub(b) $transport $number x $bytes"
                if [ $SECURITY = gssapi-plaintext ]; then
                    one "$a" pub "$b" sub "$endpoint" "$number" "$bytes" "$SECURITY: pub(bind,a)-sub(b) $transport $number x $bytes"
                    one "$b" sub "$a" pub "$endpoint" "$number" "$bytes" "$SECURITY: sub(bind,b)-pub(a) $transport $number x $bytes"
                fi
                for pair in $pairs; do
                    one "$a" "${pair%-*}" "$b" "${pair#*-}" "$endpoint" "$number" "$bytes" \
                        "$SECURITY: ${pair%-*}(bind,a)-${pair#*-}(b) $transport $number x $bytes"
                    case "$SECURITY:$pair" in *:req-rep | gssapi:xsub-*) continue ;; esac
                    one "$b" "${pair%-*}" "$a" "${pair#*-}" "$endpoint" "$number" "$bytes" \
                        "$SECURITY: ${pair%-*}(bind,b)-${pair#*-}(a) $transport $number x $bytes"
                done
            done
        done
    done
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
fi
for pair in ${PAIRS:-pair-pair pub-sub xpub-sub pub-xsub xpub-xsub req-rep req-router dealer-rep dealer-router dealer-dealer \
    router-router push-pull stream-stream client-server radio-dish scatter-gather peer-peer channel-channel}; do
    left=${pair%-*} right=${pair#*-}
    for transport in tcp ipc; do
        [ "$pair-$transport" = stream-stream-ipc ] && continue
        for dimension in "400 20" "200 300" "100 70000"; do
            number=${dimension% *} bytes=${dimension#* }
            if [ $transport = tcp ]; then endpoint='tcp://127.0.0.1:*'; else endpoint="ipc://$work/s"; fi
            for libs in ab ba; do
                if [ $libs = ab ]; then one_lib=$a two_lib=$b; else one_lib=$b two_lib=$a; fi
                one "$one_lib" "$left" "$two_lib" "$right" "$endpoint" "$number" "$bytes" \
                    "$left(bind,$(echo $libs | cut -c1))-$right $transport $number x $bytes"
                [ "$left" = "$right" ] && continue
                one "$one_lib" "$right" "$two_lib" "$left" "$endpoint" "$number" "$bytes" \
                    "$right(bind,$(echo $libs | cut -c1))-$left $transport $number x $bytes"
            done
        done
    done
done
# PLAIN: a peer that is let in, one that is refused, and a server without a ZAP handler.
for SECURITY in plain refused unheard; do
    export SECURITY
    for transport in tcp ipc; do
        if [ $transport = tcp ]; then endpoint='tcp://127.0.0.1:*'; else endpoint="ipc://$work/s"; fi
        for libs in ab ba; do
            if [ $libs = ab ]; then one_lib=$a two_lib=$b; else one_lib=$b two_lib=$a; fi
            for pair in router-dealer dealer-router pull-push push-pull; do
                one "$one_lib" "${pair%-*}" "$two_lib" "${pair#*-}" "$endpoint" 200 300 \
                    "$SECURITY: ${pair%-*}(bind,$(echo $libs | cut -c1))-${pair#*-} $transport"
            done
        done
    done
done
unset SECURITY
# A stream whose sender leaves at once, to a reader that is still busy. Not the other way round: libzmq drops what lies
# behind a hang-up while its own queue is full, so whoever sends to it has to wait until it has read all; A does.
for transport in tcp ipc; do
    if [ $transport = tcp ]; then endpoint='tcp://127.0.0.1:*'; else endpoint="ipc://$work/s"; fi
    for round in 1 2 3; do
        one "$b" pull "$a" push "$endpoint" 300000 10 "pull(bind,b)-push(a) $transport, left at once, $round"
        for again in 1 2 3; do
            one "$b" pull "$a" push "$endpoint" 600 100000 "pull(bind,b)-push(a) $transport, left at once, large, $round.$again"
        done
    done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
