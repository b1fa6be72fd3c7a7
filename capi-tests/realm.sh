#!/bin/sh
# realm.sh COMMAND [ARGUMENT ...]
# Runs the command, in an empty folder, in a Kerberos realm that exists for it alone: a key distribution center on a loopback port, its database
# and all files in a temporary folder. The environment says where: KRB5_CONFIG, KRB5_KTNAME and KRB5_CLIENT_KTNAME with
# the keys of zmqtest2/HOST, friend/HOST and stranger, KRB5_STRANGER with that of stranger alone, KRB5_EMPTY with none,
# REALM_HOST.
# Exits as the command does; with 77 where there is no such center to run.
set -u
[ $# -ge 1 ] || { sed -n 2,7p "$0"; exit 2; }
PATH=$PATH:/usr/sbin:/sbin
for tool in kdb5_util kadmin.local krb5kdc kinit; do
    command -v $tool >/dev/null || { echo "skipped realm: $tool is not installed (krb5-kdc, krb5-admin-server, krb5-user)"; exit 77; }
done
case $1 in
[!/]*/*)
    command=$PWD/$1
    shift
    set -- "$command" "$@"
    ;;
esac
work=$(mktemp -d /tmp/realm-XXXXXX) || exit 2
kdc=
cleanup() {
    [ -n "$kdc" ] && kill "$kdc" 2>/dev/null && wait "$kdc" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 129' HUP INT TERM
# Kerberos names a host in small letters.
REALM_HOST=$(uname -n | tr '[:upper:]' '[:lower:]')

configure() {
    cat >"$work/krb5.conf" <<EOT
[libdefaults]
    default_realm = OZMQ.TEST
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    qualify_shortname = ""
    rdns = false
    udp_preference_limit = 1
[realms]
    OZMQ.TEST = {
        kdc = 127.0.0.1:$1
    }
EOT
    cat >"$work/kdc.conf" <<EOT
[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = 127.0.0.1:$1
[realms]
    OZMQ.TEST = {
        database_name = $work/principal
        key_stash_file = $work/stash
        acl_file = $work/acl
        max_life = 1h
        supported_enctypes = aes256-cts-hmac-sha1-96:normal
    }
[logging]
    kdc = FILE:$work/kdc.log
EOT
}

export KRB5_CONFIG="$work/krb5.conf" KRB5_KDC_PROFILE="$work/kdc.conf" KRB5RCACHEDIR="$work" KRB5CCNAME="DIR:$work/tickets"
export KRB5_KTNAME="FILE:$work/keytab" KRB5_CLIENT_KTNAME="FILE:$work/keytab" REALM_HOST
export KRB5_STRANGER="FILE:$work/stranger" KRB5_EMPTY="FILE:$work/nothing"
mkdir "$work/tickets"
configure 1
{
    kdb5_util create -s -r OZMQ.TEST -P swordfish &&
        for name in zmqtest2 friend; do
            kadmin.local -q "addprinc -randkey $name/$REALM_HOST" && kadmin.local -q "ktadd -k $work/keytab $name/$REALM_HOST"
        done && kadmin.local -q "addprinc -randkey stranger" && kadmin.local -q "ktadd -k $work/stranger stranger" &&
        kadmin.local -q "ktadd -norandkey -k $work/keytab stranger" &&
        [ -s "$work/keytab" ] && [ -s "$work/stranger" ]
} >"$work/making" 2>&1 || { cat "$work/making"; exit 2; }

# Whichever port is free: the center ends at once where it cannot have one.
tries=0
while [ $tries -lt 40 ]; do
    port=$((20000 + ($$ * 7 + tries * 631) % 12000))
    tries=$((tries + 1))
    configure $port
    krb5kdc -n -r OZMQ.TEST >>"$work/making" 2>&1 &
    kdc=$!
    waits=0
    while kill -0 $kdc 2>/dev/null && [ $waits -lt 100 ]; do
        # Only our own center knows the key.
        if KRB5CCNAME="FILE:$work/probe" timeout 5 kinit -k -t "$work/stranger" stranger >>"$work/making" 2>&1; then
            # A ticket that a program leaves in a file is of no use in the next realm.
            mkdir "$work/folder" && cd "$work/folder" || exit 2
            "$@"
            exit $?
        fi
        waits=$((waits + 1))
        sleep 0.05
    done
    kill $kdc 2>/dev/null
    wait $kdc 2>/dev/null
    kdc=
done
cat "$work/making"
exit 2
