/* SPDX-License-Identifier: MPL-2.0 */
/* Generated from zmq.h.in and the tables in src/options: change those, then run
   OZMQ_BLESS=1 cargo test --test header */

/* The C interface of libzmq 4.3.5, as ozmq implements it. */

#ifndef __ZMQ_H_INCLUDED__
#define __ZMQ_H_INCLUDED__

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ZMQ_DEFINED_STDINT 1

#if defined ZMQ_NO_EXPORT || !defined __GNUC__
#define ZMQ_EXPORT
#else
#define ZMQ_EXPORT __attribute__ ((visibility ("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------ */

/* The version of the interface. */

/* Major. */
#define ZMQ_VERSION_MAJOR 4
/* Minor. */
#define ZMQ_VERSION_MINOR 3
/* Patch. */
#define ZMQ_VERSION_PATCH 5

#define ZMQ_MAKE_VERSION(major, minor, patch) ((major) * 10000 + (minor) * 100 + (patch))
#define ZMQ_VERSION ZMQ_MAKE_VERSION (ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH)

/* The version of the library that the program runs with. */
ZMQ_EXPORT void zmq_version (int *major, int *minor, int *patch);

/* What the library has. */

/* The function zmq_has exists. */
#define ZMQ_HAS_CAPABILITIES 1

/* 1 if the library has "ipc", "curve", "WS", ... and 0 if not. */
ZMQ_EXPORT int zmq_has (const char *capability);

/* ---- Errors ------------------------------------------------------------- */

/* Base of the error numbers that the system has not. */

/* Clear of every system's own. */
#define ZMQ_HAUSNUMERO 156384712

#ifndef ENOTSUP
#define ENOTSUP (ZMQ_HAUSNUMERO + 1)
#endif
#ifndef EPROTONOSUPPORT
#define EPROTONOSUPPORT (ZMQ_HAUSNUMERO + 2)
#endif
#ifndef ENOBUFS
#define ENOBUFS (ZMQ_HAUSNUMERO + 3)
#endif
#ifndef ENETDOWN
#define ENETDOWN (ZMQ_HAUSNUMERO + 4)
#endif
#ifndef EADDRINUSE
#define EADDRINUSE (ZMQ_HAUSNUMERO + 5)
#endif
#ifndef EADDRNOTAVAIL
#define EADDRNOTAVAIL (ZMQ_HAUSNUMERO + 6)
#endif
#ifndef ECONNREFUSED
#define ECONNREFUSED (ZMQ_HAUSNUMERO + 7)
#endif
#ifndef EINPROGRESS
#define EINPROGRESS (ZMQ_HAUSNUMERO + 8)
#endif
#ifndef ENOTSOCK
#define ENOTSOCK (ZMQ_HAUSNUMERO + 9)
#endif
#ifndef EMSGSIZE
#define EMSGSIZE (ZMQ_HAUSNUMERO + 10)
#endif
#ifndef EAFNOSUPPORT
#define EAFNOSUPPORT (ZMQ_HAUSNUMERO + 11)
#endif
#ifndef ENETUNREACH
#define ENETUNREACH (ZMQ_HAUSNUMERO + 12)
#endif
#ifndef ECONNABORTED
#define ECONNABORTED (ZMQ_HAUSNUMERO + 13)
#endif
#ifndef ECONNRESET
#define ECONNRESET (ZMQ_HAUSNUMERO + 14)
#endif
#ifndef ENOTCONN
#define ENOTCONN (ZMQ_HAUSNUMERO + 15)
#endif
#ifndef ETIMEDOUT
#define ETIMEDOUT (ZMQ_HAUSNUMERO + 16)
#endif
#ifndef EHOSTUNREACH
#define EHOSTUNREACH (ZMQ_HAUSNUMERO + 17)
#endif
#ifndef ENETRESET
#define ENETRESET (ZMQ_HAUSNUMERO + 18)
#endif

#define EFSM (ZMQ_HAUSNUMERO + 51)
#define ENOCOMPATPROTO (ZMQ_HAUSNUMERO + 52)
#define ETERM (ZMQ_HAUSNUMERO + 53)
#define EMTHREAD (ZMQ_HAUSNUMERO + 54)

/* errno of the calling thread. */
ZMQ_EXPORT int zmq_errno (void);

/* What an error number means. */
ZMQ_EXPORT const char *zmq_strerror (int errnum);

/* ---- Contexts ----------------------------------------------------------- */

/* Context options. */

/* How many I/O threads there are; with 0 only inproc works. Counts until the first socket. */
#define ZMQ_IO_THREADS 1
/* How many sockets may be open at once. Counts until the first socket. */
#define ZMQ_MAX_SOCKETS 2
/* The largest value of MAX_SOCKETS that makes sense. */
#define ZMQ_SOCKET_LIMIT 3
/* The priority of background threads started later. */
#define ZMQ_THREAD_PRIORITY 3
/* The scheduling policy of background threads started later, as the system numbers them. */
#define ZMQ_THREAD_SCHED_POLICY 4
/* The largest message, in bytes; kept and read back, and nothing more. */
#define ZMQ_MAX_MSGSZ 5
/* The size of zmq_msg_t. */
#define ZMQ_MSG_T_SIZE 6
/* Let background threads started later run on this CPU; several add up. */
#define ZMQ_THREAD_AFFINITY_CPU_ADD 7
/* Take a CPU out of that set again. */
#define ZMQ_THREAD_AFFINITY_CPU_REMOVE 8
/* Prefix of the names of background threads. Four bytes are taken for a number. */
#define ZMQ_THREAD_NAME_PREFIX 9
/* Whether new sockets linger for ever (1) or not at all (0). */
#define ZMQ_BLOCKY 70

/* Defaults of a new context. */

/* I/O threads. */
#define ZMQ_IO_THREADS_DFLT 1
/* Sockets. */
#define ZMQ_MAX_SOCKETS_DFLT 1023
/* The priority of background threads is left alone. */
#define ZMQ_THREAD_PRIORITY_DFLT -1
/* The scheduling policy of background threads is left alone. */
#define ZMQ_THREAD_SCHED_POLICY_DFLT -1

ZMQ_EXPORT void *zmq_ctx_new (void);
ZMQ_EXPORT int zmq_ctx_term (void *context);
ZMQ_EXPORT int zmq_ctx_shutdown (void *context);
ZMQ_EXPORT int zmq_ctx_set (void *context, int option, int value);
ZMQ_EXPORT int zmq_ctx_get (void *context, int option);

/* Deprecated: zmq_ctx_new with a number of I/O threads, and zmq_ctx_term twice. */
ZMQ_EXPORT void *zmq_init (int io_threads);
ZMQ_EXPORT int zmq_term (void *context);
ZMQ_EXPORT int zmq_ctx_destroy (void *context);

/* ---- Messages ----------------------------------------------------------- */

/* One frame. Its bytes are the library's; they stand on the alignment of a pointer. */
typedef struct zmq_msg_t
{
#ifdef __GNUC__
    unsigned char _[64] __attribute__ ((aligned (sizeof (void *))));
#else
    unsigned char _[64];
#endif
} zmq_msg_t;

/* Frees the data of a message. May run on any thread. */
typedef void (zmq_free_fn) (void *data, void *hint);

/* Message properties. */

/* More frames of this message follow. */
#define ZMQ_MORE 1
/* Deprecated: The descriptor a message came by. */
#define ZMQ_SRCFD 2
/* Its bytes are shared with another message. */
#define ZMQ_SHARED 3

ZMQ_EXPORT int zmq_msg_init (zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_init_size (zmq_msg_t *msg, size_t size);
ZMQ_EXPORT int zmq_msg_init_data (zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *free_fn, void *hint);
ZMQ_EXPORT int zmq_msg_send (zmq_msg_t *msg, void *socket, int flags);
ZMQ_EXPORT int zmq_msg_recv (zmq_msg_t *msg, void *socket, int flags);
ZMQ_EXPORT int zmq_msg_close (zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_move (zmq_msg_t *dest, zmq_msg_t *src);
ZMQ_EXPORT int zmq_msg_copy (zmq_msg_t *dest, zmq_msg_t *src);
ZMQ_EXPORT void *zmq_msg_data (zmq_msg_t *msg);
ZMQ_EXPORT size_t zmq_msg_size (const zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_more (const zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_get (const zmq_msg_t *msg, int property);
ZMQ_EXPORT int zmq_msg_set (zmq_msg_t *msg, int property, int value);
ZMQ_EXPORT const char *zmq_msg_gets (const zmq_msg_t *msg, const char *property);

/* ---- Sockets ------------------------------------------------------------ */

/* Socket types. */

/* One peer, both ways. */
#define ZMQ_PAIR 0
/* Publishes to many. */
#define ZMQ_PUB 1
/* Receives what it subscribed to. */
#define ZMQ_SUB 2
/* Asks, then waits for the answer. */
#define ZMQ_REQ 3
/* Answers. */
#define ZMQ_REP 4
/* Asks many without waiting. */
#define ZMQ_DEALER 5
/* Answers whom it names. */
#define ZMQ_ROUTER 6
/* Takes work. */
#define ZMQ_PULL 7
/* Hands out work. */
#define ZMQ_PUSH 8
/* PUB that sees subscriptions. */
#define ZMQ_XPUB 9
/* SUB that sends subscriptions as messages. */
#define ZMQ_XSUB 10
/* Speaks plain TCP. */
#define ZMQ_STREAM 11
/* Deprecated: DEALER. */
#define ZMQ_XREQ ZMQ_DEALER
/* Deprecated: ROUTER. */
#define ZMQ_XREP ZMQ_ROUTER

/* Socket options. */

/* The I/O threads that may serve new endpoints: bit n stands for thread n, 0 for all. */
#define ZMQ_AFFINITY 4
/* The name under which this socket is known to the ROUTER at the other end. */
#define ZMQ_ROUTING_ID 5
#define ZMQ_IDENTITY ZMQ_ROUTING_ID
/* Receive messages that begin with these bytes; on XPUB in manual mode, answer the last request so. */
#define ZMQ_SUBSCRIBE 6
/* Take one such subscription back. */
#define ZMQ_UNSUBSCRIBE 7
/* Sending rate of multicast transports, in kilobits per second. */
#define ZMQ_RATE 8
/* How long multicast data can be asked for again, in milliseconds. */
#define ZMQ_RECOVERY_IVL 9
/* Size of the kernel's transmit buffer, in bytes; -1 leaves it to the system. */
#define ZMQ_SNDBUF 11
/* Size of the kernel's receive buffer, in bytes; -1 leaves it to the system. */
#define ZMQ_RCVBUF 12
/* 1 when more frames of the message last received follow. */
#define ZMQ_RCVMORE 13
/* A descriptor that becomes readable when EVENTS may have changed. Thread-safe sockets have none. */
#define ZMQ_FD 14
/* What the socket can do now: POLLIN, POLLOUT or both. */
#define ZMQ_EVENTS 15
/* The socket type. */
#define ZMQ_TYPE 16
/* How long unsent messages outlive a close, in milliseconds; -1 for ever. SUB, XSUB and DISH start with 0. */
#define ZMQ_LINGER 17
/* Wait before a lost connection is tried again, in milliseconds; -1 and 0 mean never. */
#define ZMQ_RECONNECT_IVL 18
/* How many connections may wait to be accepted. */
#define ZMQ_BACKLOG 19
/* Where the doubling of RECONNECT_IVL ends, in milliseconds; 0 does not double. */
#define ZMQ_RECONNECT_IVL_MAX 21
/* The largest frame a peer may send, in bytes; a peer that exceeds it is dropped. Negative for no limit. */
#define ZMQ_MAXMSGSIZE 22
/* How many messages may wait for one peer; 0 for no limit. */
#define ZMQ_SNDHWM 23
/* How many messages of one peer may wait for the application; 0 for no limit. */
#define ZMQ_RCVHWM 24
/* How many routers a multicast packet may pass. */
#define ZMQ_MULTICAST_HOPS 25
/* How long a receive waits, in milliseconds; -1 for ever, 0 not at all. */
#define ZMQ_RCVTIMEO 27
/* How long a send waits, in milliseconds; -1 for ever, 0 not at all. */
#define ZMQ_SNDTIMEO 28
/* Deprecated: The opposite of IPV6. */
#define ZMQ_IPV4ONLY 31
/* The endpoint last bound or connected, wildcards resolved. */
#define ZMQ_LAST_ENDPOINT 32
/* Report messages to unknown peers (EHOSTUNREACH) or full ones (EAGAIN) instead of dropping them. */
#define ZMQ_ROUTER_MANDATORY 33
#define ZMQ_FAIL_UNROUTABLE ZMQ_ROUTER_MANDATORY
#define ZMQ_ROUTER_BEHAVIOR ZMQ_ROUTER_MANDATORY
/* TCP keep-alive: on, off, or -1 for the system's choice. */
#define ZMQ_TCP_KEEPALIVE 34
/* Probes lost before a TCP connection counts as dead; -1 for the system's choice. */
#define ZMQ_TCP_KEEPALIVE_CNT 35
/* Seconds of silence before the first TCP probe; -1 for the system's choice. */
#define ZMQ_TCP_KEEPALIVE_IDLE 36
/* Seconds between TCP probes; -1 for the system's choice. */
#define ZMQ_TCP_KEEPALIVE_INTVL 37
/* Deprecated: Only accept TCP connections from this network; several add up. */
#define ZMQ_TCP_ACCEPT_FILTER 38
/* Queue messages only for peers whose connection stands. */
#define ZMQ_IMMEDIATE 39
#define ZMQ_DELAY_ATTACH_ON_CONNECT ZMQ_IMMEDIATE
/* Hand every subscription up, repeated ones too. */
#define ZMQ_XPUB_VERBOSE 40
/* Deprecated: Speak plain TCP instead of ZMTP. */
#define ZMQ_ROUTER_RAW 41
/* Use IPv6 as well as IPv4. The context's IPV6 is its default. */
#define ZMQ_IPV6 42
/* The security mechanism that the other options add up to. */
#define ZMQ_MECHANISM 43
/* Be the server of the PLAIN mechanism; 0 returns to NULL. */
#define ZMQ_PLAIN_SERVER 44
/* User name for the PLAIN mechanism; selects it. NULL returns to the NULL mechanism. */
#define ZMQ_PLAIN_USERNAME 45
/* Password for the PLAIN mechanism; selects it. NULL returns to the NULL mechanism. */
#define ZMQ_PLAIN_PASSWORD 46
/* Be the server of the CURVE mechanism; 0 returns to NULL. */
#define ZMQ_CURVE_SERVER 47
/* Own long-term public key; selects the CURVE mechanism. */
#define ZMQ_CURVE_PUBLICKEY 48
/* Own long-term secret key; selects the CURVE mechanism. */
#define ZMQ_CURVE_SECRETKEY 49
/* The server's public key; makes this socket a CURVE client. */
#define ZMQ_CURVE_SERVERKEY 50
/* Greet every new peer with an empty message. */
#define ZMQ_PROBE_ROUTER 51
/* Number the requests, and take only the matching reply. */
#define ZMQ_REQ_CORRELATE 52
/* Allow a new request before the reply to the last. */
#define ZMQ_REQ_RELAXED 53
/* Keep only the newest message of each pipe. */
#define ZMQ_CONFLATE 54
/* The domain named in authentication requests; turns authentication on for the NULL mechanism. */
#define ZMQ_ZAP_DOMAIN 55
/* Let a new peer take over a routing id in use. */
#define ZMQ_ROUTER_HANDOVER 56
/* The type-of-service byte of IP packets. */
#define ZMQ_TOS 57
/* Deprecated: Accept ipc connections of this process; the three filters add up. */
#define ZMQ_IPC_FILTER_PID 58
/* Deprecated: Accept ipc connections of this user. */
#define ZMQ_IPC_FILTER_UID 59
/* Deprecated: Accept ipc connections of this group. */
#define ZMQ_IPC_FILTER_GID 60
/* The routing id to give to the peer of the next connect. */
#define ZMQ_CONNECT_ROUTING_ID 61
#define ZMQ_CONNECT_RID ZMQ_CONNECT_ROUTING_ID
/* Be the server of the GSSAPI mechanism; selects it, even when 0. */
#define ZMQ_GSSAPI_SERVER 62
/* Own principal; selects the GSSAPI mechanism. */
#define ZMQ_GSSAPI_PRINCIPAL 63
/* The server's principal; makes this socket a GSSAPI client. */
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL 64
/* Authenticate only, do not encrypt. */
#define ZMQ_GSSAPI_PLAINTEXT 65
/* How long a handshake may take, in milliseconds; 0 for no limit. */
#define ZMQ_HANDSHAKE_IVL 66
/* The SOCKS5 proxy, host:port, through which TCP connections are made. */
#define ZMQ_SOCKS_PROXY 68
/* Wait for (or report) a full subscriber instead of dropping the message. */
#define ZMQ_XPUB_NODROP 69
/* Subscribe only what the application answers to a request. */
#define ZMQ_XPUB_MANUAL 71
/* A message that every new subscriber gets first. */
#define ZMQ_XPUB_WELCOME_MSG 72
/* Report each peer that comes or goes by an empty message. */
#define ZMQ_STREAM_NOTIFY 73
/* Deliver what no subscription matches. Publisher and subscriber must agree. */
#define ZMQ_INVERT_MATCHING 74
/* Time between heartbeats, in milliseconds; 0 for none. */
#define ZMQ_HEARTBEAT_IVL 75
/* How long the peer may wait for our next byte, in milliseconds, cut to tenths of a second; 0 for no limit. */
#define ZMQ_HEARTBEAT_TTL 76
/* How long we wait for an answer to a heartbeat, in milliseconds; -1, the default, stands for HEARTBEAT_IVL. */
#define ZMQ_HEARTBEAT_TIMEOUT 77
/* Hand every subscription and unsubscription up, repeated ones too. */
#define ZMQ_XPUB_VERBOSER 78
/* How long one attempt to connect may take, in milliseconds; 0 leaves it to the system. */
#define ZMQ_CONNECT_TIMEOUT 79
/* How long sent TCP data may stay unacknowledged, in milliseconds; 0 leaves it to the system. */
#define ZMQ_TCP_MAXRT 80
/* 1 for the socket types that several threads may use at once. */
#define ZMQ_THREAD_SAFE 81
/* Largest multicast packet, in bytes. */
#define ZMQ_MULTICAST_MAXTPDU 84
/* Buffer size of vmci connections, in bytes; 0 leaves it to the system. */
#define ZMQ_VMCI_BUFFER_SIZE 85
/* Smallest buffer size a vmci peer may ask for; 0 leaves it to the system. */
#define ZMQ_VMCI_BUFFER_MIN_SIZE 86
/* Largest buffer size a vmci peer may ask for; 0 leaves it to the system. */
#define ZMQ_VMCI_BUFFER_MAX_SIZE 87
/* How long a vmci connection attempt may take, in milliseconds; -1 leaves it to the system. */
#define ZMQ_VMCI_CONNECT_TIMEOUT 88
/* A listening descriptor for the next bind to adopt; -1 for none. */
#define ZMQ_USE_FD 89
/* How GSSAPI_PRINCIPAL is to be read. */
#define ZMQ_GSSAPI_PRINCIPAL_NAMETYPE 90
/* How GSSAPI_SERVICE_PRINCIPAL is to be read. */
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE 91
/* The network interface, by name, that all traffic must use. */
#define ZMQ_BINDTODEVICE 92

/* Security mechanisms. */

/* None. */
#define ZMQ_NULL 0
/* User name and password. */
#define ZMQ_PLAIN 1
/* Elliptic curves. */
#define ZMQ_CURVE 2
/* Kerberos. */
#define ZMQ_GSSAPI 3

/* How GSSAPI principals are to be read. */

/* service@host. */
#define ZMQ_GSSAPI_NT_HOSTBASED 0
/* A user of this system. */
#define ZMQ_GSSAPI_NT_USER_NAME 1
/* A Kerberos principal. */
#define ZMQ_GSSAPI_NT_KRB5_PRINCIPAL 2

/* RADIO and DISH. */

/* The longest name of a group. */
#define ZMQ_GROUP_MAX_LENGTH 255

/* Flags of send and receive. */

/* Fail rather than wait. */
#define ZMQ_DONTWAIT 1
/* More frames of this message follow. */
#define ZMQ_SNDMORE 2
/* Deprecated: DONTWAIT. */
#define ZMQ_NOBLOCK ZMQ_DONTWAIT

ZMQ_EXPORT void *zmq_socket (void *context, int type);
ZMQ_EXPORT int zmq_close (void *socket);
ZMQ_EXPORT int zmq_setsockopt (void *socket, int option, const void *value, size_t size);
ZMQ_EXPORT int zmq_getsockopt (void *socket, int option, void *value, size_t *size);
ZMQ_EXPORT int zmq_bind (void *socket, const char *endpoint);
ZMQ_EXPORT int zmq_connect (void *socket, const char *endpoint);
ZMQ_EXPORT int zmq_unbind (void *socket, const char *endpoint);
ZMQ_EXPORT int zmq_disconnect (void *socket, const char *endpoint);
ZMQ_EXPORT int zmq_send (void *socket, const void *data, size_t size, int flags);
ZMQ_EXPORT int zmq_send_const (void *socket, const void *data, size_t size, int flags);
ZMQ_EXPORT int zmq_recv (void *socket, void *data, size_t size, int flags);

/* Deprecated: zmq_msg_send and zmq_msg_recv, and several frames at once. */
struct iovec;
ZMQ_EXPORT int zmq_sendmsg (void *socket, zmq_msg_t *msg, int flags);
ZMQ_EXPORT int zmq_recvmsg (void *socket, zmq_msg_t *msg, int flags);
ZMQ_EXPORT int zmq_sendiov (void *socket, struct iovec *parts, size_t count, int flags);
ZMQ_EXPORT int zmq_recviov (void *socket, struct iovec *parts, size_t *count, int flags);

/* ---- Monitoring --------------------------------------------------------- */

/* What a socket monitor reports. */

/* A connection was made. */
#define ZMQ_EVENT_CONNECTED 0x0001
/* A connection is being made. */
#define ZMQ_EVENT_CONNECT_DELAYED 0x0002
/* A connection will be tried again. */
#define ZMQ_EVENT_CONNECT_RETRIED 0x0004
/* An endpoint is bound. */
#define ZMQ_EVENT_LISTENING 0x0008
/* An endpoint could not be bound. */
#define ZMQ_EVENT_BIND_FAILED 0x0010
/* A connection was accepted. */
#define ZMQ_EVENT_ACCEPTED 0x0020
/* A connection could not be accepted. */
#define ZMQ_EVENT_ACCEPT_FAILED 0x0040
/* A descriptor was closed. */
#define ZMQ_EVENT_CLOSED 0x0080
/* A descriptor could not be closed. */
#define ZMQ_EVENT_CLOSE_FAILED 0x0100
/* A connection was lost. */
#define ZMQ_EVENT_DISCONNECTED 0x0200
/* This is the last event. */
#define ZMQ_EVENT_MONITOR_STOPPED 0x0400
/* All stable events. */
#define ZMQ_EVENT_ALL 0xFFFF
/* A handshake failed; the value is an error number. */
#define ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL 0x0800
/* A handshake is complete. */
#define ZMQ_EVENT_HANDSHAKE_SUCCEEDED 0x1000
/* A handshake broke the protocol; the value is one of the codes below. */
#define ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL 0x2000
/* Authentication failed; the value is the status 300, 400 or 500. */
#define ZMQ_EVENT_HANDSHAKE_FAILED_AUTH 0x4000

/* How a handshake broke the protocol. */

/* ZMTP: anything else. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED 0x10000000
/* ZMTP: a command out of turn. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND 0x10000001
/* ZMTP: a nonce that does not increase. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE 0x10000002
/* ZMTP: keys that do not belong together. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE 0x10000003
/* ZMTP: a malformed command. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED 0x10000011
/* ZMTP: a malformed MESSAGE. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE 0x10000012
/* ZMTP: a malformed HELLO. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO 0x10000013
/* ZMTP: a malformed INITIATE. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE 0x10000014
/* ZMTP: a malformed ERROR. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR 0x10000015
/* ZMTP: a malformed READY. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY 0x10000016
/* ZMTP: a malformed WELCOME. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME 0x10000017
/* ZMTP: properties that cannot be read or do not fit. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA 0x10000018
/* ZMTP: a box that does not open. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC 0x11000001
/* ZMTP: another mechanism than ours. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH 0x11000002
/* ZAP: anything else. */
#define ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED 0x20000000
/* ZAP: a malformed reply. */
#define ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY 0x20000001
/* ZAP: a reply to another request. */
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID 0x20000002
/* ZAP: a reply of another version. */
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION 0x20000003
/* ZAP: a status other than 200, 300, 400 and 500. */
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE 0x20000004
/* ZAP: properties that cannot be read. */
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA 0x20000005
/* WebSocket: anything. */
#define ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED 0x30000000

ZMQ_EXPORT int zmq_socket_monitor (void *socket, const char *endpoint, int events);

/* ---- Polling ------------------------------------------------------------ */

/* What to poll for. */

/* Something can be received. */
#define ZMQ_POLLIN 1
/* Something can be sent. */
#define ZMQ_POLLOUT 2
/* The descriptor is in error. */
#define ZMQ_POLLERR 4
/* Urgent data can be read. */
#define ZMQ_POLLPRI 8
/* How many items a poll handles without asking for memory. */
#define ZMQ_POLLITEMS_DFLT 16

typedef int zmq_fd_t;

/* A socket, or a descriptor if there is no socket. */
typedef struct zmq_pollitem_t
{
    void *socket;
    zmq_fd_t fd;
    short events;
    short revents;
} zmq_pollitem_t;

ZMQ_EXPORT int zmq_poll (zmq_pollitem_t *items, int count, long timeout);

/* ---- Proxies ------------------------------------------------------------ */

ZMQ_EXPORT int zmq_proxy (void *frontend, void *backend, void *capture);
ZMQ_EXPORT int zmq_proxy_steerable (void *frontend, void *backend, void *capture, void *control);

/* Devices, all of which are proxies. */

/* Deprecated: PULL to PUSH. */
#define ZMQ_STREAMER 1
/* Deprecated: XSUB to XPUB. */
#define ZMQ_FORWARDER 2
/* Deprecated: ROUTER to DEALER. */
#define ZMQ_QUEUE 3

ZMQ_EXPORT int zmq_device (int type, void *frontend, void *backend);

/* ---- Keys --------------------------------------------------------------- */

ZMQ_EXPORT char *zmq_z85_encode (char *dest, const uint8_t *data, size_t size);
ZMQ_EXPORT uint8_t *zmq_z85_decode (uint8_t *dest, const char *string);
ZMQ_EXPORT int zmq_curve_keypair (char *z85_public_key, char *z85_secret_key);
ZMQ_EXPORT int zmq_curve_public (char *z85_public_key, const char *z85_secret_key);

/* ---- Atomic counters ---------------------------------------------------- */

ZMQ_EXPORT void *zmq_atomic_counter_new (void);
ZMQ_EXPORT void zmq_atomic_counter_set (void *counter, int value);
ZMQ_EXPORT int zmq_atomic_counter_inc (void *counter);
ZMQ_EXPORT int zmq_atomic_counter_dec (void *counter);
ZMQ_EXPORT int zmq_atomic_counter_value (void *counter);
ZMQ_EXPORT void zmq_atomic_counter_destroy (void **counter_p);

/* ---- Timers ------------------------------------------------------------- */

#define ZMQ_HAVE_TIMERS

typedef void (zmq_timer_fn) (int timer_id, void *arg);

ZMQ_EXPORT void *zmq_timers_new (void);
ZMQ_EXPORT int zmq_timers_destroy (void **timers_p);
ZMQ_EXPORT int zmq_timers_add (void *timers, size_t interval, zmq_timer_fn handler, void *arg);
ZMQ_EXPORT int zmq_timers_cancel (void *timers, int timer_id);
ZMQ_EXPORT int zmq_timers_set_interval (void *timers, int timer_id, size_t interval);
ZMQ_EXPORT int zmq_timers_reset (void *timers, int timer_id);
ZMQ_EXPORT long zmq_timers_timeout (void *timers);
ZMQ_EXPORT int zmq_timers_execute (void *timers);

/* ---- Clocks and threads ------------------------------------------------- */

/* A stopwatch counts microseconds. */
ZMQ_EXPORT void *zmq_stopwatch_start (void);
ZMQ_EXPORT unsigned long zmq_stopwatch_intermediate (void *watch);
ZMQ_EXPORT unsigned long zmq_stopwatch_stop (void *watch);

ZMQ_EXPORT void zmq_sleep (int seconds);

typedef void (zmq_thread_fn) (void *arg);

ZMQ_EXPORT void *zmq_threadstart (zmq_thread_fn *func, void *arg);
ZMQ_EXPORT void zmq_threadclose (void *thread);

/* ---- Drafts: may still change ------------------------------------------- */

#ifdef ZMQ_BUILD_DRAFT_API

/* Where the system declares sigset_t even to strictly conforming programs. */
#include <sys/select.h>

/* Socket types. */

/* Thread-safe ROUTER of single frames. */
#define ZMQ_SERVER 12
/* Thread-safe DEALER of single frames. */
#define ZMQ_CLIENT 13
/* Publishes to groups. */
#define ZMQ_RADIO 14
/* Receives from groups it joined. */
#define ZMQ_DISH 15
/* Thread-safe PULL of single frames. */
#define ZMQ_GATHER 16
/* Thread-safe PUSH of single frames. */
#define ZMQ_SCATTER 17
/* UDP datagrams. */
#define ZMQ_DGRAM 18
/* SERVER that also connects. */
#define ZMQ_PEER 19
/* Thread-safe PAIR of single frames. */
#define ZMQ_CHANNEL 20

/* What a socket monitor reports. */

/* How full a pipe is. */
#define ZMQ_EVENT_PIPES_STATS 0x10000
/* The version of stable events. */
#define ZMQ_CURRENT_EVENT_VERSION 1
/* The version of draft events. */
#define ZMQ_CURRENT_EVENT_VERSION_DRAFT 2
/* All events of version 1. */
#define ZMQ_EVENT_ALL_V1 ZMQ_EVENT_ALL
/* All events of version 2. */
#define ZMQ_EVENT_ALL_V2 (ZMQ_EVENT_ALL_V1 | ZMQ_EVENT_PIPES_STATS)

/* Forms of NORM_MODE. */

/* Fixed rate. */
#define ZMQ_NORM_FIXED 0
/* Congestion control. */
#define ZMQ_NORM_CC 1
/* Congestion control that tells loss from load. */
#define ZMQ_NORM_CCL 2
/* Congestion control by explicit notification. */
#define ZMQ_NORM_CCE 3
/* Congestion control by explicit notification alone. */
#define ZMQ_NORM_CCE_ECNONLY 4

/* Bits of RECONNECT_STOP. */

/* When refused. */
#define ZMQ_RECONNECT_STOP_CONN_REFUSED 0x1
/* When the handshake failed. */
#define ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED 0x2
/* After a disconnect. */
#define ZMQ_RECONNECT_STOP_AFTER_DISCONNECT 0x4

/* Bits of ROUTER_NOTIFY. */

/* Peers that come. */
#define ZMQ_NOTIFY_CONNECT 1
/* Peers that go. */
#define ZMQ_NOTIFY_DISCONNECT 2

/* Context options. */

/* Hand received messages out without copying them. */
#define ZMQ_ZERO_COPY_RECV 10

/* Socket options. */

/* Follow the authentication protocol to the letter: ask for no domain, and refuse peers while nobody answers. */
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
/* A short cut of Windows for connections within a machine; Linux has it always, so it is only kept and read back. */
#define ZMQ_LOOPBACK_FASTPATH 94
/* A property `X-name:value` to tell every peer. */
#define ZMQ_METADATA 95
/* Multicast packets come back to receivers on the same host. */
#define ZMQ_MULTICAST_LOOP 96
/* Report peers by an empty message: 1 when they come, 2 when they go. Every type can read it. */
#define ZMQ_ROUTER_NOTIFY 97
/* Like XPUB_MANUAL; the message sent after a subscription goes to that subscriber alone. */
#define ZMQ_XPUB_MANUAL_LAST_VALUE 98
/* User name for the SOCKS5 proxy; empty for none. */
#define ZMQ_SOCKS_USERNAME 99
/* Password for the SOCKS5 proxy. */
#define ZMQ_SOCKS_PASSWORD 100
/* How much is read from a connection at once, in bytes, but for a larger body; the default adapts itself. */
#define ZMQ_IN_BATCH_SIZE 101
/* How many bytes of messages are gathered before they are written to a connection; the default adapts itself. */
#define ZMQ_OUT_BATCH_SIZE 102
/* The TLS server's private key. */
#define ZMQ_WSS_KEY_PEM 103
/* The TLS server's certificate chain. */
#define ZMQ_WSS_CERT_PEM 104
/* The certificates that a TLS client trusts. */
#define ZMQ_WSS_TRUST_PEM 105
/* The name that a TLS client asks for and checks. */
#define ZMQ_WSS_HOSTNAME 106
/* A TLS client also trusts the system's certificates. */
#define ZMQ_WSS_TRUST_SYSTEM 107
/* Read only the first frame of a message as a subscription. */
#define ZMQ_ONLY_FIRST_SUBSCRIBE 108
/* When to give a connection up: 1 if refused (tcp), 2 if the handshake failed, 4 if refused (ipc) after anything was disconnected. */
#define ZMQ_RECONNECT_STOP 109
/* A message that every new peer gets first, from ROUTER, DEALER, REP, CLIENT, SERVER and PEER (over inproc from REQ too). */
#define ZMQ_HELLO_MSG 110
/* A message to receive when a peer that connected to us is lost, on ROUTER, SERVER and PEER. */
#define ZMQ_DISCONNECT_MSG 111
/* The kernel's priority of packets. */
#define ZMQ_PRIORITY 112
/* How long the kernel polls the device for a packet, in microseconds. */
#define ZMQ_BUSY_POLL 113
/* A message to receive when a connection that we made is lost, on DEALER, CLIENT and PEER. */
#define ZMQ_HICCUP_MSG 114
/* Send every unsubscription on, repeated ones too. */
#define ZMQ_XSUB_VERBOSE_UNSUBSCRIBE 115
/* How many topics or subscriptions the socket holds. */
#define ZMQ_TOPICS_COUNT 116
/* How norm chooses its rate: fixed, or one of four forms of congestion control. */
#define ZMQ_NORM_MODE 117
/* norm receivers ask the sender alone for lost packets. */
#define ZMQ_NORM_UNICAST_NACK 118
/* Buffer of a norm stream, in KiB. */
#define ZMQ_NORM_BUFFER_SIZE 119
/* Payload of a norm packet, in bytes. */
#define ZMQ_NORM_SEGMENT_SIZE 120
/* Packets in a block of norm's error correction. */
#define ZMQ_NORM_BLOCK_SIZE 121
/* Parity packets that norm computes for a block. */
#define ZMQ_NORM_NUM_PARITY 122
/* Parity packets that norm sends unasked. */
#define ZMQ_NORM_NUM_AUTOPARITY 123
/* A norm sender drops old data rather than wait for slow receivers. */
#define ZMQ_NORM_PUSH 124

/* Names of message properties. */

#define ZMQ_MSG_PROPERTY_ROUTING_ID "Routing-Id"
#define ZMQ_MSG_PROPERTY_SOCKET_TYPE "Socket-Type"
#define ZMQ_MSG_PROPERTY_USER_ID "User-Id"
#define ZMQ_MSG_PROPERTY_PEER_ADDRESS "Peer-Address"

/* Contexts. */
ZMQ_EXPORT int zmq_ctx_set_ext (void *context, int option, const void *value, size_t size);
ZMQ_EXPORT int zmq_ctx_get_ext (void *context, int option, void *value, size_t *size);

/* Sockets. */
ZMQ_EXPORT int zmq_join (void *socket, const char *group);
ZMQ_EXPORT int zmq_leave (void *socket, const char *group);
ZMQ_EXPORT uint32_t zmq_connect_peer (void *socket, const char *endpoint);
ZMQ_EXPORT int zmq_disconnect_peer (void *socket, uint32_t routing_id);
ZMQ_EXPORT int zmq_socket_get_peer_state (void *socket, const void *routing_id, size_t routing_id_size);

/* Messages. */
ZMQ_EXPORT int zmq_msg_set_routing_id (zmq_msg_t *msg, uint32_t routing_id);
ZMQ_EXPORT uint32_t zmq_msg_routing_id (zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_set_group (zmq_msg_t *msg, const char *group);
ZMQ_EXPORT const char *zmq_msg_group (zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_init_buffer (zmq_msg_t *msg, const void *data, size_t size);

/* Monitoring. */
ZMQ_EXPORT int zmq_socket_monitor_versioned (
    void *socket, const char *endpoint, uint64_t events, int version, int type);
ZMQ_EXPORT int zmq_socket_monitor_pipes_stats (void *socket);

/* Polling. */
#define ZMQ_HAVE_POLLER

typedef struct zmq_poller_event_t
{
    void *socket;
    zmq_fd_t fd;
    void *user_data;
    short events;
} zmq_poller_event_t;

ZMQ_EXPORT void *zmq_poller_new (void);
ZMQ_EXPORT int zmq_poller_destroy (void **poller_p);
ZMQ_EXPORT int zmq_poller_size (void *poller);
ZMQ_EXPORT int zmq_poller_add (void *poller, void *socket, void *user_data, short events);
ZMQ_EXPORT int zmq_poller_modify (void *poller, void *socket, short events);
ZMQ_EXPORT int zmq_poller_remove (void *poller, void *socket);
ZMQ_EXPORT int zmq_poller_wait (void *poller, zmq_poller_event_t *event, long timeout);
ZMQ_EXPORT int zmq_poller_wait_all (void *poller, zmq_poller_event_t *events, int count, long timeout);
ZMQ_EXPORT int zmq_poller_fd (void *poller, zmq_fd_t *fd);
ZMQ_EXPORT int zmq_poller_add_fd (void *poller, zmq_fd_t fd, void *user_data, short events);
ZMQ_EXPORT int zmq_poller_modify_fd (void *poller, zmq_fd_t fd, short events);
ZMQ_EXPORT int zmq_poller_remove_fd (void *poller, zmq_fd_t fd);
ZMQ_EXPORT int zmq_ppoll (zmq_pollitem_t *items, int count, long timeout, const sigset_t *sigmask);

#endif /* ZMQ_BUILD_DRAFT_API */

#undef ZMQ_EXPORT

#ifdef __cplusplus
}
#endif

#endif /* __ZMQ_H_INCLUDED__ */
